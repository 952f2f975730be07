"""One row per measured value, for spreadsheets. Values in the record's unit, and as the device displayed them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from gateway.journal import Row

COLUMNS = (
    "id",
    "version",
    "type",
    "time",
    "time_quality",
    "person",
    "device",
    "quantity",
    "value",
    "unit",
    "displayed_value",
    "displayed_unit",
    "mdc",
    "loinc",
    "status",
    "simulated",
    "retracted",
    "n",
    "key",
    "previous",
    "signature",
    "payload",
)
"""The last five prove, with the first value of a thing, what it says: as in a signed export."""


def header() -> str:
    return ",".join(COLUMNS) + "\n"


def lines(rows: Iterable[Row]) -> Iterator[str]:
    yield header()
    for row in rows:
        yield "".join(rows_of(row))


def rows_of(row: Row) -> list[str]:
    """One line for each value."""
    thing = json.loads(row.body)
    proof = (row.n, row.proof.key, row.proof.previous.hex(), row.proof.signature.hex(), row.body) if row.proof is not None else ("",) * 5
    found: list[str] = []
    for quantity, said in _quantities(thing["data"]):
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerow(
            (
                thing["id"],
                thing["version"],
                thing["type"],
                thing["when"]["time"],
                thing["when"]["quality"],
                _text(thing.get("person", "")),
                _text(thing["device"]["name"]),
                quantity,
                *said,
                " ".join(thing["status"]),
                thing["provenance"]["simulated"],
                bool(thing.get("retracted")),
                *(proof if not found else ("",) * 5),
            )
        )
        found.append(buffer.getvalue())
    return found


def _quantities(data: dict[str, Any]) -> Iterator[tuple[str, tuple[object, ...]]]:
    for name, value in data.items():
        if isinstance(value, dict) and "display" in value:
            display = value["display"]
            yield name, (value["value"], value["unit"], display["value"], display["unit"], value.get("mdc", ""), value.get("loinc", ""))
        elif name == "details":
            yield from _quantities(value)
        elif isinstance(value, dict):
            for inner, text in value.items():
                yield f"{name}.{inner}", (_text(text), "", "", "", "", "")
        elif name == "components":
            for component in value:
                for inner, said in _quantities(component):
                    yield f"{component.get('mdc', '')}.{inner}", said
        elif isinstance(value, list):
            yield name, (" ".join(map(str, value)), "", "", "", "", "")
        elif value not in (None, False):
            yield name, (_text(value), "", "", "", "", "")


def _text(value: object) -> object:
    """A text that a spreadsheet would take for a formula is made harmless; devices name themselves."""
    return "'" + value if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value

"""What a virtual device remembers, and the hidden number of each record: its truth.

The truth never reaches the gateway's logic. It is written to `truth.ndjson` beside the devices' memories, one line per
thing that the gateway must end up with, and compared with the things afterwards.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Stored:
    """One record in a device. `expected`: a truth per thing that it becomes."""

    number: int
    data: str
    context: str | None = None
    context_after: int = 0
    """The context is there from this download on: its owner marks the meal later."""
    expected: list[dict[str, Any]] = field(default_factory=list)

    @property
    def octets(self) -> bytes:
        return bytes.fromhex(self.data)


class Memory:
    """A device's records, on disk, so that they outlive a killed process as a real device outlives its hub."""

    def __init__(self, directory: Path, address: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / f"{address.replace(':', '')}.json"
        self._truth = directory / "truth.ndjson"
        self.address = address
        self._together = False
        self.is_new = not self._path.exists()
        saved: dict[str, Any] = {"records": [], "downloads": 0} if self.is_new else json.loads(self._path.read_text(encoding="utf-8"))
        self.records = [Stored(**item) for item in saved["records"]]
        self.downloads: int = saved["downloads"]

    def beside(self, name: str) -> Path:
        """Another file of this device."""
        return self._path.with_suffix(f".{name}.json")

    @contextmanager
    def together(self) -> Iterator[None]:
        """Many changes, written once at the end."""
        self._together = True
        try:
            yield
        finally:
            self._together = False
            self.save()

    def add(self, record: Stored) -> None:
        """Numbers are given by the caller, unique over all devices of a world."""
        self.records.append(record)
        self.save()
        lines = [
            json.dumps({"device": self.address, "truth": record.number, "data": record.data, **thing}) + "\n" for thing in record.expected
        ]
        with self._truth.open("a", encoding="utf-8") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())

    def forget(self, number: int) -> None:
        self.records = [record for record in self.records if record.number != number]
        self.save()

    def downloaded(self) -> None:
        self.downloads += 1
        self.save()

    def save(self) -> None:
        if self._together:
            return
        text = json.dumps(
            {
                "downloads": self.downloads,
                "records": [
                    {"number": r.number, "data": r.data, "context": r.context, "context_after": r.context_after, "expected": r.expected}
                    for r in self.records
                ],
            }
        )
        temporary = self._path.with_suffix(".tmp")
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path)
        self.is_new = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """Truths without a thing, truths with two, and things that stand for none or for two."""

    truths: int
    things: int
    lost: tuple[int, ...]
    doubled: tuple[int, ...]
    merged: tuple[str, ...]
    invented: tuple[str, ...]

    @property
    def good(self) -> bool:
        return not (self.lost or self.doubled or self.merged or self.invented)

    def __str__(self) -> str:
        tail = f", invented {len(self.invented)}" if self.invented else ""
        return f"lost {len(self.lost)}, doubled {len(self.doubled)}, merged {len(self.merged)}{tail}"


def truths(directory: Path) -> list[dict[str, Any]]:
    path = directory / "truth.ndjson"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def compare(expected: Iterable[dict[str, Any]], things: Iterable[dict[str, Any]]) -> Verdict:
    """Match truths and things one to one by what both can see: device, type, the device's own time and number, values.

    Of a thing the latest version counts. Equal records (two equal values in one minute) must be as many as they are.
    """
    latest: dict[str, dict[str, Any]] = {}
    for thing in things:
        if thing["device"]["identity"].startswith("gateway:"):
            continue  # what the gateway says of itself once a day
        if thing["id"] not in latest or thing["version"] > latest[thing["id"]]["version"]:
            latest[thing["id"]] = thing
    wanted: dict[str, list[int]] = {}
    for truth in expected:
        wanted.setdefault(_truth_signature(truth), []).append(truth["truth"])
    found: dict[str, list[str]] = {}
    for thing in latest.values():
        found.setdefault(_thing_signature(thing), []).append(thing["id"])
    lost, doubled, merged, invented = [], [], [], []
    for signature, numbers in wanted.items():
        ids = found.pop(signature, [])
        lost += numbers[len(ids) :] if not ids else []
        merged += ids[-1:] * (len(numbers) - len(ids)) if ids else []
        doubled += numbers[-1:] * (len(ids) - len(numbers))
    for ids in found.values():
        invented += ids
    return Verdict(
        sum(map(len, wanted.values())),
        len(latest),
        tuple(lost),
        tuple(doubled),
        tuple(merged),
        tuple(invented),
    )


def plain(text: Decimal | str) -> str:
    """Numbers without the zeros that a device's resolution leaves at the end; words as they are."""
    try:
        return format(Decimal(text).normalize(), "f")
    except InvalidOperation:
        return str(text)


def _truth_signature(truth: dict[str, Any]) -> str:
    values = {name: " ".join(map(plain, value.split(" "))) for name, value in truth["values"].items()}
    return json.dumps([truth["device"], truth["type"], truth.get("time"), truth.get("sequence_number"), values], sort_keys=True)


def _thing_signature(thing: dict[str, Any]) -> str:
    values = {
        name: plain(value["display"]["value"])
        for name, value in thing["data"].items()
        if isinstance(value, dict)
        and "display" in value
        and name in ("systolic", "diastolic", "pulse", "weight", "glucose", "temperature", "saturation", "rate", "amount")
    }
    if thing["type"] == "exercise":
        counted = {name: value for name, value in thing["data"]["details"].items() if name not in thing["data"]["derived"]}
        values = {"activity": thing["data"]["activity"]} | {name: plain(value["display"]["value"]) for name, value in counted.items()}
    if thing["type"] == "exercise-samples":
        values = {thing["data"]["name"]: " ".join(map(plain, thing["data"]["values"]))}
    if thing["type"] == "coded-observation":
        said = thing["data"]
        values = {"mdc": str(said.get("mdc"))} | ({"terms": " ".join(map(str, said["terms"]))} if said["terms"] else {})
        values |= {"value": plain(said["value"]["display"]["value"])} if "value" in said else {}
        values |= {"text": said["text"]} if "text" in said else {}
    if thing["type"] == "body-composition":
        values = {thing["data"]["name"]: plain(thing["data"]["value"]["display"]["value"])}
    if thing["type"] == "device":
        values = {"model": thing["data"].get("model")}
    return json.dumps(
        [
            thing["device"]["address"],
            thing["type"],
            thing["when"].get("device_time"),
            thing["provenance"].get("sequence_number"),
            values,
        ],
        sort_keys=True,
    )

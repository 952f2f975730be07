"""Other people's bytes and meanings against our tables."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from profiles.crc import e2e_crc, strip_crc
from profiles.describe import describe
from profiles.floats import FLOAT, SFLOAT, NoValue
from profiles.gatt import BY_UUID
from profiles.wire import DecodeError

VECTORS = Path(__file__).parents[1] / "vectors"
EXCEPTIONS = {(e["uuid"], e["bytes"]): e["clause"] for e in json.loads((VECTORS / "exceptions.json").read_text())["exceptions"]}


def vectors() -> list[tuple[str, dict[str, Any]]]:
    files = [json.loads(path.read_text()) for path in sorted((VECTORS / "gatt").glob("*.json"))]
    return [(file["uuid"], vector) for file in files for vector in file["vectors"]]


def test_every_vector_has_a_source_that_is_not_our_encoder() -> None:
    """A vector made by the code under test tests nothing."""
    for uuid, vector in vectors():
        assert len(vector["source"]) > 10, f"{uuid} {vector['bytes']}: no source"
        assert "health-gateway" not in vector["source"]


def test_exceptions_are_few_explained_and_still_needed() -> None:
    """At most 3 % of the vectors may disagree, each with its clause."""
    known = {(uuid, vector["bytes"]) for uuid, vector in vectors()}
    assert set(EXCEPTIONS) <= known
    assert len(EXCEPTIONS) <= 0.03 * len(vectors())
    assert all(len(clause) > 10 for clause in EXCEPTIONS.values())


def _same(expected: Any, found: Any) -> bool:
    if isinstance(expected, bool) or expected is None:
        return bool(found is expected)
    if isinstance(expected, int | float):
        return Decimal(str(found)) == Decimal(str(expected))
    if isinstance(expected, list):
        return len(expected) == len(found) and all(map(_same, expected, found))
    return bool(expected == found)


def _found(path: str, shown: Any) -> Any:
    """What lies at a dotted path; None where there is nothing."""
    for part in path.split("."):
        if isinstance(shown, dict):
            shown = shown.get(part)
        elif isinstance(shown, list) and part.isdigit():
            shown = shown[int(part)]
        elif part != "code":  # a reserved code without an enumeration is shown as it is
            return None
    return shown


def _check(name: str, expected: Any, shown: dict[str, Any]) -> None:
    path, _, last = name.rpartition(".")
    if last == "has":
        named = (_found(path, shown) or {}).get("set", [])
        assert set(expected) <= set(named), f"{name}: expected {expected}, found {named}"
    else:
        found = _found(name, shown)
        assert _same(expected, found), f"{name}: expected {expected}, found {found}"


@pytest.mark.parametrize(
    ("uuid", "vector"), [pytest.param(u, v, id=f"{u}-{v['bytes'] or 'empty'}-{i}") for i, (u, v) in enumerate(vectors())]
)
def test_vector(uuid: str, vector: dict[str, Any]) -> None:
    """Every vector means what its source says, or is refused where its source refuses it."""
    layout, data = BY_UUID[int(uuid, 16)], bytes.fromhex(vector["bytes"])
    if (uuid, vector["bytes"]) in EXCEPTIONS:
        layout.decode(data)
        return
    if vector.get("error"):
        with pytest.raises(DecodeError) as caught:
            layout.decode(data)
        assert caught.value.data == data
        return
    shown = describe(layout.decode(data))
    assert vector["means"], "a vector without a meaning"
    for name, expected in vector["means"].items():
        _check(name, expected, shown)


@pytest.mark.parametrize("vector", json.loads((VECTORS / "floats.json").read_text()), ids=lambda v: f"{v['type']}-{v['bytes']}")
def test_float_vector(vector: dict[str, Any]) -> None:
    """11073 floats of other people's tests, the digits of their text included."""
    wire = SFLOAT if vector["type"] == "sfloat16" else FLOAT
    data = bytes.fromhex(vector["bytes"])
    raw = int.from_bytes(data, "little" if vector["byte_order"] == "little" else "big")
    value = wire.convert(raw)
    if vector["value"] is None:
        assert value == NoValue(vector["special"])
        return
    assert isinstance(value, Decimal)
    assert value == Decimal(str(vector["value"]))
    if "text" in vector:
        assert format(value, "f") == vector["text"]


def test_crc_vector() -> None:
    """The check value of CRC-16/MCRF4XX."""
    for vector in json.loads((VECTORS / "crc.json").read_text()):
        data = bytes.fromhex(vector["bytes"])
        assert e2e_crc(data) == vector["crc"]
        assert strip_crc(data + vector["crc"].to_bytes(2, "little")) == data
        with pytest.raises(ValueError, match="E2E-CRC"):
            strip_crc(data + (vector["crc"] ^ 1).to_bytes(2, "little"))

"""Laws over every table that exists: a new characteristic is tested before its author writes a line."""

from __future__ import annotations

import enum
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest

from profiles.compiler import Field, encode, table
from profiles.describe import describe
from profiles.floats import FLOAT, SFLOAT, NoValue
from profiles.gatt import BY_UUID
from profiles.wire import REST, TEXT, U8, DecodeError, Layout, Repeated

VECTORS = Path(__file__).parents[1] / "vectors" / "gatt"
LAYOUTS = sorted(BY_UUID.values(), key=lambda layout: layout.uuid)
SEED = random.SystemRandom().getrandbits(32)


def samples(layout: type[Layout]) -> list[bytes]:
    path = VECTORS / f"{layout.uuid:04X}.json"
    if not path.exists():
        return []
    return [bytes.fromhex(v["bytes"]) for v in json.loads(path.read_text())["vectors"] if not v.get("error")]


def _tail_starts(layout: type[Layout], value: Layout, data: bytes) -> int | None:
    """Where a repeated, textual or opaque tail begins: prefixes that end on its items read as fewer of them."""
    last = _last(layout, value)
    return None if last.wire.size >= 0 else len(data) - len(last.wire.write(getattr(value, last.name)))


def _last(layout: type[Layout], value: Layout) -> Field:
    """The last field that is there."""
    return [field for field in table(layout) if getattr(value, field.name) is not None][-1]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_every_proper_prefix_is_refused(layout: type[Layout]) -> None:
    """A cut-off packet is never read as a whole one."""
    for data in samples(layout):
        value = layout.decode(data)
        used = len(data) - len(value.trailing)
        tail = _tail_starts(layout, value, data)
        last = _last(layout, value).wire
        for length in range(used):
            if tail is not None and length >= tail:
                step = last.item.size if isinstance(last, Repeated) else 1
                assert isinstance(last, Repeated) or last in (REST, TEXT) or last.size < 0
                if (length - tail) % step == 0:
                    continue
            with pytest.raises(DecodeError):
                layout.decode(data[:length])


def _random_bytes(randomness: random.Random) -> bytes:
    """Of any length; every other one of small octets, which calendars and codes take more often."""
    size = randomness.choice((0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 17, 19, 20, 32, 64))
    return randomness.randbytes(size) if randomness.random() < 0.5 else bytes(randomness.randrange(13) for _ in range(size))


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_random_bytes_give_a_value_or_a_decode_error(layout: type[Layout]) -> None:
    """Nothing else comes out, whatever goes in; and whatever comes out can be shown."""
    randomness = random.Random(SEED + layout.uuid)
    for _ in range(400):
        data = _random_bytes(randomness)
        try:
            value = layout.decode(data)
        except DecodeError as error:
            assert data.hex() not in str(error) or len(data) < 3, f"seed {SEED}"
        else:
            json.dumps(describe(value))


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_what_we_write_we_read(layout: type[Layout]) -> None:
    """Value for value, for every vector and for random packets."""
    randomness = random.Random(SEED - layout.uuid)
    packets = samples(layout) + [_random_bytes(randomness) for _ in range(400)]
    read = 0
    for data in packets:
        try:
            value = layout.decode(data)
        except DecodeError:
            continue
        try:
            written = encode(value)
        except ValueError as error:
            # 11073 numbers can be spelled in ways that have no second spelling once an infinity sits there.
            assert "11073" in str(error), f"seed {SEED}: {error}"
            continue
        assert layout.decode(written) == value, f"seed {SEED}, {data.hex()}"
        assert layout.decode(written).trailing == value.trailing
        read += 1
    assert read, f"seed {SEED}: nothing could be read"


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_unknown_flag_bits_and_trailing_octets_are_kept(layout: type[Layout]) -> None:
    """The specification may grow; what we do not know stays in place."""
    for data in samples(layout):
        value = layout.decode(data)
        if layout.exact:
            with pytest.raises(DecodeError, match="more than"):
                layout.decode(data + b"\xaa")
        elif table(layout)[-1].wire.size >= 0:
            assert layout.decode(data + b"\xaa").trailing == value.trailing + b"\xaa"


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_every_table_says_where_it_comes_from(layout: type[Layout]) -> None:
    """The file names its specification, and every bit field keeps unknown bits."""
    import sys  # noqa: PLC0415 - for this line

    assert "Source:" in (sys.modules[layout.__module__].__doc__ or "")
    for field in table(layout):
        if field.enum_type is not None and issubclass(field.enum_type, enum.IntFlag):
            top = 1 << (8 * field.wire.size - 1)
            assert int(field.enum_type(top | 1)) == top | 1


@pytest.mark.parametrize(("wire", "bits"), [(SFLOAT, 16), (FLOAT, 32)], ids=["SFLOAT", "FLOAT"])
def test_floats_read_back(wire: Any, bits: int) -> None:
    """Every SFLOAT there is, and a quarter of a million FLOATs: what is written has the same value and digits."""
    randomness = random.Random(SEED)
    raws = range(1 << 16) if bits == 16 else [randomness.getrandbits(32) for _ in range(250_000)]
    refused = 0
    for raw in raws:
        value = wire.convert(raw)
        if isinstance(value, NoValue):
            assert wire.convert(int.from_bytes(wire.write(value), "little")) is value
            continue
        try:
            again = wire.convert(int.from_bytes(wire.write(value), "little"))
        except ValueError:
            refused += 1
            continue
        assert again == value, hex(raw)
        assert str(again) == str(value), hex(raw)
    assert refused == 0


class OurFlags(enum.IntFlag):
    HERE = 2


class TheirFlags(enum.IntFlag):
    THERE = 2


@dataclass(frozen=True, slots=True)
class Mixed(Layout):
    flags: Annotated[OurFlags, U8]
    value: Annotated[int | None, U8, TheirFlags.THERE] = None


@dataclass(frozen=True, slots=True)
class Awkward(Layout):
    """Fields called like the things a decode function has of its own."""

    flags: Annotated[OurFlags, U8]
    data: Annotated[int, U8]
    at: Annotated[int, U8]
    value: Annotated[int, U8]
    layout: Annotated[int | None, U8, OurFlags.HERE] = None
    problem_: Annotated[int | None, U8, OurFlags.HERE] = None


def test_a_field_may_have_any_name() -> None:
    said = Awkward.decode(bytes((2, 1, 2, 3, 4, 5)))
    assert (said.data, said.at, said.value, said.layout, said.problem_) == (1, 2, 3, 4, 5)
    assert said.encode() == bytes((2, 1, 2, 3, 4, 5))


def test_a_condition_goes_by_place_not_by_class() -> None:
    """Debian 12's Python 3.11.2 takes annotations for one whose flags are equal numbers, and mixes their classes up."""
    assert Mixed.decode(b"\x02\x07").value == 7
    assert Mixed.decode(b"\x00").value is None


def test_a_flag_and_its_field_must_agree() -> None:
    """An encoder that drops a value, or announces one that is not there, says so."""
    from profiles.gatt.heart_rate import Flags, HeartRateMeasurement  # noqa: PLC0415 - for this test

    with pytest.raises(ValueError, match="its flag is not set"):
        HeartRateMeasurement(Flags(0), 60, energy_expended=3).encode()
    with pytest.raises(ValueError, match="its value is missing"):
        HeartRateMeasurement(Flags.ENERGY_EXPENDED, 60).encode()
    with pytest.raises(ValueError, match="heart_rate"):
        HeartRateMeasurement(Flags(0), 300).encode()

"""Fixed observations whose maps and octets do not agree."""

from __future__ import annotations

from decimal import Decimal

import pytest

from profiles.phd import mder
from profiles.phd.attributes import bcd
from profiles.phd.codes import Attribute, ObjectClass
from profiles.phd.objects import Object
from profiles.phd.observation import Observed, observed, sliced
from profiles.times import DateTime
from profiles.wire import DecodeError

STAMP = DateTime(2026, 3, 14, 7, 0, 0)


def numeric(*slices: tuple[int, int]) -> Object:
    octets = {
        int(Attribute.TYPE): mder.u16(2, 57664),
        int(Attribute.UNIT_CODE): mder.u16(1731),
        int(Attribute.ATTRIBUTE_VALUE_MAP): mder.sequence(*(mder.u16(*one) for one in slices)),
    }
    return Object(ObjectClass.NUMERIC, 1, octets)


def read(what: Object, data: bytes) -> Observed:
    assert what.map is not None
    found = observed(what, sliced(what.map, data, what))
    assert found is not None
    return found


def test_octets_behind_the_map_are_a_stamp_if_they_read_as_one() -> None:
    """An agent with configuration 0x0190 announces two octets and sends ten."""
    what = numeric((Attribute.BASIC_NU_OBSERVED_VALUE, 2))
    stamped = read(what, b"\x00\x61" + bcd(STAMP, 50))
    assert (stamped.value, stamped.moment and stamped.moment.date, stamped.moment and stamped.moment.hundredths) == (Decimal(97), STAMP, 50)
    assert read(what, b"\x00\x61" + b"\xff" * 8).moment is None
    assert read(what, b"\x00\x61" + b"\x20\x26").moment is None


def test_a_map_with_the_wrong_length_yields_to_what_its_attributes_have() -> None:
    """Two octets announced for a value of four: the sizes of the attributes add up to what came, those of the map do not."""
    what = numeric((Attribute.SIMPLE_NU_OBSERVED_VALUE, 2), (Attribute.ABSOLUTE_TIME_STAMP, 8))
    found = read(what, bytes.fromhex("ff0002dc") + bcd(STAMP))
    assert (found.value, found.moment and found.moment.date) == (Decimal("73.2"), STAMP)


def test_what_fits_neither_is_refused() -> None:
    what = numeric((Attribute.SIMPLE_NU_OBSERVED_VALUE, 4), (Attribute.ABSOLUTE_TIME_STAMP, 8))
    with pytest.raises(DecodeError, match="handle 1"):
        read(what, bytes(7))

"""Observations that describe themselves, put together by hand after the document's tables."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable
from decimal import Decimal

import pytest

from profiles import acom
from profiles.acom_writer import encode
from profiles.gatt.elapsed_time import ElapsedTime, Flags, SyncSource
from profiles.segments import Reassembler, Segment, split
from profiles.times import DateTime
from profiles.wire import DecodeError

SEED = random.SystemRandom().getrandbits(32)
MDC_TEMP_BODY, MDC_DIM_DEGC = 150364, 0x17A0
STAMP = ElapsedTime(Flags.UTC | Flags.OFFSET_USED | Flags.CURRENT_TIMELINE, 817_000_000, SyncSource.NETWORK_TIME_PROTOCOL, 8)


def observation(kind: int, flags: int, body: bytes) -> bytes:
    return struct.pack("<BHH", kind, len(body) + 2, flags) + body


def temperature(flags: int = 0x0003, head: bytes = struct.pack("<I", MDC_TEMP_BODY) + STAMP.encode()) -> bytes:
    return observation(1, flags, head + struct.pack("<HI", MDC_DIM_DEGC, 0xFF00016D))


def test_a_numeric_observation() -> None:
    """36.5 degrees with the digits that were sent, and the moment on the wall's clock."""
    said = acom.decode(temperature())
    assert said.type == MDC_TEMP_BODY
    assert said.value == acom.Numeric(Decimal("36.5"), MDC_DIM_DEGC)
    assert said.timestamp == STAMP
    assert said.timestamp is not None
    assert said.timestamp.local_time == DateTime(2025, 11, 21, 2, 26, 40)
    assert said.timestamp.offset_minutes == 120


def test_a_bundle_lends_its_members_what_they_do_not_say() -> None:
    member = observation(2, 0x0001, struct.pack("<II", 7, 99))
    bare = observation(1, 0x0001, struct.pack("<IHI", MDC_TEMP_BODY, MDC_DIM_DEGC, 0xFF00016D))
    said = acom.decode(observation(0xFF, 0x0022, STAMP.encode() + b"\x03" + b"\x02" + member + bare))
    one, two = acom.single(said)
    assert (one.type, one.value, one.patient, one.timestamp) == (7, acom.Discrete(99), 3, STAMP)
    assert (two.type, two.patient, two.timestamp) == (MDC_TEMP_BODY, 3, STAMP)


def test_every_class_and_every_optional_part() -> None:
    flags = 0x03FC
    head = struct.pack("<IHIB", 0xFF00000A, 0x0050, 77, 2) + b"\x01" + struct.pack("<I", 5) + b"\x00" + b"\x02" + struct.pack("<II", 8, 9)
    head += b"\x01" + struct.pack("<IH", 4, 2) + b"ab"
    values = {
        3: (struct.pack("<H", 4) + b"rest", acom.Text("rest")),
        5: (b"\x02" + struct.pack("<II", 1, 2), acom.Events((1, 2))),
        6: (b"\x02" + b"\xff\x00" + b"\x05\x00", acom.States(0xFF, 5, 2)),
        8: (b"xyz", acom.Opaque(b"xyz")),
        0x44: (b"later", acom.Opaque(b"later")),
        7: (b"\x01" + struct.pack("<IB", 3, 2) + struct.pack("<I", 11), (acom.Component(3, acom.Discrete(11)),)),
    }
    for kind, (octets, value) in values.items():
        said = acom.decode(observation(kind, flags, head + octets))
        assert said.value == value
        assert said.duration == Decimal("1.0")
        assert said.status == acom.Status.TEST_DATA | acom.Status.MANUALLY_ENTERED
        assert (said.observation_id, said.patient, said.supplemental, said.derived_from) == (77, 2, (5,), ())
        assert (said.member_of, said.tlvs) == ((8, 9), (acom.Tlv(4, b"ab"),))


def test_samples() -> None:
    body = struct.pack("<HII", 0, 0xFF000005, 0) + struct.pack("<ii", -10, 10) + struct.pack("<IBBI", 0xFD000004, 1, 2, 3)
    said = acom.decode(observation(4, 0, body + struct.pack("<hhh", -2, 0, 300)))
    assert isinstance(said.value, acom.SampleArray)
    assert said.value.values == (Decimal("-1.0"), Decimal(0), Decimal("150.0"))
    assert said.value.period == Decimal("0.004")


@pytest.mark.parametrize("whole", [temperature(), observation(0xFF, 0x0020, b"\x03\x01" + temperature())])
def test_no_prefix_and_no_surplus_is_read(whole: bytes) -> None:
    acom.decode(whole)
    for length in range(len(whole)):
        with pytest.raises(DecodeError):
            acom.decode(whole[:length])
    with pytest.raises(DecodeError, match="more than"):
        acom.decode(whole + b"\0")


def test_bundles_nest_only_so_deep() -> None:
    nested = temperature()
    for _ in range(acom.DEEPEST + 2):
        nested = observation(0xFF, 0, b"\x01" + nested)
    with pytest.raises(DecodeError, match="nested"):
        acom.decode(nested)


def test_random_octets_give_a_value_or_a_decode_error() -> None:
    """Broken copies of good observations go deepest."""
    randomness = random.Random(SEED)
    good = [temperature(), observation(0xFF, 0x0022, STAMP.encode() + b"\x03" + b"\x02" + temperature() + temperature())]
    read = 0
    for _ in range(3000):
        data = bytearray(randomness.choice(good))
        for _ in range(randomness.randint(0, 3)):
            data[randomness.randrange(len(data))] = randomness.randrange(256)
        try:
            acom.decode(bytes(data))
        except DecodeError:
            continue
        read += 1
    assert read, f"seed {SEED}"


def fed(reassembler: Reassembler, segments: Iterable[bytes]) -> tuple[list[bytes], list[str]]:
    values, problems = [], []
    for segment in segments:
        whole, problem = reassembler.feed(Segment.of(segment))
        values += [whole] if whole is not None else []
        problems += [str(problem)] if problem is not None else []
    return values, problems


def test_segments_come_together_again() -> None:
    """At every size of a segment, from any counter on."""
    value = bytes(range(200))
    for room in (2, 3, 20, 199, 201, 300):
        assert fed(Reassembler(), split(value, room, counter=50)) == ([value], [])


def test_a_lost_segment_costs_its_value_and_no_other() -> None:
    value = bytes(range(60))
    segments = split(value, 11)
    for lost in range(len(segments)):
        found, problems = fed(Reassembler(), (*segments[:lost], *segments[lost + 1 :], *split(b"next", 11, counter=len(segments))))
        assert found == [b"next"], lost
        assert problems, lost


def test_a_doubled_segment_is_taken_once() -> None:
    segments = split(bytes(range(60)), 11)
    found, problems = fed(Reassembler(), [segment for segment in segments for _ in range(2)])
    assert found == [bytes(range(60))]
    assert problems == ["a later segment without its first"], "the last one again, when its value is complete"


def test_an_endless_value_is_given_up() -> None:
    reassembler = Reassembler(largest=100)
    assert reassembler.feed(Segment(first=True, last=False, counter=0, body=bytes(60))) == (None, None)
    _, problem = reassembler.feed(Segment(first=False, last=False, counter=1, body=bytes(60)))
    assert problem is not None
    assert "without an end" in str(problem)
    assert not reassembler.waiting


def test_what_is_written_is_read_again() -> None:
    parts = (acom.Component(1, acom.Numeric(Decimal("1.5"), 2)), acom.Component(3, acom.Text("x")))
    one = acom.Observation(observation_class=acom.Class.COMPOUND, flags=acom.Flags(0), type=9, value=parts)
    two = acom.Observation(
        observation_class=acom.Class.SAMPLE_ARRAY,
        flags=acom.Flags(0),
        type=8,
        duration=Decimal("2.0"),
        status=acom.Status.TEST_DATA,
        observation_id=5,
        supplemental=(6, 7),
        derived_from=(1,),
        member_of=(2,),
        tlvs=(acom.Tlv(4, b"ab"),),
        value=acom.SampleArray(1, Decimal(1), Decimal(0), -5, 5, Decimal("0.5"), 1, 2, b"\x01\x00\xff\xff"),
    )
    bundle = acom.Observation(observation_class=acom.Class.BUNDLE, flags=acom.Flags(0), timestamp=STAMP, patient=3, members=(one, two))
    said = acom.decode(encode(bundle))
    first, second = said.members
    assert (said.timestamp, said.patient) == (STAMP, 3)
    assert (first.type, first.value) == (9, parts)
    for name in ("type", "duration", "status", "observation_id", "supplemental", "derived_from", "member_of", "tlvs", "value"):
        assert getattr(second, name) == getattr(two, name), name
    assert encode(acom.decode(temperature())) == temperature(), "also octets that others have put together"

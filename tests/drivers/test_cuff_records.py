"""Enhanced readings of a cuff of version 1.1: twins, and stored records in segments."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from drivers import BloodPressure, Confused
from drivers.kit.capture import Record
from drivers.standard import blood_pressure
from profiles.crc import append_crc
from profiles.gatt import blood_pressure as bls
from profiles.segments import split
from profiles.times import DateTime
from tests.support.replaying import asked, readings, replayed

MOMENT = DateTime(2024, 6, 15, 17, 17, 27)
SECONDS = 771_787_047
"""From 2000-01-01 to that moment: 8,932 days, 62,247 seconds."""
OPEN = Record(
    kind="open",
    session="1",
    time=1.7e9,
    extra={"drv": "blood-pressure", "chars": ["2A35", "2B34", "2B36", "2A49", "2A52"], "source": "ours"},
)
FEATURE = Record(kind="rd", session="1", characteristic=0x2A49, data=b"\x40\x00", time=1.7e9)
DONE = Record(kind="rx", session="1", characteristic=0x2A52, data=bytes.fromhex("06000101"), time=1.7e9 + 50)


def enhanced(systolic: int = 124, seconds: int = SECONDS) -> bls.EnhancedBloodPressureMeasurement:
    flags = bls.EnhancedFlags.PULSE_RATE | bls.EnhancedFlags.USER_FACING_TIME | bls.EnhancedFlags.EPOCH_2000
    values = (Decimal(systolic), Decimal(86), Decimal(97))
    return bls.EnhancedBloodPressureMeasurement(flags, *values, pulse_rate=Decimal(51), user_facing_seconds=seconds)


def legacy() -> bls.BloodPressureMeasurement:
    flags = bls.Flags.TIMESTAMP | bls.Flags.PULSE_RATE
    return bls.BloodPressureMeasurement(flags, Decimal(124), Decimal(86), Decimal(97), MOMENT, Decimal(51))


def rx(characteristic: int, data: bytes, position: int) -> Record:
    return Record(kind="rx", session="1", characteristic=characteristic, data=data, position=position, time=1.7e9 + position / 10)


def segments(number: int, value: bls.EnhancedBloodPressureMeasurement, room: int = 9) -> list[Record]:
    heads = (bls.BloodPressureRecord(part[0], number, value.uuid, part[1:]) for part in split(value.encode(), room))
    return [rx(0x2B36, append_crc(head.encode()), 10 * number + index) for index, head in enumerate(heads)]


def test_a_reading_and_its_enhanced_twin_are_one_record() -> None:
    """By the same key; two equal readings by one way stay two."""
    frames = [rx(0x2A35, legacy().encode(), 1), rx(0x2B34, enhanced().encode(), 2), *segments(1, enhanced()), DONE]
    found = readings(replayed(blood_pressure.DRIVER, [OPEN, FEATURE, *frames])[0])
    assert len(found) == 3
    assert {item.device_time for item in found} == {MOMENT}
    assert len({item.key for item in found}) == 1
    twice = readings(replayed(blood_pressure.DRIVER, [OPEN, FEATURE, *frames, rx(0x2B34, enhanced().encode(), 99)])[0])
    assert len({item.key for item in twice}) == 2


def test_stored_records_are_put_together_and_asked_for_once() -> None:
    given = [OPEN, FEATURE, *segments(1, enhanced(120)), *segments(2, enhanced(121, SECONDS + 60)), DONE]
    batches, link, error = replayed(blood_pressure.DRIVER, given)
    assert error is None
    assert [item.systolic.value for item in readings(batches) if isinstance(item, BloodPressure)] == [120, 121]
    [mark] = [batch.mark for batch in batches if batch.mark is not None]
    assert (mark["sequence_number"], mark["next_wanted"]) == (2, 3)
    assert asked(link) == ["0101"]
    again = replace(OPEN, extra={**OPEN.extra, "mark": mark})
    batches, link, error = replayed(blood_pressure.DRIVER, [again, FEATURE, *given[-4:]])
    assert error is None
    assert asked(link) == ["0106"], "the last one is known: nothing more is asked for"


def test_a_damaged_record_is_asked_for_again() -> None:
    """Any one segment lost, or with a wrong CRC: what is whole counts, and the next download begins at what is not."""
    every = [*segments(1, enhanced(120)), *segments(2, enhanced(121, SECONDS + 60)), *segments(3, enhanced(122, SECONDS + 120))]
    for at, victim in enumerate(every):
        number = victim.position // 10
        for frames in (
            [*every[:at], *every[at + 1 :]],
            [*every[:at], replace(victim, data=victim.data[:-1] + bytes((victim.data[-1] ^ 1,))), *every[at + 1 :]],
        ):
            batches, link, _ = replayed(blood_pressure.DRIVER, [OPEN, FEATURE, *frames, DONE])
            whole = {item.systolic.value for item in readings(batches) if isinstance(item, BloodPressure)}
            assert whole == {120, 121, 122} - {119 + number}, at
            [mark] = [batch.mark for batch in batches if batch.mark is not None]
            assert mark["next_wanted"] <= number, at
            assert link.rejected or number == 3, at


def test_a_doubled_segment_changes_nothing() -> None:
    every = [*segments(1, enhanced(120)), *segments(2, enhanced(121, SECONDS + 60))]
    doubled = [frame for frame in every for _ in range(2)]
    found = readings(replayed(blood_pressure.DRIVER, [OPEN, FEATURE, *doubled, DONE])[0])
    assert [item.systolic.value for item in found if isinstance(item, BloodPressure)] == [120, 121]


def test_damage_behind_the_mark_is_asked_for_again() -> None:
    """The last record is asked for first; that it came whole says nothing of those between."""
    mark = {"sequence_number": 1, "base_time": [2024, 6, 15, 17, 17, 27], "next_wanted": 2}
    opening = replace(OPEN, extra={**OPEN.extra, "mark": mark})
    third = segments(3, enhanced(122, SECONDS + 120))
    second = segments(2, enhanced(121, SECONDS + 60))
    broken = [replace(second[0], data=second[0].data[:-1] + bytes((second[0].data[-1] ^ 1,))), *second[1:]]
    [single] = segments(2, enhanced(121, SECONDS + 60), room=40)
    for damaged in (broken, second[1:], second[:-1], [replace(single, data=single.data[:-1] + bytes((single.data[-1] ^ 1,)))]):
        batches, link, _ = replayed(blood_pressure.DRIVER, [opening, FEATURE, *third, DONE, *damaged, *third, DONE])
        assert asked(link) == ["0106", "0103010200"]
        [kept] = [batch.mark for batch in batches if batch.mark is not None]
        assert kept["next_wanted"] == 2


def test_records_are_not_guessed_at_where_the_cuff_hides_its_features() -> None:
    """Whether a CRC ends each segment is said there; taken for values, its octets would be somebody's blood pressure."""
    live = rx(0x2B34, enhanced(118).encode(), 1)
    batches, link, error = replayed(blood_pressure.DRIVER, [OPEN, live, *segments(1, enhanced(120)), DONE])
    assert [item.systolic.value for item in readings(batches) if isinstance(item, BloodPressure)] == [118]
    assert link.written == []
    assert isinstance(error, Confused)


def test_a_second_report_doubles_nothing() -> None:
    """Equal records too: the number tells them apart, not how often they came."""
    count = Record(kind="rx", session="1", characteristic=0x2A52, data=bytes.fromhex("05000300"), time=1.7e9)
    first, second, third = segments(1, enhanced(120)), segments(2, enhanced(121)), segments(3, enhanced(120))
    given = [OPEN, FEATURE, count, *first, *third, DONE, *first, *second, *third, DONE]
    batches, _, error = replayed(blood_pressure.DRIVER, given, counts=True)
    found = readings(batches)
    assert error is None
    assert [item.systolic.value for item in found if isinstance(item, BloodPressure)] == [120, 120, 121]
    assert len({item.key for item in found}) == 3
    assert [batch.mark["next_wanted"] for batch in batches if batch.mark is not None] == [4]

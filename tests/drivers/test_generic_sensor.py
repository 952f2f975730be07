"""Observations that say what they are, from segments to readings."""

from __future__ import annotations

import struct
from dataclasses import replace
from decimal import Decimal
from typing import Any

from drivers import Coded, Confused, Observation
from drivers.kit.capture import Record
from drivers.standard.generic_health_sensor import DRIVER
from profiles import acom
from profiles.acom_writer import encode
from profiles.gatt import elapsed_time as ets
from profiles.segments import split
from tests.support.replaying import CAPTURES, asked, readings, records, replayed

GIVEN = records(CAPTURES / "generic-health-sensor.ndjson")
OPEN = Record(kind="open", session="1", time=1.7e9, extra={"chars": ["2B8B", "2BDD", "2A52", "2BF4"]})
STAMP = ets.ElapsedTime(ets.Flags.UTC | ets.Flags.OFFSET_USED | ets.Flags.CURRENT_TIMELINE, 753_000_000, ets.SyncSource.GPS, -20)
PEAK_FLOW = 152584


def rx(characteristic: int, data: bytes) -> Record:
    return Record(kind="rx", session="1", characteristic=characteristic, data=data, time=1.7e9 + 1)


ENABLED = rx(0x2BF4, b"\x80")


def numeric(value: int, **more: object) -> acom.Observation:
    said = acom.Numeric(Decimal(value), 3072)
    made = acom.Observation(observation_class=acom.Class.NUMERIC, flags=acom.Flags(0), type=PEAK_FLOW, timestamp=STAMP, value=said)
    return replace(made, **more)  # type: ignore[arg-type]  # as the tests below give them


def live(said: acom.Observation) -> list[Record]:
    return [rx(0x2B8B, segment) for segment in split(encode(said), 20)]


def stored(number: int, said: acom.Observation) -> list[Record]:
    return [rx(0x2BDD, segment) for segment in split(struct.pack("<I", number) + encode(said), 20)]


def combined(count: int) -> Record:
    return rx(0x2A52, b"\x08\x00" + struct.pack("<I", count))


def found(*given: Record) -> list[Observation]:
    batches, _, _ = replayed(DRIVER, [OPEN, ENABLED, *given], counts=True)
    assert all(isinstance(item, Observation) for item in readings(batches))
    return [item for item in readings(batches) if isinstance(item, Observation)]


def test_stored_and_live_observations_and_that_a_twin_is_no_second_record() -> None:
    batches, link, error = replayed(DRIVER, GIVEN, counts=True)
    items = [item for item in readings(batches) if isinstance(item, Observation)]
    assert error is None
    assert [data.hex() for _, data in link.written] == ["01", "0401", "0701"]
    assert [item.observed.code for item in items] == [150364, 150020, PEAK_FLOW, PEAK_FLOW]
    assert items[2].key == items[3].key
    assert items[0].observed == Coded(code=150364, number=Decimal("36.6"), dimension=6048)
    assert [(part.code, part.number) for part in items[1].components] == [(150021, Decimal(128)), (150022, Decimal(84))]
    assert (items[1].user_index, items[0].utc_offset, str(items[0].device_time)) == (2, 60, "2023-11-11T07:40:00")
    marks = [batch.mark for batch in batches if batch.mark is not None]
    assert marks == [{"sequence_number": 3, "base_time": [2023, 11, 11, 6, 40, 0], "next_wanted": 4}]


def test_the_next_visit_asks_with_numbers_of_four_octets() -> None:
    mark = {"sequence_number": 70_000, "base_time": [2023, 11, 11, 6, 40, 0], "next_wanted": 70_001}
    given = [replace(OPEN, extra={**OPEN.extra, "mark": mark}), ENABLED, *stored(70_002, numeric(1)), combined(1)]
    _, link, _ = replayed(DRIVER, given, counts=True)
    assert [data.hex() for _, data in link.written] == ["01", "0706", "04030171110100", "07030171110100"]


def test_a_sensor_without_combined_reports_is_asked_the_plain_way() -> None:
    unknown, done = rx(0x2A52, bytes.fromhex("06000702")), rx(0x2A52, bytes.fromhex("06000101"))
    batches, link, error = replayed(
        DRIVER, [OPEN, ENABLED, rx(0x2A52, bytes.fromhex("05000100")), unknown, *stored(1, numeric(1)), done], counts=True
    )
    assert error is None
    assert asked(link) == ["01", "0701", "0101"]
    assert len(readings(batches)) == 1


def test_a_lost_segment_loses_one_record_and_it_is_asked_for_again() -> None:
    count = rx(0x2A52, bytes.fromhex("050002000000"))
    first, second = stored(1, numeric(1)), stored(2, numeric(2))
    batches, link, error = replayed(
        DRIVER, [OPEN, ENABLED, count, first[0], *second, combined(2), *first, *second, combined(2)], counts=True
    )
    assert error is None
    assert [item.observed.number for item in readings(batches) if isinstance(item, Observation)] == [2, 1]
    assert len(link.rejected) == 1
    assert next(batch.mark for batch in batches if batch.mark is not None)["next_wanted"] == 3
    batches, _, error = replayed(DRIVER, [OPEN, ENABLED, count, first[0], *second, combined(2), *second, combined(2)], counts=True)
    assert isinstance(error, Confused)
    assert [batch.mark for batch in batches if batch.mark is not None] == []


def test_a_segment_sent_twice_is_one() -> None:
    doubled = [segment for segment in live(numeric(5)) for _ in range(2)]
    assert [item.observed.number for item in found(*doubled)] == [5]


def test_a_bundle_is_a_reading_for_each_member() -> None:
    bundle = acom.Observation(
        observation_class=acom.Class.BUNDLE,
        flags=acom.Flags(0),
        timestamp=STAMP,
        patient=7,
        members=(numeric(1, timestamp=None), numeric(1, timestamp=None), numeric(2, status=acom.Status.INVALID)),
    )
    one, two = found(*live(bundle))
    assert one.key != two.key, "two equal members are two"
    assert (one.user_index, str(one.device_time), one.utc_offset) == (7, "2023-11-11T01:40:00", -300)


def test_every_kind_of_value_passes_through() -> None:
    kinds: dict[acom.Class, tuple[Any, Coded]] = {
        acom.Class.DISCRETE: (acom.Discrete(9), Coded(code=PEAK_FLOW, terms=(9,))),
        acom.Class.COMPOUND_DISCRETE_EVENT: (acom.Events((1, 2)), Coded(code=PEAK_FLOW, terms=(1, 2))),
        acom.Class.STRING: (acom.Text("rest"), Coded(code=PEAK_FLOW, text="rest")),
        acom.Class.COMPOUND_STATE: (acom.States(0xFF, 0x0102, 2), Coded(code=PEAK_FLOW, octets=b"\x01\x02")),
        acom.Class.TLV: (acom.Opaque(b"xy"), Coded(code=PEAK_FLOW, octets=b"xy")),
        acom.Class.SAMPLE_ARRAY: (
            acom.SampleArray(4274, Decimal("0.5"), Decimal(1), 0, 9, Decimal("0.004"), 1, 1, b"\x02\xff"),
            Coded(code=PEAK_FLOW, samples=(Decimal("2.0"), Decimal("0.5")), interval=Decimal("0.004"), dimension=4274),
        ),
    }
    for kind, (value, coded) in kinds.items():
        (item,) = found(*live(replace(numeric(0), observation_class=kind, value=value)))
        assert item.observed == coded


def test_an_earlier_timeline_is_a_clock_that_cannot_be_trusted() -> None:
    (item,) = found(*live(numeric(1, timestamp=replace(STAMP, flags=ets.Flags.UTC | ets.Flags.OFFSET_USED))))
    assert item.clock_not_set


def test_a_counter_of_ticks_keeps_its_distance() -> None:
    ticks = ets.ElapsedTime(ets.Flags.TICK_COUNTER | ets.Flags.CURRENT_TIMELINE, 90, ets.SyncSource.UNKNOWN, 0)
    (item,) = found(*live(numeric(1, timestamp=ticks)))
    assert (str(item.device_time), item.utc_offset) == ("2000-01-01T00:01:30", 0)


def test_what_cannot_be_read_is_set_aside() -> None:
    batches, link, _ = replayed(DRIVER, [OPEN, ENABLED, rx(0x2B8B, b"\x03\x01\x02"), *live(numeric(4))], counts=True)
    assert len(readings(batches)) == 1
    assert len(link.rejected) == 1


def test_what_comes_before_the_control_point_has_answered_counts() -> None:
    batches, _, _ = replayed(DRIVER, [OPEN, *live(numeric(4)), ENABLED, *live(numeric(5))], counts=True)
    assert [item.observed.number for item in readings(batches) if isinstance(item, Observation)] == [4, 5]


def test_a_moment_beyond_all_calendars_is_none() -> None:
    never = ets.ElapsedTime(ets.Flags.TICK_COUNTER | ets.Flags.CURRENT_TIMELINE, (1 << 48) - 1, ets.SyncSource.UNKNOWN, 0)
    (item,) = found(*live(numeric(1, timestamp=never)))
    assert item.device_time is None
    assert item.key.kind == "episode"


def test_one_that_is_ready_to_be_disconnected_is_not_waited_for() -> None:
    """What comes behind that is left to the session, which keeps it."""
    ready, not_yet = rx(0x2B1E, bytes.fromhex("031000")), rx(0x2B1E, bytes.fromhex("032000"))
    count = rx(0x2A52, bytes.fromhex("050000000000"))
    given = [replace(OPEN, extra={"chars": ["2B8B", "2BDD", "2A52", "2BF4", "2B1E"]}), ENABLED, count]
    for before, expected in ((not_yet, 1), (ready, 0)):
        batches, link, error = replayed(DRIVER, [*given, before, *live(numeric(4))], counts=True)
        assert error is None
        assert len(readings(batches)) == expected
        assert link.rejected == []

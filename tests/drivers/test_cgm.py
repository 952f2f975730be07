"""A continuous glucose sensor's records, over requests and sessions."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from drivers import Batch, Confused, Glucose, Notice, Quantity, Silent
from drivers.kit.capture import Record
from drivers.standard import cgm
from profiles.crc import append_crc
from profiles.gatt import cgm as cgms
from tests.support.replaying import CAPTURES, asked, readings, records, replayed

GIVEN = records(CAPTURES / "cgm.ndjson")
START = [2018, 4, 24, 13, 8, 24]


def marked(mark: dict[str, object]) -> list[Record]:
    return [replace(GIVEN[0], extra={**GIVEN[0].extra, "mark": mark}), *GIVEN[1:]]


def last_mark(batches: list[Batch]) -> object:
    return [batch.mark for batch in batches if batch.mark is not None][-1]


def answered(*answers: str) -> list[Record]:
    """The control point's answers, one behind the other, with no record between them."""
    return [*GIVEN[:3], *(Record(kind="rx", session="1", characteristic=0x2A52, data=bytes.fromhex(text), time=1.5e9) for text in answers)]


def test_records_of_one_notification_are_readings_of_their_own() -> None:
    batches, link, error = replayed(cgm.DRIVER, GIVEN)
    found = readings(batches)
    assert error is None
    assert all(isinstance(item, Glucose) for item in found)
    assert [item.sequence_number for item in found] == [5, 6, 30, 40], "NaN gives none; one measured after the report counts"
    assert [str(item.device_time) for item in found][:2] == ["2018-04-24T13:13:24", "2018-04-24T13:14:24"]
    first = found[0]
    assert isinstance(first, Glucose)
    assert first.concentration == Quantity(Decimal("12.34"), "mg/dL")
    assert (first.sample_type, first.sample_location) == ("interstitial_fluid", "subcutaneous_tissue")
    assert first.context == {"trend": "0.2 mg/dL/min", "quality": "99.7 %"}
    assert {"device_battery_low", "calibration_recommended", "above_device_range"} <= set(first.status)
    assert [frame.data.hex() for frame, _ in link.rejected] == ["080078001e001234"], "its CRC is wrong"
    assert last_mark(batches) == {"start": START, "next_wanted": 0}, "what was damaged on the way is asked for again"


def test_the_mark_stands_behind_what_came_whole() -> None:
    whole = [record for record in GIVEN if record.data.hex() != "080078001e001234"]
    assert last_mark(replayed(cgm.DRIVER, whole)[0]) == {"start": START, "next_wanted": 41}
    late = [*whole[:-1], next(record for record in GIVEN if record.data.hex() == "080078001e001234"), *whole[-2:]]
    assert last_mark(replayed(cgm.DRIVER, late)[0]) == {"start": START, "next_wanted": 41}, "damaged behind the report"


def test_the_last_minute_of_all_has_none_behind_it() -> None:
    """65,535 is the largest offset there is."""
    _, link, error = replayed(cgm.DRIVER, marked({"start": START, "next_wanted": 65536}))
    assert error is None
    assert asked(link) == ["010301ffff"]


def test_the_next_request_begins_where_the_last_one_ended() -> None:
    _, link, _ = replayed(cgm.DRIVER, marked({"start": START, "next_wanted": 36}))
    assert asked(link) == ["0103012400"]


def test_a_new_session_is_read_from_its_beginning() -> None:
    _, link, _ = replayed(cgm.DRIVER, marked({"start": [2018, 4, 10, 8, 0, 0], "next_wanted": 20000}))
    assert asked(link) == ["0101"]


def test_the_same_minute_of_two_sessions_is_two_records() -> None:
    other = replace(GIVEN[1], data=bytes.fromhex("e207040a0800000004"))
    keys = {item.key for given in (GIVEN, [GIVEN[0], other, *GIVEN[2:]]) for item in readings(replayed(cgm.DRIVER, given)[0])}
    assert len(keys) == 8


def test_a_sensor_that_cannot_filter_is_asked_for_everything() -> None:
    given = answered("06000104", "06000101")
    _, link, error = replayed(cgm.DRIVER, [*marked({"start": START, "next_wanted": 36})[:1], *given[1:]])
    assert error is None
    assert asked(link) == ["0103012400", "0101"]


def test_nothing_new_is_no_error() -> None:
    batches, _, error = replayed(cgm.DRIVER, answered("06000106"))
    assert error is None
    assert readings(batches) == []


def test_what_goes_wrong_is_told_and_moves_no_mark() -> None:
    for given, kind in ((answered("06000108"), Confused), (GIVEN[:7], Silent), ([GIVEN[0], *GIVEN[2:]], (Confused, Silent))):
        batches, _, error = replayed(cgm.DRIVER, given)
        assert isinstance(error, kind)
        assert all(batch.mark is None for batch in batches)


def test_a_link_that_goes_at_any_frame_loses_and_doubles_nothing() -> None:
    """Cut off behind each frame, then read again from the mark that was kept: the same records, by the same keys."""
    whole = {item.key for item in readings(replayed(cgm.DRIVER, GIVEN)[0])}
    for length in range(1, len(GIVEN) + 1):
        batches, _, _ = replayed(cgm.DRIVER, GIVEN[:length])
        marks = [batch.mark for batch in batches if batch.mark is not None]
        wanted = marks[-1]["next_wanted"] if marks else 0
        again = readings(replayed(cgm.DRIVER, marked(dict(marks[-1])) if marks else GIVEN)[0])
        later = {item.key for item in again if item.sequence_number is not None and item.sequence_number >= wanted}
        assert {item.key for item in readings(batches)} | later == whole, length


def test_what_the_wearer_should_know_is_told() -> None:
    given = [
        replace(GIVEN[0], extra={**GIVEN[0].extra, "chars": ["2AA7", "2AA8", "2AA9", "2AAA", "2AAB", "2AAC", "2A52"]}),
        Record(kind="rd", session="1", characteristic=0x2AA9, data=bytes.fromhex("f037020800"), time=1.5e9),
        Record(kind="rd", session="1", characteristic=0x2AAB, data=bytes.fromhex("f000"), time=1.5e9),
        *GIVEN[1:3],
        Record(kind="rx", session="1", characteristic=0x2AA7, data=bytes.fromhex("060078001e00"), time=1.5e9),
        Record(kind="rx", session="1", characteristic=0x2AAC, data=bytes.fromhex("0300"), time=1.5e9),
        *(Record(kind="rx", session="1", characteristic=0x2A52, data=bytes.fromhex(text), time=1.5e9) for text in ("06000402", "06000101")),
    ]
    batches, link, error = replayed(cgm.DRIVER, given, counts=True)
    assert error is None
    found = [item.code for batch in batches for item in batch.items if isinstance(item, Notice)]
    assert found == ["device_battery_low", "calibration_required", "sensor-ends", "interval-off"]
    assert [item.sequence_number for item in readings(batches)] == [30], "what came before the answer counts"
    assert link.written[0] == (0x2AAC, b"\x02")


def test_a_sensor_with_crc_is_asked_with_one() -> None:
    feature = cgms.CGMFeature.of(cgms.Feature.E2E_CRC, cgms.Sample(9, 1)).encode()
    given = [
        replace(GIVEN[0], extra={**GIVEN[0].extra, "chars": ["2AA7", "2AA8", "2AAA", "2AAC", "2A52"]}),
        GIVEN[1],
        replace(GIVEN[2], data=feature),
    ]
    _, link, _ = replayed(cgm.DRIVER, given)
    assert link.written[0] == (0x2AAC, append_crc(b"\x02"))


def test_alerts_calibrations_and_the_session_are_on_no_list() -> None:
    for opcode in {*range(0x1D)} - {0x02}:
        assert cgm.DRIVER.allowed(0x2AAC, bytes((opcode, 0, 0))) is None, opcode

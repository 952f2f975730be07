"""An insulin device's history, over requests and sessions; and that nothing here can steer one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from drivers import Batch, Coded, Confused, Insulin, Notice, Observation, Quantity
from drivers.kit.capture import Record
from drivers.standard.insulin_delivery import DRIVER
from profiles.gatt import BY_UUID
from profiles.gatt import insulin_delivery as ids
from profiles.gatt import insulin_history as history
from tests.support.replaying import CAPTURES, readings, records, replayed

GIVEN = records(CAPTURES / "insulin-delivery.ndjson")
OPEN, READS, EVENTS = GIVEN[0], GIVEN[1:3], GIVEN[4:8]
ROOT = Path(__file__).parents[2]


def point(counter: int, *octets: int) -> Record:
    return replace(GIVEN[3], data=history.protected(bytes(octets), counter))


def marks(batches: list[Batch]) -> list[Any]:
    return [batch.mark for batch in batches if batch.mark is not None]


def test_the_history_becomes_readings_with_the_references_time() -> None:
    batches, link, error = replayed(DRIVER, GIVEN, counts=True)
    assert error is None
    bolus, state, unknown = readings(batches)
    assert isinstance(bolus, Insulin)
    assert (bolus.amount, bolus.extended, bolus.seconds) == (
        Quantity(Decimal("3.5"), "[iU]"),
        Quantity(Decimal("2.0"), "[iU]"),
        Decimal(5400),
    )
    assert (bolus.kind, str(bolus.device_time), bolus.sequence_number) == ("multiwave", "2023-11-14T08:10:00", 2)
    assert isinstance(state, Observation)
    assert state.observed == Coded(code=None, text="therapy_control_state_changed", octets=b"\x3c\x55")
    assert isinstance(unknown, Observation)
    assert unknown.observed.text == "event_f00a", "a maker's own is kept, too"
    assert [item.text for batch in batches for item in batch.items if isinstance(item, Notice)] == ["it calls for attention: reservoir low"]
    assert marks(batches) == [
        {"sequence_number": 4, "base_time": [0] * 6, "next_wanted": 5, "reference": [2023, 11, 14, 8, 0, 0]},
    ]
    assert [history.unprotected(data) for _, data in link.written] == [(bytes.fromhex("5a33"), 1), (bytes.fromhex("3333"), 2)]


def test_the_next_visit_begins_at_the_mark_and_knows_the_reference() -> None:
    kept = marks(replayed(DRIVER, GIVEN, counts=True)[0])[0]
    later = ids.IDDHistoryData(ids.HistoryEvent.PRIMING_DONE, 5, 3600, b"").encode()
    first, again = (replace(EVENTS[0], data=history.protected(later, counter)) for counter in (60, 61))
    done = point(3, 0x0F, 0x0F, 0x33, history.SUCCESS)
    given = [replace(OPEN, extra={**OPEN.extra, "mark": kept}), *READS, first, done, point(4, 0x66, 0x0F, 1, 0, 0, 0), again, done]
    batches, link, error = replayed(DRIVER, given, counts=True)
    assert error is None
    assert [history.unprotected(data)[0].hex() for _, data in link.written] == ["3369", "5a550f05000000", "33550f05000000"]
    assert [str(item.device_time) for item in readings(batches)] == ["2023-11-14T09:00:00"]


def test_nothing_new_is_no_error() -> None:
    batches, _, error = replayed(DRIVER, [OPEN, *READS, point(1, 0x0F, 0x0F, 0x5A, 6)], counts=True)
    assert (error, readings(batches)) == (None, [])


def test_a_wrong_crc_is_set_aside_and_asked_for_again() -> None:
    broken = replace(EVENTS[1], data=EVENTS[1].data[:-1] + b"\x00")
    done = point(3, 0x0F, 0x0F, 0x33, history.SUCCESS)
    whole = [OPEN, *READS, GIVEN[3], EVENTS[0], broken, *EVENTS[2:], done, *EVENTS, done]
    batches, link, error = replayed(DRIVER, whole, counts=True)
    assert error is None
    assert [item.sequence_number for item in readings(batches)] == [3, 4, 2]
    assert len(link.rejected) == 1
    batches, _, error = replayed(DRIVER, [OPEN, *READS, GIVEN[3], EVENTS[0], broken, *EVENTS[2:], done, EVENTS[0], done], counts=True)
    assert isinstance(error, Confused)
    assert marks(batches) == []


def test_the_same_counter_twice_is_a_repetition() -> None:
    batches, _, _ = replayed(DRIVER, [OPEN, *READS, GIVEN[3], *[event for event in EVENTS for _ in range(2)], GIVEN[8]], counts=True)
    assert [item.sequence_number for item in readings(batches)] == [2, 3, 4]


def test_another_event_with_the_counter_of_the_one_before_is_not_believed() -> None:
    """It is asked for again: a device that counts right says it with a counter of its own."""
    forged = replace(EVENTS[2], data=history.protected(history.unprotected(EVENTS[2].data)[0], history.unprotected(EVENTS[1].data)[1]))
    batches, _, error = replayed(DRIVER, [OPEN, *READS, GIVEN[3], *EVENTS[:2], forged, EVENTS[3], GIVEN[8]], counts=True)
    assert [item.sequence_number for item in readings(batches)] == [2, 4]
    assert marks(batches) == []
    assert error is not None


def test_a_bolus_of_nothing_is_an_event_like_others() -> None:
    nothing = history.BolusDelivered(1, history.BolusType.FAST, Decimal(0), Decimal(0), 0).encode()
    event = ids.IDDHistoryData(ids.HistoryEvent.BOLUS_DELIVERED_PART_1, 9, 0, nothing).encode()
    frame = replace(EVENTS[0], data=history.protected(event, 99))
    (item,) = readings(replayed(DRIVER, [OPEN, *READS, GIVEN[3], frame, GIVEN[8]], counts=True)[0])
    assert isinstance(item, Observation)
    assert item.observed.text == "bolus_delivered_part_1"


def test_nothing_here_can_steer_a_therapy() -> None:
    """The control point of commands has no table, and its identifier stands nowhere in the program; nor has the one of their data."""
    command, data = 0x2B24 + 1, 0x2B24 + 2
    assert not {command, data} & set(BY_UUID)
    sources = [path.read_text() for folder in ("drivers", "profiles", "gateway") for path in (ROOT / folder).rglob("*.py")]
    assert len(sources) > 100
    for identifier in (command, data):
        for spelling in (f"{identifier:04X}", f"{identifier:04x}", f"{identifier:#x}", str(identifier)):
            assert not any(spelling in source for source in sources), spelling
    assert {entry.characteristic for entry in DRIVER.commands} == {ids.IDDRecordAccessControlPoint.uuid}
    assert DRIVER.allowed(ids.IDDRecordAccessControlPoint.uuid, bytes((ids.RecordOpCode.DELETE_STORED_RECORDS,))) is None
    assert DRIVER.allowed(ids.IDDStatusReaderControlPoint.uuid, b"\x0c\x03") is None

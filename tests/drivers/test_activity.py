"""An activity monitor's sessions, asked for one by one and once."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from drivers import Batch, Exercise
from drivers.standard.physical_activity import DRIVER, MOST_REMEMBERED
from tests.support.replaying import CAPTURES, readings, records, replayed

GIVEN = records(CAPTURES / "physical-activity.ndjson")
OPEN, DESCRIPTORS, ENQUIRED, GOT = GIVEN[0], GIVEN[1:4], GIVEN[4], GIVEN[6]
FIRST, SECOND = GIVEN[5], GIVEN[7]


def marked(mark: dict[str, Any]) -> Any:
    return replace(OPEN, extra={**OPEN.extra, "mark": mark})


def marks(batches: list[Batch]) -> list[Any]:
    return [batch.mark for batch in batches if batch.mark is not None]


def test_every_ended_session_is_asked_for_and_live_steps_count() -> None:
    batches, link, error = replayed(DRIVER, GIVEN)
    assert error is None
    assert [data.hex() for _, data in link.written] == ["01", "030400", "030500"]
    found = [item for item in readings(batches) if isinstance(item, Exercise)]
    assert [item.details["steps"].value for item in found] == [Decimal(1240), Decimal(840), Decimal(50)], "walked and run"
    assert [item.activity for item in found] == ["run"] * 3
    assert all(item.derived == () for item in found), "counted, not derived"
    assert marks(batches) == [{"read": [4]}, {"read": [4, 5]}]


def test_what_was_read_is_not_asked_for_again() -> None:
    given = [marked({"read": [4]}), *DESCRIPTORS, ENQUIRED, SECOND, GOT]
    batches, link, _ = replayed(DRIVER, given)
    assert [data.hex() for _, data in link.written] == ["01", "030500"]
    assert marks(batches) == [{"read": [4, 5]}]


def test_a_session_that_was_cut_off_is_asked_for_again() -> None:
    batches, _, error = replayed(DRIVER, [OPEN, *DESCRIPTORS, ENQUIRED, FIRST])
    assert error is None
    assert len(readings(batches)) == 1, "what came counts"
    assert marks(batches) == []


def test_an_error_is_no_end_of_the_others() -> None:
    refused = replace(GOT, data=b"\xfd")
    batches, _, _ = replayed(DRIVER, [OPEN, *DESCRIPTORS, ENQUIRED, refused, SECOND, GOT])
    assert marks(batches) == [{"read": [5]}]


def test_what_is_remembered_has_an_end() -> None:
    given = [marked({"read": list(range(1000, 1000 + MOST_REMEMBERED))}), *DESCRIPTORS, ENQUIRED, FIRST, GOT]
    assert len(marks(replayed(DRIVER, given)[0])[-1]["read"]) == MOST_REMEMBERED


def test_nothing_is_started_stopped_or_deleted() -> None:
    for opcode in (4, 5, 6, 7):
        assert DRIVER.allowed(0x2B43, bytes((opcode, 1, 0))) is None

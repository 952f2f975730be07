"""A device that had another life before: what it still tells of that."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from drivers import DeviceClock, Glucose
from gateway.config import DeviceSection
from gateway.filing import SessionFacts
from gateway.journal import Journal
from profiles.times import DateTime
from tests.gateway.test_filing import FRAME, A, facts, glucose, info, put

NEW = DeviceSection(address=A, first_contact="since-pairing")
CLOCK = DeviceClock(FRAME, DateTime(2026, 3, 14, 7, 0, 0))
"""The frame is of the same moment by the hub's clock (UTC)."""


def at(number: int, time: DateTime | None) -> Glucose:
    return replace(glucose(number, str(100 + number)), device_time=time)


BEFORE, MINUTE_AGO, AFTER = (
    at(1, DateTime(2026, 3, 13, 7, 0, 0)),
    at(2, DateTime(2026, 3, 14, 6, 58, 0)),
    at(3, DateTime(2026, 3, 14, 9, 0, 0)),
)
NEVER, STAMPLESS = at(4, DateTime(2000, 1, 1, 0, 0, 0)), at(5, None)


def session(name: str, settings: DeviceSection = NEW, **extra: Any) -> SessionFacts:
    return facts(session=name, settings=settings, **extra)


async def numbers(journal: Journal, *readings: Glucose, on: SessionFacts) -> list[int]:
    new = await put(journal, *readings, on=on, about=info(), clock=CLOCK)
    return [thing["provenance"]["sequence_number"] for thing in new if thing["type"] == "blood-glucose"]


async def test_what_was_measured_before_is_left_out_and_stays_so(journal: Journal) -> None:
    """What was just measured, and what has no stamp that can be believed, is not."""
    told: list[tuple[str, str]] = []
    one = session("s1", noticed=lambda code, text: told.append((code, text)))
    assert await numbers(journal, BEFORE, MINUTE_AGO, AFTER, NEVER, STAMPLESS, on=one) == [2, 3, 4, 5]
    assert [code for code, _ in told] == ["before"]
    later = replace(CLOCK, frame=replace(FRAME, received=FRAME.received + 90000), device_time=DateTime(2026, 3, 15, 8, 0, 0))
    assert await put(journal, BEFORE, on=session("s2"), clock=later) == []
    assert [thing["type"] for thing in await put(journal, at(6, DateTime(2026, 3, 14, 12, 0, 0)), on=session("s3"), clock=later)] == [
        "blood-glucose"
    ]


async def test_everything_is_filed_unless_somebody_says_otherwise(journal: Journal) -> None:
    assert await numbers(journal, BEFORE, AFTER, on=session("s1", DeviceSection(address=A))) == [1, 3]


async def test_a_hub_that_does_not_know_the_time_leaves_nothing_out(journal: Journal) -> None:
    """Nor is that the moment at which the device was met."""
    one = replace(session("s1"), clock_trusted=False)
    assert await numbers(journal, BEFORE, on=one) == [1]
    assert await numbers(journal, at(7, DateTime(2026, 3, 13, 8, 0, 0)), AFTER, on=session("s2")) == [3]

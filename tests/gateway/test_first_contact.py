"""A device that had another life before: what it still tells of that."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from drivers import Batch, DeviceClock, Glucose
from gateway.config import DeviceSection
from gateway.filing import Filing, SessionFacts
from gateway.intake import read
from gateway.journal import Journal
from gateway.journal.reading import read_all
from gateway.registry import load
from gateway.replay import work_off
from gateway.simulator.devices import StoringCuff
from gateway.simulator.memory import Memory
from gateway.simulator.play import play
from gateway.simulator.world import ADDRESSES
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


LATEST = DeviceSection(address=A, first_contact="latest")


async def told(journal: Journal, *batches: tuple[Glucose, ...], on: SessionFacts) -> list[int]:
    """What is filed of a session that comes to its end."""
    filing = Filing(journal, UTC)
    new = await filing.file(on, Batch((info(), CLOCK)), [])
    for batch in batches:
        new += await filing.file(on, Batch(batch), [])
    new += await filing.finish(on)
    there = {(row.id, row.version): json.loads(row.body) for row in journal.everything()}
    made = [there[one.id, one.version] for one in new]
    return [thing["provenance"]["sequence_number"] for thing in made if thing["type"] == "blood-glucose"]


async def test_of_what_was_before_the_latest_alone(journal: Journal) -> None:
    """In whatever order it tells them; and both of one moment. Told again it is nothing new, and what comes after counts as ever."""
    oldest, older = at(6, DateTime(2026, 3, 11, 7, 0, 0)), at(7, DateTime(2026, 3, 12, 7, 0, 0))
    twin = at(8, DateTime(2026, 3, 13, 7, 0, 0))
    one = session("s1", LATEST)
    assert await told(journal, (older, BEFORE), (oldest, twin, MINUTE_AGO, AFTER, NEVER), on=one) == [2, 3, 4, 1, 8]
    assert await told(journal, (oldest, older), (BEFORE, twin), on=session("s2", LATEST)) == []
    assert await told(journal, (older, at(9, DateTime(2026, 3, 14, 10, 0, 0))), on=session("s3", LATEST)) == [9]
    assert await told(journal, (at(10, DateTime(2026, 3, 13, 8, 0, 0)),), on=session("s4", LATEST)) == [10], "s1 was cut off before it"


async def test_nothing_was_before(journal: Journal) -> None:
    assert await told(journal, (AFTER,), on=session("s1", LATEST)) == [3]
    assert await told(journal, (STAMPLESS,), on=replace(session("s2", LATEST), clock_trusted=False)) == [5]


async def test_over_the_air_and_from_the_log(tmp_path: Path) -> None:
    """A cuff with weeks in its memory: of that the last measurement, live, and again when the journal is lost."""
    settings = DeviceSection(address=ADDRESSES[StoringCuff], first_contact="latest")
    await play(tmp_path, seed=5, seconds=5, sinks={}, device=(settings,), stored_only=True)
    replayed = Journal(tmp_path / "again.db")
    await work_off(read(tmp_path / "intake"), load(), Filing(replayed, None))
    replayed.close()
    old = str(DateTime.of(datetime.now().astimezone() - timedelta(minutes=11)))

    def of_cuff(path: Path) -> dict[str, str]:
        things = [json.loads(row.body) for row in read_all(path)]
        mine = [thing for thing in things if thing["device"]["address"] == settings.address and thing["type"] == "blood-pressure"]
        return {thing["id"]: thing["when"]["device_time"] for thing in mine}

    live = of_cuff(tmp_path / "journal.db")
    stored = [str(one["time"]) for record in Memory(tmp_path / "simulator", str(settings.address)).records for one in record.expected]
    assert sum(time < old for time in stored) > 1
    assert [time for time in live.values() if time < old] == [max(time for time in stored if time < old)]
    assert of_cuff(tmp_path / "again.db") == live

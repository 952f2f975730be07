"""What a hub does once a day, if it is on at midnight or not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.audit import Audit
from gateway.daily import Daily
from gateway.errors import JournalError
from gateway.intake import Intake
from gateway.journal import Fate, Journal
from gateway.retention import DAY_SECONDS, Retention
from gateway.simulator.play import play
from gateway.sinks.file import FileSink
from tests.gateway.test_retention import fill, values
from tests.support.fakes import FakeClock


class Life:
    """From one start to the next."""

    def __init__(self, journal: Journal, place: Path, clock: FakeClock) -> None:
        self.journal, self.intake = journal, Intake(place / "intake")
        self.audit = Audit(journal, clock.now)
        self.audit.note("started")
        self.delivered = 0
        retention = Retention(journal, self.intake, ["a"], clock.now)
        self.daily = Daily(
            journal, self.audit, clock, retention, gateway_id="c0ffee00", delivered=self._deliver, committed=lambda _new: None
        )

    def _deliver(self) -> None:
        self.delivered += 1
        self.audit.note("delivered")

    def end(self) -> None:
        self.intake.close()


def marks(journal: Journal) -> list[str]:
    bodies = (json.loads(row.body) for row in journal.everything() if row.type == "device")
    return [body["data"]["audit_mark"] for body in bodies if body["data"].get("audit_mark")]


async def test_a_hub_that_is_off_at_midnight_has_days_too(journal: Journal, tmp_path: Path) -> None:
    clock = FakeClock()
    for day in range(4):
        life = Life(journal, tmp_path, clock)
        for _ in range(3):
            await life.daily.check(None)
            clock.pass_(3600)
        await life.audit.settle()
        life.end()
        assert len(marks(journal)) == day, "one for each day that has ended"
        assert life.delivered == min(day, 1)
        clock.pass_(DAY_SECONDS - 3 * 3600)


async def test_a_hub_that_does_not_know_the_time_has_no_days(journal: Journal, tmp_path: Path) -> None:
    """Its clock may say 2099: what it has would be very old."""
    clock = FakeClock()
    await fill(journal, [0])
    await journal.advance("a", Fate(journal.head()))
    life = Life(journal, tmp_path, clock)
    await life.daily.check(30)
    clock.time, clock.trusted = clock.time + 20_000 * DAY_SECONDS, False
    await life.daily.check(30)
    assert values(journal) == ["101"]
    assert marks(journal) == []
    clock.trusted = True
    await life.daily.check(30)
    assert values(journal) == []
    clock.time -= 19_000 * DAY_SECONDS
    await life.daily.check(30)
    clock.pass_(DAY_SECONDS)
    await life.daily.check(30)
    assert len(marks(journal)) == 2, "a clock that was set back begins anew"
    life.end()


async def test_a_day_that_failed_is_tried_again(journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    life = Life(journal, tmp_path, clock)
    await life.daily.check(None)
    clock.pass_(DAY_SECONDS)

    async def full(*_: object) -> None:
        raise JournalError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr("gateway.retention.Retention.day", full)
        with pytest.raises(JournalError):
            await life.daily.check(30)
    before = len(marks(journal))
    await life.daily.check(30)
    assert len(marks(journal)) == before + 1
    await life.daily.check(30)
    assert len(marks(journal)) == before + 1
    life.end()


async def test_the_daemon_does_it(tmp_path: Path) -> None:
    """Its last day was long ago: the sink hears how far the audit log goes."""
    journal = Journal(tmp_path / "journal.db")
    await journal.set_meta("day", "1")
    journal.close()
    await play(tmp_path, seed=3, seconds=3, sinks={"file": FileSink(tmp_path / "things.ndjson")}, stored_only=True)
    things = [json.loads(line) for line in (tmp_path / "things.ndjson").read_text().splitlines()]
    assert [thing["device"]["name"] for thing in things if thing["data"].get("audit_mark")] == ["health-gateway"]

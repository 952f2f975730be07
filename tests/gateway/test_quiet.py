"""Devices of which nothing comes for long are told of once, by a clock that can be trusted."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from gateway.journal import Journal
from gateway.quiet import DAY, Quiet
from tests.support.fakes import FakeClock

A, B = "C1:00:00:00:00:01", "C1:00:00:00:00:02"
LISTED: dict[str, str | None] = {A: "Cuff", B: None}


async def test_a_device_is_told_of_once_and_again_when_it_was_there_between(journal: Journal) -> None:
    clock = FakeClock()
    quiet = Quiet(journal, clock)
    with capture_logs() as logs:
        await quiet.check(LISTED, 14)  # the first day of both
        clock.pass_(10 * DAY)
        await quiet.came(B)
        await quiet.check(LISTED, 14)
        assert quiet.days == {}
        clock.pass_(5 * DAY)
        await quiet.check(LISTED, 14)
        await quiet.check(LISTED, 14)
        assert quiet.days == {A: 15}
        await quiet.came(A)
        assert quiet.days == {}
        clock.pass_(20 * DAY)
        await quiet.check(LISTED, 14)
        assert quiet.days == {A: 20, B: 25}
    assert [(entry["device"], entry["name"], entry["days"]) for entry in logs] == [(A, "Cuff", 15), (A, "Cuff", 20), (B, None, 25)]


async def test_it_outlives_the_daemon(journal: Journal) -> None:
    clock = FakeClock()
    await Quiet(journal, clock).came(A)
    clock.pass_(15 * DAY)
    quiet = Quiet(journal, clock)
    await quiet.check({A: None}, 14)
    assert quiet.days == {A: 15}


@pytest.mark.parametrize(("days", "trusted"), [(0, True), (14, False)])
async def test_where_it_is_not_wanted_or_cannot_be_known_nothing_is_told(journal: Journal, days: float, trusted: bool) -> None:  # noqa: FBT001 - a table
    clock = FakeClock()
    await Quiet(journal, clock).came(A)
    clock.pass_(100 * DAY)
    clock.trusted = trusted
    quiet = Quiet(journal, clock)
    await quiet.came(B)
    await quiet.check(LISTED, days)
    assert quiet.days == {}

"""What a start owes to the last end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog

from gateway.filing import Filing
from gateway.inbox import forgotten, uphold
from gateway.intake import Intake
from gateway.journal import Journal, repair
from gateway.registry import Registry
from gateway.replay import work_off

log = structlog.get_logger()
SCRUB_AFTER_SECONDS = 60.0


async def catch_up(registry: Registry, journal: Journal, filing: Filing, intake: Intake, *, replay_all: bool) -> set[str]:
    """What was taken but not filed before the last end, and what damage took away. Returns whose sessions were open."""
    start = 0 if replay_all else int(journal.meta("worked_off", "0"))
    worked_off = start
    if start > intake.position:
        start = 0  # the intake is shorter than it was: take what is there
    intake.begin_behind(max(worked_off - 1, journal.last_position()))
    before = journal.head()
    await journal.bury(forgotten(intake.read(start)))
    outcome = await work_off(intake.read(start), registry, filing)
    if outcome.things:
        log.info("filed what had been taken before the last end", things=outcome.things, sessions=outcome.sessions)
    for position in outcome.damaged:
        log.error("a line of the intake log is damaged; what it held is lost unless the journal has it", position=position)
    for name, position in outcome.failed.items():
        log.error("sessions in the intake log could not be replayed; they are kept", driver=name, first=position)
    if said := await uphold(journal, intake.read(start)):
        log.info("said again whose they are, or that they do not count, as their owner had", things=len(said))
    # Numbers are given without a gap: one can only come of damage, and then everything has been replayed.
    gaps = await journal.name_gaps("damaged; what the intake log still held was filed again under a new number") if replay_all else []
    if gaps:
        log.error("things were damaged", rows=len(gaps), filed_again=journal.head() - before)
    await journal.set_meta("worked_off", str(min(outcome.failed.values(), default=intake.position)))
    return outcome.addresses


async def scrub_later(path: Path) -> None:
    """A large journal is not read whole at the start; it is now, once, at leisure."""
    await asyncio.sleep(SCRUB_AFTER_SECONDS)
    if not await asyncio.to_thread(_is_sound, path):
        log.error("the journal is damaged; it will be repaired at the next start: restart the service")


def _is_sound(path: Path) -> bool:
    return path.stat().st_size <= repair.SMALL_BYTES or repair.scrub(path)

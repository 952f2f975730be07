"""Releases things whose time was pending, once the hub knows what time it is.

Everything leans on the clock since boot, which never jumps: what the hub's clock was wrong by is the same for a reading of
this boot as it is now, so that its time is told by that, in a new version. Things of an earlier boot cannot be mended
so; they wait for their owner's word (`health-gateway release-time`), which files them as they are, marked.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from gateway.clock import Clock
from gateway.filing import QUALITY_RANK, candidates
from gateway.journal import Commit, Committed, Journal, Row
from gateway.normalize.settling import settled, unsettled
from gateway.normalize.things import BY_NAME, Quality, Thing, When

_PENDING = QUALITY_RANK[Quality.TIME_PENDING]


def pending(journal: Journal) -> list[Row]:
    """Latest versions whose time is still pending. One that was retracted waits for nothing any more."""
    latest: dict[str, Row] = {}
    for row in journal.with_quality(_PENDING):
        latest[row.id] = row
    rows = [row for row in latest.values() if journal.versions(row.id)[-1].version == row.version]
    return [row for row in rows if not json.loads(row.body).get("retracted")]


def _thing(row: Row) -> Thing:
    return BY_NAME[row.type].model_validate_json(row.body)


def _with_time(thing: Thing, when: When, **provenance: Any) -> Thing:
    return thing.model_copy(update={"when": when, "provenance": thing.provenance.model_copy(update=provenance)})


async def release_synchronized(journal: Journal, clock: Clock) -> list[Committed]:
    """The hub's clock is good: mend what was received in this boot."""
    if not clock.synchronized():
        return []
    boot, now_minus_boot = clock.boot_id(), clock.now() - clock.boottime()
    mended: list[Thing] = []
    for row in pending(journal):
        thing = _thing(row)
        if thing.provenance.boot_id == boot:
            received = datetime.fromisoformat(thing.provenance.received).timestamp()
            wrong_by = now_minus_boot - (received - thing.provenance.received_boottime)
            when, offset = settled(thing.when, thing.provenance.clock_offset, received=received, wrong_by=wrong_by, zone=clock.zone())
            heard = datetime.fromtimestamp(received + wrong_by, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            mended.append(_with_time(thing, when, clock_offset=offset, received=heard))
    return await journal.commit(Commit("", tuple(candidates(mended)))) if mended else []


async def release_as_they_are(journal: Journal, clock: Clock) -> list[Committed]:
    """The owner's word: file what is pending under the times it has, marked."""
    named = [_with_time(thing, unsettled(thing.when, clock.zone())) for thing in map(_thing, pending(journal))]
    return await journal.commit(Commit("", tuple(candidates(named)))) if named else []

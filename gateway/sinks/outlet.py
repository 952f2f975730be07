"""Drives one sink: reads the journal behind its cursor, sends, moves the cursor. Sinks never wait for each other.

A thing that may not go now (its time is pending) is passed over into `deferred` in the transaction in which the cursor
passes it. It leaves there when a newer version of it has gone, or when the owner releases it.
"""

from __future__ import annotations

import asyncio
import random

import structlog

from gateway import crashpoints
from gateway.errors import JournalError
from gateway.filing import QUALITY_RANK
from gateway.journal import Journal, Row
from gateway.normalize.things import Quality
from gateway.sinks.base import Sink, Unreachable

log = structlog.get_logger()

BATCH = 100
SLOWEST_RETRY_SECONDS = 300.0
PENDING = "time-pending"


class Outlet:
    def __init__(self, name: str, sink: Sink, journal: Journal, *, randomness: random.Random, cursor: int | None = None) -> None:
        self.name, self._sink, self._journal, self._random = name, sink, journal, randomness
        self._news = asyncio.Event()
        self._news.set()
        self._cursor = journal.cursor(name) if cursor is None else cursor
        self._pending = {n: why for n, why in journal.deferred(name) if why == PENDING}
        self.problem: str | None = None
        self.idle = asyncio.Event()

    def wake(self) -> None:
        self.idle.clear()
        self._news.set()

    async def run(self) -> None:
        failures = 0
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                while await self._step():
                    if self.problem is not None:
                        log.info("sink is reachable again", sink=self.name)
                    failures, self.problem = 0, None
            except (Unreachable, JournalError) as error:
                if self.problem != str(error):
                    log.warning("sink is unreachable; everything is kept", sink=self.name, problem=str(error))
                self.problem = str(error)
                failures += 1
                # Full jitter, so that several gateways do not knock in step.
                await asyncio.sleep(self._random.uniform(0.5, 1.0) * min(2.0 ** min(failures, 32), SLOWEST_RETRY_SECONDS))
                self._news.set()
                continue
            self.idle.set()

    async def _step(self) -> bool:
        """Send the next batch; False if there is none."""
        rows = self._journal.after(self._cursor, BATCH)
        if not rows:
            return False
        pending = [row for row in rows if row.quality == QUALITY_RANK[Quality.TIME_PENDING]]
        free = [row for row in rows if row not in pending]
        refused = await self._sink.send(free) if free else []
        deferred = [(row.n, PENDING) for row in pending] + [(item.n, item.reason) for item in refused]
        await self._journal.advance(self.name, rows[-1].n, deferred, cleared=self._superseded(free))
        self._pending |= {row.n: PENDING for row in pending}
        self._cursor = rows[-1].n
        crashpoints.reached("cursor-moved")
        return True

    def _superseded(self, sent: list[Row]) -> list[int]:
        """Deferred numbers whose thing has now gone in a newer version."""
        if not self._pending:
            return []
        cleared = [older.n for row in sent if row.version > 1 for older in self._journal.versions(row.id) if older.n in self._pending]
        for n in cleared:
            self._pending.pop(n, None)
        return cleared

    async def close(self) -> None:
        await self._sink.close()

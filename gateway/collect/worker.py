"""One worker: reads the queue, checks, stores, and only then says so. Any number of them share the work."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

from gateway.collect.arrived import Arrived, Checked, Feed, Gate, Lost
from gateway.collect.config import DatabaseSection
from gateway.collect.database import Database, DatabaseLost, Unacceptable

SLOWEST_RETRY_SECONDS = 30.0
NOT_TAKEN = "the database cannot hold it"


class Worker:
    """`feed`: makes one for each connection. `say`: gets sentences about what is away and back."""

    def __init__(
        self,
        feed: Callable[[], Feed],
        database: DatabaseSection,
        gate: Gate,
        together: int,
        say: Callable[[str], None],
        randomness: random.Random,
    ) -> None:
        self._feed, self._settings, self._gate, self._together, self._say = feed, database, gate, together, say
        self._random = randomness
        self._database: Database | None = None
        self.stored = 0
        """Things, those that were there already among them."""

    async def run(self) -> None:
        """Until cancelled."""
        failures = 0
        while True:
            feed = self._feed()
            try:
                await self._connected()
                async for batch in feed.batches(self._together):
                    failures = 0
                    await self._take(batch)
            except Lost as error:
                failures += 1
                await self._pause(str(error), failures)
            finally:
                await feed.close()

    async def close(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            await database.close()

    async def _take(self, batch: Sequence[Arrived]) -> None:
        looked = [(arrived, self._gate.check(arrived)) for arrived in batch]
        good = [checked for _, checked in looked if isinstance(checked, Checked)]
        refused = [(arrived, why) for arrived, why in looked if isinstance(why, str)]
        refused += await self._stored(good)
        if refused:
            await self._patiently(lambda database: database.refuse([(why, arrived.payload) for arrived, why in refused]))
        told = {id(arrived): why for arrived, why in refused}
        for arrived in batch:
            arrived.done(told.get(id(arrived)))
        self.stored += len(batch) - len(refused)

    async def _stored(self, good: Sequence[Checked]) -> list[tuple[Arrived, str]]:
        """All together; or one by one, to find what the database cannot hold."""
        if not good:
            return []
        try:
            await self._patiently(lambda database: database.store(good))
        except Unacceptable:
            if len(good) == 1:
                return [(good[0].arrived, NOT_TAKEN)]
            middle = len(good) // 2
            return [*await self._stored(good[:middle]), *await self._stored(good[middle:])]
        return []

    async def _patiently(self, do: Callable[[Database], object]) -> None:
        """Until the database has done it. Meanwhile nothing is said to the queue, which keeps everything."""
        failures = 0
        while True:
            database = await self._connected()
            try:
                await do(database)  # type: ignore[misc]  # a coroutine of the database's
            except DatabaseLost as error:
                failures += 1
                await self.close()
                await self._pause(str(error), failures)
            else:
                return

    async def _connected(self) -> Database:
        failures = 0
        while self._database is None:
            try:
                self._database = await Database.connected(self._settings)
                self._say("the database is there")
            except DatabaseLost as error:
                failures += 1
                await self._pause(str(error), failures)
        return self._database

    async def _pause(self, why: str, failures: int) -> None:
        pause = self._random.uniform(0.5, 1.0) * min(2.0 ** min(failures, 32) / 4, SLOWEST_RETRY_SECONDS)
        self._say(f"{why}; again in {pause:.0f} s")
        await asyncio.sleep(pause)

"""Readings that devices say in their advertisements: each is captured as a session of one frame, and worked off like any capture."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from drivers import Batch, Frame, Notice, Policy, Reading
from drivers.kit.capture import Record
from drivers.kit.replay import ReplayLink
from gateway.clock import Clock
from gateway.filing import SAME_HEARD_SECONDS, Filing, SessionFacts, opening
from gateway.intake import Intake
from gateway.matching import Loaded
from gateway.sealed import opener
from gateway.sessions import reading

ADVERTISED = 0x0000
"""In place of a characteristic."""
MOST_WAITING = 64


@dataclass(slots=True)
class Ear:
    """What is remembered of a device that is only listened to."""

    last: bytes = b""
    last_at: float = 0.0
    not_before: float = 0.0
    waiting: deque[Record] = field(default_factory=lambda: deque(maxlen=MOST_WAITING))

    def is_news(self, octets: bytes, now: float) -> bool:
        """Most advertisements are what was said before. The same once more after a silence is another weighing of the same weight."""
        same = octets == self.last and now - self.last_at <= SAME_HEARD_SECONDS
        if same:
            self.last_at = now
        return not same and now >= self.not_before

    def heard(self, octets: bytes, now: float, said: Record) -> None:
        self.last, self.last_at = octets, now
        self.waiting.append(said)


async def understand(loaded: Loaded, records: list[Record]) -> tuple[list[Batch], list[tuple[Frame, Exception]]]:
    """What the driver makes of one advertisement."""
    link = ReplayLink(records, opener)
    batches = [batch async for batch in reading(loaded.driver, link)]
    return batches, link.rejected


def is_reading(batches: list[Batch]) -> bool:
    return any(isinstance(item, Reading) for batch in batches for item in batch.items)


class Hearing:
    def __init__(self, intake: Intake, filing: Filing, clock: Clock) -> None:
        self._intake, self._filing, self._clock = intake, filing, clock

    def heard(self, octets: bytes) -> Record:
        now, boottime = round(self._clock.now(), 6), round(self._clock.boottime(), 6)
        return Record(kind="rx", session="", characteristic=ADVERTISED, data=octets, time=now, boottime=boottime)

    async def take(
        self, loaded: Loaded, facts: SessionFacts, policy: Policy, said: Record, opened: Callable[[str, int], None]
    ) -> tuple[int, bool]:
        """How many things were new, and whether there was a reading. Most of what a scale says while somebody steps on it is none, and
        is not captured. `opened` is told where in intake the session begins. Raises `OSError`, `JournalError`.
        """
        facts.session = session = secrets.token_hex(8)
        facts.same_within = SAME_HEARD_SECONDS
        first = opening(facts, said.time, said.boottime, (ADVERTISED,), {}, policy)
        frame = Record(kind="rx", session=session, characteristic=ADVERTISED, data=said.data, time=said.time, boottime=said.boottime)
        batches, _ = await understand(loaded, [first, frame])
        if not is_reading(batches):
            for notice in (item for batch in batches for item in batch.items if isinstance(item, Notice)):
                facts.noticed(notice.code, notice.text)
            return 0, False
        opened(session, self._intake.append(first))
        position = self._intake.append(frame)
        batches, rejected = await understand(loaded, [first, replace(frame, position=position)])
        facts.identified = lambda identity: self._intake.append(
            Record(kind="id", session=session, time=said.time, boottime=said.boottime, extra={"identity": identity})
        )
        count = 0
        for batch in batches:
            count += len(await self._filing.file(facts, batch, rejected))
            rejected = []
        count += len(await self._filing.finish(facts))
        return count, True

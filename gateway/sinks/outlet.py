"""Drives one sink: reads the journal behind what was sent, sends, keeps the accounts. Sinks never wait for each other.

A thing that may not go now is passed over in the transaction in which the cursor passes it: into `deferred` if its time is
pending (it leaves when a newer version of it has gone, or when the owner releases it) or the sink refused it (tried again
at a start, every hour, and on the owner's word), or into `held`, in the line of its person, if the sink holds it (tried again by
itself, with growing pauses, in order).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice

import structlog

from gateway.errors import JournalError
from gateway.filing import QUALITY_RANK
from gateway.journal import Journal, Row
from gateway.normalize.things import Quality
from gateway.sinks.base import Answer, Held, Refused, Sink, Unreachable, person_of
from gateway.sinks.ledger import Ledger, Line

log = structlog.get_logger()

BATCH = 500
SLOWEST_RETRY_SECONDS = 300.0
REFUSED_RETRY_SECONDS = 3600.0
NO_GRANT = "no grant covers it"
_PENDING_RANK = QUALITY_RANK[Quality.TIME_PENDING]


class Outlet:
    def __init__(
        self,
        name: str,
        sink: Sink,
        journal: Journal,
        *,
        randomness: random.Random,
        monotonic: Callable[[], float] = time.monotonic,
        allow: Callable[[Row], bool] | None = None,
    ) -> None:
        """`allow`: whether somebody agreed that a thing goes this way; all may, if left out."""
        self._allow = allow
        self.name, self._sink, self._journal, self._random = name, sink, journal, randomness
        self._monotonic = monotonic
        self._ledger = Ledger(name, journal, sink, monotonic)
        self._news = asyncio.Event()
        self._asked = asyncio.Event()
        self._unreachable: str | None = None
        self._refused_due = self._monotonic()
        self.idle = asyncio.Event()

    @property
    def problem(self) -> str | None:
        """Why not everything goes, in a sentence."""
        if self._unreachable is not None:
            return self._unreachable
        lines = self._ledger.lines
        if not lines:
            return None
        reasons = sorted({line.reason for line in lines.values()})
        more = f" (and {len(reasons) - 1} more reasons)" if len(reasons) > 1 else ""
        return f"{sum(len(line.numbers) for line in lines.values())} things wait: {reasons[0]}{more}"

    @property
    def settled(self) -> bool:
        """Whatever was sent is there for good."""
        return self._ledger.next_settling() is None

    def wake(self) -> None:
        self.idle.clear()
        self._news.set()

    def retry(self) -> None:
        """The owner's word: try again what was refused and what is held, now."""
        self._refused_due = self._monotonic()
        for line in self._ledger.lines.values():
            line.due = self._refused_due
        self._asked.set()
        self.wake()

    async def run(self) -> None:
        failures = 0
        await self._sink.begin(await asyncio.to_thread(self._recent))
        while True:
            self._news.clear()
            try:
                while await self._step():
                    failures = 0
                    self._reached()
                if self._unreachable is not None:
                    await self._sink.probe()  # what was sent last had its answer after all, and nothing is left to find that out with
                    failures = 0
                    self._reached()
            except (Unreachable, JournalError) as error:
                if self._unreachable != str(error):
                    log.warning("sink is unreachable; everything is kept", sink=self.name, problem=str(error))
                self._unreachable = str(error)
                failures += 1
                self._asked.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._pause(failures)):
                        await self._asked.wait()
                continue
            self.idle.set()
            await self._until_something_is_due()

    def _recent(self) -> list[Row]:
        if not self._sink.recent:
            return []
        sent = self._ledger.sent
        rows = self._journal.after(max(0, sent - self._sink.recent), min(sent, self._sink.recent))
        return [row for row in rows if row.n not in self._ledger.pending and (self._allow is None or self._allow(row))]

    def _reached(self) -> None:
        if self._unreachable is not None:
            log.info("sink is reachable again", sink=self.name)
            self._unreachable = None

    def _pause(self, failures: int) -> float:
        """Growing, with jitter, so that several gateways do not knock in step."""
        return self._random.uniform(0.5, 1.0) * min(2.0 ** min(failures, 32), SLOWEST_RETRY_SECONDS)

    async def _until_something_is_due(self) -> None:
        moments = [line.due for line in self._ledger.lines.values()]
        if self._ledger.refused:
            moments.append(self._refused_due)
        if (settling := self._ledger.next_settling()) is not None:
            moments.append(settling)
        wait = max(0.0, min(moments) - self._monotonic()) if moments else None
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._news.wait()

    async def _step(self) -> bool:
        """Do one thing that is due; False if there is none."""
        if self._ledger.broken:
            log.info("the connection was lost before everything had settled: that part is sent again", sink=self.name)
            self._ledger.load()
        await self._ledger.settle()
        now = self._monotonic()
        for name, line in self._ledger.lines.items():
            if line.due <= now:
                await self._try_line(name, line)
                return True
        if self._ledger.refused and self._refused_due <= now:
            await self._try_refused()
            return True
        rows = self._journal.after(self._ledger.sent, BATCH)
        if not rows:
            return False
        await self._pass_on(rows)
        return True

    async def _pass_on(self, rows: Sequence[Row]) -> None:
        pending = [row for row in rows if row.quality == _PENDING_RANK]
        free = [row for row in rows if row.quality != _PENDING_RANK]
        behind: list[Answer] = []
        lines: dict[int, str] = {}
        if self._ledger.lines:
            lines = {row.n: _line_of(row) for row in free}
            behind = [Held(row.n, self._ledger.lines[lines[row.n]].reason) for row in free if lines[row.n] in self._ledger.lines]
            waiting = {answer.n for answer in behind}
            free = [row for row in free if row.n not in waiting]
        done, answers, problem = await self._send(free)
        if problem is not None:
            # Only what comes before the first thing without an answer is passed.
            last = done[-1].n if done else self._ledger.sent
            behind, pending = [a for a in behind if a.n < last], [row for row in pending if row.n < last]
        else:
            last = rows[-1].n
        held = {answer.n for answer in answers if isinstance(answer, Held)}
        lines |= {row.n: _line_of(row) for row in done if row.n in held}
        self._ledger.enter(last, [*behind, *answers], gone=self._superseded(done, answers), pending=pending, lines=lines)
        self._pause_lines({lines[n] for n in held})
        if len(self._ledger.refused) == sum(isinstance(answer, Refused) for answer in answers):
            self._refused_due = self._monotonic() + REFUSED_RETRY_SECONDS  # these are the first
        await self._settle(problem)

    async def _try_line(self, name: str, line: Line) -> None:
        """The first of a line alone, until it goes; then what follows, in order."""
        numbers = list(islice(line.numbers, 1 if line.failures else BATCH))
        rows = self._journal.rows(numbers)
        done, answers, problem = await self._send(rows)
        if problem is not None and not done:
            raise problem
        held = {answer.n for answer in answers if isinstance(answer, Held)}
        # A number without a sound row is one that `repair` will name: it must not hold up the line.
        stays = min((*held, *(row.n for row in rows[len(done) :])), default=numbers[-1] + 1)
        gone = [n for n in numbers if n < stays]
        self._ledger.enter(
            self._ledger.sent,
            [a for a in answers if a.n < stays],
            gone=[*gone, *self._superseded(done, answers)],
            pending=(),
            lines={},
        )
        self._ledger.leave(name, len(gone))
        line.failures = 0 if gone else line.failures
        if held:
            line.reason = next(answer.reason for answer in answers if answer.n == stays)
            self._pause_lines({name})
        elif name not in self._ledger.lines:
            log.info("what was held has gone", sink=self.name)
        await self._settle(problem)

    def _pause_lines(self, names: set[str]) -> None:
        for name in names:
            line = self._ledger.lines[name]
            if not line.failures:
                log.warning("things wait in line; the rest goes on", sink=self.name, problem=line.reason)
            line.failures += 1
            line.due = self._monotonic() + self._pause(line.failures)

    async def _try_refused(self) -> None:
        """Everything that was refused, once more; what has been overtaken by a newer version leaves without being sent."""
        self._refused_due = self._monotonic() + REFUSED_RETRY_SECONDS * self._random.uniform(0.5, 1.0)
        numbers = sorted(self._ledger.refused)
        for start in range(0, len(numbers), BATCH):
            found = self._journal.rows(numbers[start : start + BATCH])
            overtaken = {row.n for row in found if self._overtaken(row)}
            rows = [row for row in found if row.n not in overtaken and not self._still_withheld(row)]
            done, answers, problem = await self._send(rows)
            waiting = {answer.n for answer in answers}
            lost = set(numbers[start : start + BATCH]) - {row.n for row in found}  # `repair` names those
            gone = [*lost, *overtaken, *(row.n for row in done if row.n not in waiting)]
            # What is refused for the same reason is not written again: thousands may wait for months, and a card wears out.
            again = [Refused(answer.n, answer.reason) for answer in answers if self._ledger.refused.get(answer.n) != answer.reason]
            if not (again or gone or problem):
                continue
            self._ledger.enter(self._ledger.sent, again, gone=gone, pending=(), lines={})
            await self._settle(problem)

    def _still_withheld(self, row: Row) -> bool:
        """There is nothing to be noted anew of it."""
        return self._allow is not None and self._ledger.refused.get(row.n) == NO_GRANT and not self._allow(row)

    def _overtaken(self, row: Row) -> bool:
        newest = self._journal.versions(row.id)[-1]
        return newest.version > row.version and newest.n <= self._ledger.sent

    async def _send(self, rows: Sequence[Row]) -> tuple[Sequence[Row], Sequence[Answer], Unreachable | None]:
        """What got an answer, the answers, and what ended it early. What nobody agreed to is not sent."""
        free = rows if self._allow is None else [row for row in rows if self._allow(row)]
        going = {row.n for row in free}
        withheld = [Refused(row.n, NO_GRANT) for row in rows if row.n not in going]
        if not free:
            return rows, withheld, None
        try:
            return rows, [*await self._sink.send(free), *withheld], None
        except Unreachable as error:
            last = free[error.taken - 1].n if error.taken else free[0].n - 1
            return (
                [row for row in rows if row.n <= last],
                [*error.answers, *(answer for answer in withheld if answer.n <= last)],
                error,
            )

    async def _settle(self, problem: Unreachable | None) -> None:
        if not self._sink.settle_seconds:
            await self._ledger.settle()
        if problem is not None:
            raise problem

    def _superseded(self, done: Sequence[Row], answers: Sequence[Answer]) -> list[int]:
        """Deferred numbers whose thing has now gone in a newer version."""
        waiting = self._ledger.pending | self._ledger.refused.keys()
        if not waiting:
            return []
        not_taken = {answer.n for answer in answers}
        newer = [row for row in done if row.version > 1 and row.n not in not_taken]
        return [older.n for row in newer for older in self._journal.versions(row.id) if older.version < row.version and older.n in waiting]

    async def close(self) -> None:
        await self._sink.close()


def _line_of(row: Row) -> str:
    return person_of(row) or ""

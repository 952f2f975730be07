"""One sink's accounts between the journal and its server: what was sent, what has settled, what waits in line.

Invariants, each with its test in `tests/gateway/test_outlet.py`:

1. The cursor in the journal passes a thing only when the sink took it, `settle_seconds` have gone by on the same connection,
   and a round trip after them has shown that this connection still lives; or when its other fate goes in with it.
2. If the connection is another one before that, everything behind the cursor is sent again.
3. Things of a line that waits go in the order of their numbers, and none of them before the first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from gateway import crashpoints
from gateway.journal import Fate, Journal, Row
from gateway.sinks.base import Answer, Held, Refused, Sink

PENDING = "time-pending"
SETTLING_PAUSE_SECONDS = 1.0


@dataclass(slots=True)
class Line:
    """What waits for the same reason, in order: the things of one person."""

    reason: str
    numbers: deque[int] = field(default_factory=deque)
    failures: int = 0
    due: float = 0.0


@dataclass(frozen=True, slots=True)
class _Step:
    at: float
    connection: object
    fate: Fate


class Ledger:
    """`sent` runs ahead of `cursor` by what has not settled yet."""

    def __init__(self, name: str, journal: Journal, sink: Sink, monotonic: Callable[[], float]) -> None:
        self._name, self._journal, self._sink, self._monotonic = name, journal, sink, monotonic
        self._steps: deque[_Step] = deque()
        self._not_before = 0.0
        self.sent = self.cursor = 0
        self.lines: dict[str, Line] = {}
        self.pending: set[int] = set()
        self.refused: dict[int, str] = {}
        self.load()

    def load(self) -> None:
        """Begin again from what the journal says."""
        self._steps.clear()
        self.sent = self.cursor = self._journal.cursor(self._name)
        deferred = self._journal.deferred(self._name)
        self.pending = {n for n, why in deferred if why == PENDING}
        self.refused = {n: why for n, why in deferred if why != PENDING}
        self.lines = {}
        for n, name, reason in self._journal.held(self._name):
            self.lines.setdefault(name, Line(reason)).numbers.append(n)

    def enter(self, cursor: int, answers: Sequence[Answer], *, gone: Iterable[int], pending: Sequence[Row], lines: dict[int, str]) -> None:
        """What has become of a batch: `answers` and `pending` wait, `gone` leaves what it waited in. `lines`: of the held ones."""
        gone = list(gone)
        deferred = dict.fromkeys((row.n for row in pending), PENDING) | {a.n: a.reason for a in answers if isinstance(a, Refused)}
        held = {a.n: (lines[a.n], a.reason) for a in answers if isinstance(a, Held)}
        self._steps.append(_Step(self._monotonic(), self._sink.connection, Fate(cursor, deferred, held, gone)))
        self.sent = max(self.sent, cursor)
        for n in gone:
            self.pending.discard(n)
            self.refused.pop(n, None)
        self.pending |= {row.n for row in pending}
        self.refused |= {n: why for n, why in deferred.items() if why != PENDING}
        for n, (name, reason) in held.items():
            line = self.lines.setdefault(name, Line(reason))
            line.reason = reason
            if not line.numbers or n > line.numbers[-1]:
                line.numbers.append(n)

    def leave(self, name: str, count: int) -> None:
        """The first so many have left their line."""
        line = self.lines[name]
        for _ in range(count):
            line.numbers.popleft()
        if not line.numbers:
            del self.lines[name]

    @property
    def broken(self) -> bool:
        """Something unsettled was acknowledged on a connection that is gone."""
        return bool(self._steps) and self._steps[0].connection is not self._sink.connection

    def next_settling(self) -> float | None:
        """When the cursor may move next; what ripens within a second goes into one transaction."""
        return max(self._steps[0].at + self._sink.settle_seconds, self._not_before) if self._steps else None

    async def settle(self) -> None:
        """Move the cursor over what is old enough. Raises `Unreachable` and `JournalError`."""
        ripe = [step for step in self._steps if step.at + self._sink.settle_seconds <= self._monotonic()]
        if not ripe or self.broken:
            return
        if self._sink.settle_seconds:
            if self._monotonic() < self._not_before:
                return
            await self._sink.probe()
            if self.broken:
                return
            self._not_before = self._monotonic() + SETTLING_PAUSE_SECONDS
        await self._journal.advance(self._name, _together([step.fate for step in ripe]))
        for _ in ripe:
            self._steps.popleft()
        self.cursor = max(self.cursor, ripe[-1].fate.cursor)
        crashpoints.reached("cursor-moved")


def _together(fates: Sequence[Fate]) -> Fate:
    """One after the other: what a later step says of a number replaces what an earlier one said."""
    deferred: dict[int, str] = {}
    held: dict[int, tuple[str, str]] = {}
    gone: dict[int, None] = {}
    for fate in fates:
        for n in fate.gone:
            deferred.pop(n, None)
            held.pop(n, None)
            gone[n] = None
        deferred |= fate.deferred
        held |= fate.held
    return Fate(max(fate.cursor for fate in fates), deferred, held, list(gone))

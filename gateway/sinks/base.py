"""What a sink promises, and how it answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.journal import Row


@dataclass(frozen=True, slots=True)
class Refused:
    """This thing and no other: deferred with the reason, shown by `status`, tried again on the owner's word and now and then."""

    n: int
    reason: str


@dataclass(frozen=True, slots=True)
class Held:
    """Not now: it waits, and what follows it in its line (its person's) waits behind it, so that their order stays. The rest goes on."""

    n: int
    reason: str


Answer = Refused | Held


class Unreachable(Exception):
    """Not now. Everything is kept and tried again, with growing pauses.

    `taken`: so many of the batch's first things have their answer all the same (in `answers`, or taken for good).
    """

    def __init__(self, problem: str, *, taken: int = 0, answers: Sequence[Answer] = ()) -> None:
        super().__init__(problem)
        self.taken, self.answers = taken, answers


class Sink:
    """A way out. Sinks answer for each thing; `Outlet` keeps the accounts."""

    settle_seconds = 0.0
    """The server may still lose what it has acknowledged for so long (if it is killed, say). Until then the cursor stays behind."""

    @property
    def connection(self) -> object:
        """What acknowledgements hold for: another one, or None, means that those not settled are worth nothing."""
        return self

    recent = 0
    """So many of the things that it has had are shown to it at a start."""

    async def begin(self, recent: Sequence[Row]) -> None:
        """Before the first `send`; `recent`, in order: what it has had already, as far as it may have it."""

    async def send(self, batch: Sequence[Row]) -> Sequence[Answer]:
        """Deliver in order. What is not in the answer has been taken. Raises `Unreachable`."""
        raise NotImplementedError

    async def probe(self) -> None:
        """Make sure that the connection is alive. Raises `Unreachable`."""

    async def close(self) -> None:
        """Let go of everything; `send` is not called again."""


def person_of(row: Row) -> str | None:
    """Whose thing it is; None if nobody's. Read from the body, so that the journal keeps one truth."""
    person = json.loads(row.body).get("person")
    return None if person is None else str(person)

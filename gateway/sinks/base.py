"""What a sink promises, and how it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.journal import Row


class Unreachable(Exception):
    """Not now. Everything is kept and tried again, with growing pauses."""


@dataclass(frozen=True, slots=True)
class Refused:
    """This thing and no other: deferred with the reason, shown by `status`."""

    n: int
    reason: str


class Sink(Protocol):
    async def send(self, batch: Sequence[Row]) -> list[Refused]:
        """Deliver in order. What is not in the answer has been taken for good. Raises `Unreachable` if nothing may be moved on."""

    async def close(self) -> None: ...

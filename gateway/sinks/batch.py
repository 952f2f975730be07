"""Answers to things that are under way together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway.journal import Row
from gateway.sinks.base import Answer, Held


class Batch:
    """Answers to one batch, as they come in: by place, None where the thing was taken."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.lines: list[str] = []
        """By place, whose line it is in; grows as they are sent."""
        self.answers: dict[int, Answer | None] = {}
        self.open: set[int] = set()
        self.waiting_lines: dict[str, Held] = {}
        """By line: the place of the first that waits, and why."""
        self.moved = asyncio.Event()

    def answer(self, place: int, answer: Answer | None) -> None:
        self.open.discard(place)
        self.answers[place] = answer
        self.moved.set()

    def took(self, place: int) -> None:
        """Taken, unless it overtook one of its line that now waits: then it goes again behind it."""
        first = self.waiting_lines.get(self.lines[place])
        if first is not None and place > first.n:
            self.answer(place, Held(self.rows[place].n, first.reason))
        else:
            self.answer(place, None)

    def hold(self, place: int, reason: str) -> None:
        """This thing waits, and so does what follows in its line, even where the broker has it already."""
        line = self.lines[place]
        self.waiting_lines[line] = Held(place, reason)
        for other in range(place, len(self.lines)):
            if other == place or (self.lines[other] == line and other in self.answers and self.answers[other] is None):
                self.answer(other, Held(self.rows[other].n, reason))

    def so_far(self) -> tuple[int, list[Answer]]:
        """How many of the first have their answer, and the answers that are not simply «taken»."""
        done = 0
        while done in self.answers:
            done += 1
        found = (self.answers[place] for place in range(done))
        return done, [answer for answer in found if answer is not None]

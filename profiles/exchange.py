"""One request through a control point, and its answer: sans-IO. Never more than one is open."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from enum import Enum

SECONDS = 30.0
"""A procedure that takes longer has failed (GLP 5.5, UDP and the others alike)."""


class State(Enum):
    OPEN = "open"
    ANSWERED = "answered"
    OVERDUE = "overdue"


class Exchange:
    """Tell it of everything that comes until it is no longer open. Time is that of what comes: it has no clock.

    `is_answer` says whether an indication of the control point answers this request: late answers to others are passed over. What else the
    device sends meanwhile only shows that time goes by.
    """

    def __init__(self, is_answer: Callable[[Hashable], bool]) -> None:
        self._is_answer = is_answer
        self._began: float | None = None
        self.state = State.OPEN

    def came(self, at: float, answer: Hashable | None = None) -> State:
        """Something came `at` this second; `answer` is what an indication of the control point answers, None if it was none."""
        if self.state is not State.OPEN:
            return self.state
        if self._began is None:
            self._began = at
        if answer is not None and self._is_answer(answer):
            self.state = State.ANSWERED
        elif at - self._began > SECONDS:
            self.state = State.OVERDUE
        return self.state

    def silent(self) -> State:
        """Nothing comes any more, or the link is lost: a request is not taken up again, for nobody knows whether it was carried out."""
        if self.state is State.OPEN:
            self.state = State.OVERDUE
        return self.state

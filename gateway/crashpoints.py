"""Named places at which a test may kill the daemon. In production nothing listens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

Point = Literal[
    "frame-received",
    "intake-flushed",
    "thing-committed",
    "device-told-to-forget",
    "message-sent",
    "message-acknowledged",
    "sink-written",
    "cursor-moved",
]

_listener: Callable[[Point], None] | None = None


def listen(listener: Callable[[Point], None] | None) -> None:
    global _listener  # noqa: PLW0603 - one switch for the whole process, thrown by tests and the simulator alone
    _listener = listener


def reached(point: Point) -> None:
    if _listener is not None:
        _listener(point)

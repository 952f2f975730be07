"""What the daemon has said lately, for who looks at it: the last lines of its log, as they were said."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, NamedTuple

MOST = 400
LONGEST = 500


class Line(NamedTuple):
    n: int
    at: float
    level: str
    event: str
    particulars: Mapping[str, str]


class Lately:
    """A processor of structlog's. `news` is told after each line."""

    def __init__(self) -> None:
        self._lines: deque[Line] = deque(maxlen=MOST)
        self.last = 0
        self.news: Callable[[], None] = lambda: None

    def __call__(self, _logger: Any, level: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        self.last += 1
        said = {key: str(value)[:LONGEST] for key, value in event.items() if key not in ("event", "level", "timestamp")}
        self._lines.append(Line(self.last, time.time(), level, str(event.get("event", ""))[:LONGEST], said))
        self.news()
        return event

    def after(self, n: int) -> Iterator[Line]:
        return (line for line in list(self._lines) if line.n > n)


LATELY = Lately()
"""Of this process, as its log is."""

"""How often something may be tried: a bucket of tokens for each who tries."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

MOST_REMEMBERED = 1024


class Limit:
    """`burst` at once, then one in `seconds`. `now`: any clock in seconds that does not jump."""

    def __init__(self, burst: int, seconds: float, now: Callable[[], float]) -> None:
        self._burst, self._seconds, self._now = burst, seconds, now
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, who: str = "") -> float:
        """0 if it may be; else the seconds until it may, and then it does not count."""
        now = self._now()
        level, at = self._levels.pop(who, (float(self._burst), now))
        level = min(self._burst, level + (now - at) / self._seconds)
        wait = 0.0 if level >= 1 else (1 - level) * self._seconds
        self._levels[who] = (level - (wait == 0.0), now)
        if len(self._levels) > MOST_REMEMBERED:
            self._levels.popitem(last=False)
        return wait

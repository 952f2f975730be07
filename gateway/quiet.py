"""Listed devices of which nothing has come for many days: no fault of ours, but perhaps a flat battery, and somebody should be told.

When something came last is kept in the journal; for a device that is new in the configuration, its first day counts.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from gateway.clock import Clock
from gateway.journal import Journal

log = structlog.get_logger()

CHECK_SECONDS = 3600.0
DAY = 86_400.0


class Quiet:
    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal, self._clock = journal, clock
        self.days: dict[str, int] = {}
        """By address: for how many whole days, of those that are quiet for too long."""

    async def came(self, address: str) -> None:
        """Something new has come from it. Without a trusted clock there are no days to count."""
        self.days.pop(address, None)
        if self._clock.synchronized():
            await self._journal.set_meta(_key(address), str(self._clock.now()))

    async def check(self, listed: Mapping[str, str | None], days: float) -> None:
        """`listed`: names by address. What is newly quiet is logged, once."""
        before, self.days = self.days, {}
        if not days or not self._clock.synchronized():
            return
        for address, name in listed.items():
            since = self._journal.meta(_key(address))
            if not since:
                await self._journal.set_meta(_key(address), str(self._clock.now()))
                continue
            quiet = (self._clock.now() - float(since)) / DAY
            if quiet >= days:
                self.days[address] = int(quiet)
                if address not in before:
                    log.warning("nothing has come from a device for long; is its battery flat?", device=address, name=name, days=int(quiet))


def last_came(journal: Journal, address: str) -> float | None:
    """When something new came from it last, in seconds since 1970, as far as that is known."""
    since = journal.meta(_key(address))
    return float(since) if since else None


def _key(address: str) -> str:
    return f"came:{address}"

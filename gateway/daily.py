"""What is done once a day: what is too old goes, and every sink hears how far the audit log goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from gateway.audit import Audit
from gateway.clock import Clock
from gateway.journal import Committed, Journal
from gateway.marking import tell
from gateway.retention import DAY_SECONDS, Retention

log = structlog.get_logger()
_META = "day"


class Daily:
    """`committed` is told what is new, `delivered` that the accounts are to be noted."""

    def __init__(
        self,
        journal: Journal,
        audit: Audit,
        clock: Clock,
        retention: Retention,
        *,
        gateway_id: str,
        delivered: Callable[[], None],
        committed: Callable[[Sequence[Committed]], None],
    ) -> None:
        self._journal, self._audit, self._clock, self._retention = journal, audit, clock, retention
        self._gateway_id, self._delivered, self._committed = gateway_id, delivered, committed

    async def check(self, keep_days: int | None, keep_mb: int | None = None) -> None:
        """The last day stands in the journal: a hub that is off at midnight has days, too. One that does not know the time has none.

        Raises `JournalError` and `OSError`; then it is tried again.
        """
        if not self._clock.synchronized():
            return
        today, last = int(self._clock.now() // DAY_SECONDS), self._journal.meta(_META)
        if last and int(last) < today:
            self._delivered()
            await self._audit.settle()
            log.info("the audit log goes so far", mark=self._audit.mark)
            if self._audit.mark:
                self._committed(await tell(self._journal, self._gateway_id, self._audit.mark, self._clock))
            await self._retention.day(keep_days, keep_mb)
        if last != str(today):
            await self._journal.set_meta(_META, str(today))

"""What is older than `keep_days` goes, once a day: things that every sink has had, and the raw log before them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise

import structlog

from drivers.kit.capture import Record
from gateway.inbox import SAID
from gateway.intake import Intake
from gateway.journal import Journal
from gateway.journal.thinning import thin, tidy

log = structlog.get_logger()
DAY_SECONDS = 86400


class Retention:
    """`kept`: things that are older, by the sink that has not had them."""

    def __init__(self, journal: Journal, intake: Intake, sinks: Sequence[str], now: Callable[[], float]) -> None:
        self._journal, self._intake, self._sinks, self._now = journal, intake, list(sinks), now
        self.kept: Counter[str] = Counter()

    async def day(self, keep_days: int | None) -> None:
        """Nothing without `keep_days`. Raises `JournalError` and `OSError`."""
        self.kept = Counter()
        if keep_days is None:
            return
        limit = self._now() - keep_days * DAY_SECONDS
        before = datetime.fromtimestamp(limit, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        rows, last, is_over = 0, 0, False
        while not is_over:
            done = await self._journal.writer.do(partial(thin, sinks=self._sinks, before=before, behind=last))
            rows, last, is_over = rows + done.rows, done.last, done.is_over
            self.kept += done.kept
        await self._journal.writer.do(lambda connection: tidy(connection, limit))
        lines = await self._thin_intake(limit)
        if rows or lines:
            log.info("threw away what is older than keep_days", things=rows, segments=lines)
        for name, count in self.kept.items():
            log.warning("kept beyond keep_days: this sink has not had them", sink=name, things=count)

    async def _thin_intake(self, limit: float) -> int:
        """Segments of which everything has been filed, and is older. What owners said stays: it is said again at the end."""
        worked_off = int(self._journal.meta("worked_off", "0"))
        listed = self._intake.segments()
        gone = 0
        for (start, path), (following, _) in pairwise(listed):
            records = [record for record in self._intake.read_segment(path, start) if isinstance(record, Record)]
            if following > worked_off or any(record.time >= limit for record in records):
                break
            for record in records:
                if record.kind == SAID:
                    self._intake.append(record)
            await self._intake.flush()
            path.unlink()
            gone += 1
        return gone

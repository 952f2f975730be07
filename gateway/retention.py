"""What is older than `keep_days` goes, once a day, and more of the oldest where what is left is larger than `keep_mb`.

Things that every sink has had, that is, and the raw log before them.
"""

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
from gateway.journal.thinning import SMALLEST_MOMENT, oldest_of, thin, tidy, used

log = structlog.get_logger()
DAY_SECONDS = 86400
LEAST_DAYS = 30
"""So much stays however large it is."""
STEPS = 24
MB = 1 << 20


class Retention:
    """`kept`: things that are older, by the sink that has not had them. `gone` is told when things have gone."""

    def __init__(
        self, journal: Journal, intake: Intake, sinks: Sequence[str], now: Callable[[], float], gone: Callable[[], object] = lambda: None
    ) -> None:
        self._journal, self._intake, self._sinks, self._now, self._gone = journal, intake, list(sinks), now, gone
        self.kept: Counter[str] = Counter()

    async def day(self, keep_days: int | None, keep_mb: int | None = None) -> None:
        """Nothing without either. Raises `JournalError` and `OSError`."""
        self.kept = Counter()
        now = self._now()
        if keep_days is not None:
            await self._until(now - keep_days * DAY_SECONDS)
        if keep_mb is not None and await self._size() > keep_mb * MB:
            await self._make_room(keep_mb * MB, now - LEAST_DAYS * DAY_SECONDS)
        for name, count in self.kept.items():
            log.warning("kept beyond keep_days or keep_mb: this sink has not had them", sink=name, things=count)

    async def _make_room(self, wanted: int, newest: float) -> None:
        """A little more of the time that there is at each step, so that not much more goes than has to."""
        oldest = min(await self._journal.writer.do(lambda connection: oldest_of(connection, newest)), self._oldest_frame(newest))
        for step in range(1, STEPS + 1):
            await self._until(oldest + (newest - oldest) * step / STEPS)
            if await self._size() <= wanted:
                return
        log.warning("journal and raw log are larger than keep_mb; nothing of the last 30 days is thrown away", days=LEAST_DAYS)

    async def _until(self, limit: float) -> None:
        """Throw away what was received before."""
        before = datetime.fromtimestamp(limit, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        rows, last, is_over = 0, 0, False
        kept = Counter[str]()
        while not is_over:
            done = await self._journal.writer.do(partial(thin, sinks=self._sinks, before=before, behind=last))
            rows, last, is_over = rows + done.rows, done.last, done.is_over
            kept += done.kept
        self.kept |= kept
        await self._journal.writer.do(lambda connection: tidy(connection, limit))
        lines = await self._thin_intake(limit)
        if rows:
            self._gone()
        if rows or lines:
            log.info("threw away what is old", before=before, things=rows, segments=lines)

    async def _size(self) -> int:
        """In octets: of the journal what is in use, since a file of SQLite's does not become smaller."""
        return await self._journal.writer.do(used) + sum(path.stat().st_size for _, path in self._intake.segments())

    def _oldest_frame(self, newest: float) -> float:
        [(start, path), *_] = self._intake.segments()
        times = (one.time for one in self._intake.read_segment(path, start) if isinstance(one, Record))
        return min((time for time in times if SMALLEST_MOMENT < time < newest), default=newest)

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

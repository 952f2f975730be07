"""Keeps the page's points as the journal is: from its beginning, and from then on as things come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import structlog

from gateway.journal import Journal, Row
from gateway.web.points import Points, Told, told

log = structlog.get_logger()
AT_ONCE = 500
PAUSE_SECONDS = 0.002
"""Between two portions, so that reading a large journal at the start does not hold up what measures."""
AGAIN_SECONDS = 5.0


class _Portion(NamedTuple):
    last: int
    come: list[Told]
    gone: list[Told]


class Following:
    """`changed` is told whose things are new or have gone."""

    def __init__(self, journal: Journal, points: Points, changed: Callable[[set[str | None]], None]) -> None:
        self._journal, self._points, self._changed = journal, points, changed
        self._news = asyncio.Event()
        self._at = 0
        self._goal = 0
        self._is_there = False
        self._anew = False

    @property
    def progress(self) -> float:
        """1 when everything is read."""
        return 1.0 if self._is_there else self._at / max(1, self._goal)

    def wake(self) -> None:
        self._news.set()

    def begin_anew(self) -> None:
        """Things have gone from the journal."""
        self._anew = True
        self._news.set()

    async def run(self) -> None:
        while True:
            self._news.clear()
            try:
                await self._catch_up()
            except Exception as error:  # noqa: BLE001 - whatever SQLite says of a disk: the page goes on with what it has
                log.warning("the page cannot read the journal; it tries again", problem=type(error).__name__)
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            await self._news.wait()

    async def _catch_up(self) -> None:
        if self._anew:
            self._anew, self._at, self._is_there = False, 0, False
            self._points.clear()
        self._goal = await asyncio.to_thread(self._journal.head)
        while (portion := await asyncio.to_thread(self._read, self._at)) is not None:
            for thing in portion.gone:
                self._points.remove(thing)
            for thing in portion.come:
                self._points.add(thing)
            self._at, self._goal = portion.last, max(self._goal, portion.last)
            self._changed(self._points.whose([*portion.gone, *portion.come]))
            await asyncio.sleep(PAUSE_SECONDS)
        self._is_there = True

    def _read(self, at: int) -> _Portion | None:
        rows = self._journal.after(at, AT_ONCE)
        if not rows:
            return None
        last = rows[-1].n
        ids = list({row.id for row in rows if row.version > 1})
        versions: dict[str, list[Row]] = {one: [] for one in ids}
        for row in self._journal.versions_of(ids) if ids else ():
            if row.n <= last:
                versions[row.id].append(row)
        # Of one with several versions what was there before this portion goes, and the latest so far comes.
        come = [told(row.n, row.body) for row in rows if row.id not in versions]
        gone: list[Told | None] = []
        for known in versions.values():
            known.sort(key=lambda row: row.version)
            gone += [told(row.n, row.body) for row in known if row.n <= at]
            if known:
                come.append(told(known[-1].n, known[-1].body))
        return _Portion(last, [one for one in come if one is not None], [one for one in gone if one is not None])

"""The demo's sink: each thing to a callback as soon as it is committed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.journal import Row
from gateway.sinks.base import Refused


class LineSink:
    def __init__(self, show: Callable[[Row], None]) -> None:
        self._show = show

    async def send(self, batch: Sequence[Row]) -> list[Refused]:
        for row in batch:
            self._show(row)
        return []

    async def close(self) -> None:
        return

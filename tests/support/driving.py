"""An outlet at work for the length of a block."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from gateway.journal import Journal, Row
from gateway.sinks.base import Sink
from gateway.sinks.outlet import Outlet


@asynccontextmanager
async def driven(
    journal: Journal,
    sink: Sink,
    name: str = "queue",
    monotonic: Callable[[], float] = time.monotonic,
    allow: Callable[[Row], bool] | None = None,
) -> AsyncIterator[Outlet]:
    outlet = Outlet(name, sink, journal, randomness=random.Random(1), monotonic=monotonic, allow=allow)
    task = asyncio.create_task(outlet.run())
    try:
        yield outlet
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await outlet.close()

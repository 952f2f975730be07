"""The daemon's start on a state directory that is named, without a radio; prints seconds with and without imports, and MiB resident.

A process of its own, `python -m tests.bench.start STATE`: imports and memory count.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path

BEGAN = time.perf_counter()

from gateway import registry  # noqa: E402 - what is measured
from gateway.app import Gateway  # noqa: E402 - likewise
from gateway.clock import SystemClock  # noqa: E402 - likewise
from gateway.config import Config, GatewaySection, TimeSection  # noqa: E402 - likewise
from gateway.transports.ble import BleakRadio  # noqa: E402 - likewise; the daemon imports it
from gateway.transports.radio import Seen  # noqa: E402 - likewise
from tests.bench.measure import resident  # noqa: E402 - in alphabetical order

IMPORTED = time.perf_counter()


class Deaf(BleakRadio):
    """It hears nobody, and asks no bus."""

    async def release(self, addresses: Collection[str]) -> None:
        """There is nothing to release."""

    async def scan(self, on_seen: Callable[[Seen], None]) -> None:
        await asyncio.Event().wait()


async def main(state: Path) -> None:
    config = Config(gateway=GatewaySection(state=state), time=TimeSection(trust="manual"))
    gateway = Gateway(config, registry.load(), Deaf(), SystemClock("manual"))
    running = asyncio.create_task(gateway.run())
    await gateway.ready.wait()
    print("started", time.perf_counter() - BEGAN, time.perf_counter() - IMPORTED, resident())
    gateway.stop()
    await running


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))

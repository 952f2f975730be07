"""A radio in a house without any device that has one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from drivers import Silent
from gateway.recovery import Step
from gateway.transports.radio import Connection, OnFrame, Seen


class QuietRadio:
    async def release(self, addresses: Collection[str]) -> None:
        """There are none."""

    async def scan(self, on_seen: Callable[[Seen], None]) -> None:  # noqa: ARG002 - nobody is seen
        await asyncio.get_running_loop().create_future()

    async def connect(self, seen: Seen, *, on_frame: OnFrame, on_lost: Callable[[], None], timeout: float) -> Connection:  # noqa: ARG002, ASYNC109 - nobody is there
        raise Silent("nobody is there")

    async def rest(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def recover(self, step: Step) -> None:
        """It does not break."""

    async def forget(self, address: str) -> bool:  # noqa: ARG002 - there are no bonds
        return False

    async def close(self) -> None:
        """Nothing was opened."""

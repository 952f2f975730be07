"""Somebody at the hub, who reads the number off a device's display and answers what `health-gateway pair` would ask."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from gateway.cli import door


class Person:
    """`shown(address)`: what a device shows, as soon as it shows it."""

    def __init__(self, socket: Path, shown: Callable[[str], Awaitable[int]]) -> None:
        self._socket, self._shown = socket, shown
        self.typed: list[str] = []

    async def watch(self) -> None:
        while True:
            for question in await asyncio.to_thread(self._questions):
                address = question["address"]
                number = await self._shown(address)
                status, _ = await asyncio.to_thread(door.ask, self._socket, f"/pair/{address}/answer?text={number:06}", "POST")
                if status == 200:
                    self.typed.append(address)
            await asyncio.sleep(0.2)

    def _questions(self) -> list[dict[str, str]]:
        with suppress(door.NotRunning):
            return list(door.ask(self._socket, "/pairing")[1])
        return []

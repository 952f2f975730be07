"""Talking to systemd: eight lines of sd_notify(3)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable

USER = "health-gateway"
"""Who the service runs as."""


def notify(state: str) -> None:
    """Send `state` to the service manager, if there is one. One that does not read must not hold us up."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            channel.sendto(state.encode(), "\0" + address[1:] if address[0] == "@" else address)


async def keep_watchdog(alive: Callable[[], bool]) -> None:
    """Tell the watchdog at half its interval, for as long as `alive` says so: a hung part lets systemd restart us."""
    microseconds = os.environ.get("WATCHDOG_USEC")
    if not microseconds:
        return
    while True:
        if alive():
            notify("WATCHDOG=1")
        await asyncio.sleep(int(microseconds) / 2e6)

"""The daemon's signals."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from gateway.app import Gateway


async def run_until_signalled(gateway: Gateway, *, seconds: float | None = None) -> None:
    """Run; SIGTERM and SIGINT stop cleanly, SIGHUP reloads, `seconds` ends it by itself."""
    loop = asyncio.get_running_loop()
    handlers: dict[int, Callable[[], None]] = {signal.SIGTERM: gateway.stop, signal.SIGINT: gateway.stop, signal.SIGHUP: gateway.reload}
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    timer = loop.call_later(seconds, gateway.stop) if seconds is not None else None
    try:
        await gateway.run()
    finally:
        if timer is not None:
            timer.cancel()
        for number in handlers:
            loop.remove_signal_handler(number)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a late reload must not end us half put away

"""Whether the hub's clock is synchronized, by systemd-timedated: for a service that may not ask the kernel itself.

Source: org.freedesktop.timedate1(5). What timedated says is what adjtimex(2) tells it, whichever program keeps the time.
"""

from __future__ import annotations

import asyncio

import structlog
from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

from gateway.clock import SystemClock

log = structlog.get_logger()
SERVICE, PATH = "org.freedesktop.timedate1", "/org/freedesktop/timedate1"
ANSWER_SECONDS = 5.0
UNTIL_SECONDS, AFTER_SECONDS = 10.0, 600.0
"""So often it is asked until it says yes, and from then on: the kernel takes hours to doubt its clock again."""


async def is_synchronized() -> bool | None:
    """None if nobody answers."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
            try:
                asked = Message(
                    destination=SERVICE,
                    path=PATH,
                    interface="org.freedesktop.DBus.Properties",
                    member="Get",
                    signature="ss",
                    body=[SERVICE, "NTPSynchronized"],
                )
                said = await bus.call(asked)
            finally:
                bus.disconnect()
    except (OSError, EOFError, TimeoutError):
        return None
    return bool(said.body[0].value) if said is not None and said.message_type is MessageType.METHOD_RETURN else None


async def tell_once(clock: SystemClock) -> None:
    said = await is_synchronized()
    if said is None:
        cure = "time.trust in the configuration, or systemd-timedated"
        log.warning("nobody says whether the clock is synchronized", asked=SERVICE, cure=cure)
    clock.told = bool(said)


async def tell(clock: SystemClock) -> None:
    """Keep telling, until cancelled."""
    while True:
        await asyncio.sleep(AFTER_SECONDS if clock.told else UNTIL_SECONDS)
        said = await is_synchronized()
        clock.told = clock.told if said is None else said

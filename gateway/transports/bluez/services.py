"""What a device has, when bluetoothd says that it knows.

bluetoothd (5.82 at least) signals "resolved" first and the objects of the services behind it. bleak looks at the first word: it may find
none of them, or some, and remember those for the next time.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from bleak import BleakClient
from bleak.backends.bluezdbus import manager as bleaks
from bleak.exc import BleakError
from dbus_fast import DBusError

from gateway.transports.bluez.bus import PROPERTIES, call

DEVICE = "org.bluez.Device1"


async def all_shown(client: BleakClient, path: str) -> None:
    """Have bleak look again, with everything that bluetoothd has said before its answer to a question of ours. Raises what bleak raises
    for a device that has gone meanwhile; the client is closed then.
    """
    await _round_trip(path)
    backend: Any = client._backend  # noqa: SLF001 - bleak looks by itself only while it connects
    backend.services = None
    try:
        await backend._get_services()  # noqa: SLF001 - likewise
    except BaseException as error:
        with suppress(BleakError, OSError, EOFError):
            await client.disconnect()
        if isinstance(error, BleakError):
            raise BleakError("the device disconnected while its services were asked for") from error
        raise


async def _round_trip(path: str) -> None:
    """On bleak's own connection: what bluetoothd has signalled before it answers, bleak has heard then."""
    manager = bleaks._global_instances.get(asyncio.get_running_loop())  # noqa: SLF001 - there is no other way to it
    if manager is not None and manager._bus is not None:  # noqa: SLF001 - likewise
        with suppress(DBusError, TimeoutError):  # whether the device is still there shows in what is asked of it next
            await call(manager._bus, path, PROPERTIES, "Get", "ss", [DEVICE, "Connected"])  # noqa: SLF001 - likewise

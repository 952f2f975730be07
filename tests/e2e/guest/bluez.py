"""What the test asks of bluetoothd beside the gateway: power for the adapter, and what it knows of a device."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from dbus_fast import BusType
from dbus_fast.aio import MessageBus


class Bluez:
    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus

    @classmethod
    async def connect(cls) -> Bluez:
        return cls(await MessageBus(bus_type=BusType.SYSTEM).connect())

    async def _interface(self, path: str, name: str) -> Any:
        found = await self._bus.introspect("org.bluez", path)
        return self._bus.get_proxy_object("org.bluez", path, found).get_interface(name)

    async def power_on(self, seconds: float) -> None:
        """Over D-Bus: `btmgmt power on` waits for a terminal."""
        until = time.monotonic() + seconds
        while True:
            try:
                adapter = await self._interface("/org/bluez/hci0", "org.bluez.Adapter1")
                await adapter.set_powered(True)
            except Exception:  # whatever is not there yet
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(0.1)
            else:
                return

    async def bonded(self, address: str) -> bool:
        device = await self._interface(f"/org/bluez/hci0/dev_{address.replace(':', '_')}", "org.bluez.Device1")
        return bool(await device.get_bonded())

    async def power(self, *, on: bool) -> None:
        adapter = await self._interface("/org/bluez/hci0", "org.bluez.Adapter1")
        await adapter.set_powered(on)

    async def remove(self, address: str) -> None:
        """As `bluetoothctl remove`."""
        adapter = await self._interface("/org/bluez/hci0", "org.bluez.Adapter1")
        await adapter.call_remove_device(f"/org/bluez/hci0/dev_{address.replace(':', '_')}")

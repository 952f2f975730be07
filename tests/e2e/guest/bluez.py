"""What the test asks of bluetoothd beside the gateway: power for the adapter, an agent that types passkeys, what it knows of a device."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from dbus_fast import BusType, DBusError
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusObjectPath, DBusSignature, DBusStr, DBusUInt32
from dbus_fast.service import ServiceInterface, dbus_method

Nothing = Annotated[None, DBusSignature("")]
PATH = "/health_gateway/test_agent"


class Agent(ServiceInterface):
    """A person with a keyboard. `passkey(address)` is what the device shows."""

    def __init__(self, passkey: Callable[[str], Awaitable[int]]) -> None:
        super().__init__("org.bluez.Agent1")
        self._passkey = passkey
        self.asked: list[str] = []

    @dbus_method()
    async def RequestPasskey(self, device: DBusObjectPath) -> DBusUInt32:  # noqa: N802 - BlueZ's name
        address = device.rpartition("dev_")[2].replace("_", ":")
        self.asked.append(address)
        return await self._passkey(address)

    @dbus_method()
    def RequestConfirmation(self, device: DBusObjectPath, passkey: DBusUInt32) -> Nothing:  # noqa: N802 - BlueZ's name
        """Two displays that show the same number; not what these devices do."""
        raise DBusError("org.bluez.Error.Rejected", f"{device} was to be typed for, not to be confirmed ({passkey:06})")

    @dbus_method()
    def AuthorizeService(self, device: DBusObjectPath, uuid: DBusStr) -> Nothing:  # noqa: N802 - BlueZ's name
        """Yes."""

    @dbus_method()
    def Cancel(self) -> Nothing:  # noqa: N802 - BlueZ's name
        """The device has gone."""

    @dbus_method()
    def Release(self) -> Nothing:  # noqa: N802 - BlueZ's name
        """Bluetoothd ends."""


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

    async def register(self, agent: Agent) -> None:
        self._bus.export(PATH, agent)
        manager = await self._interface("/org/bluez", "org.bluez.AgentManager1")
        await manager.call_register_agent(PATH, "KeyboardDisplay")
        await manager.call_request_default_agent(PATH)

    async def bonded(self, address: str) -> bool:
        device = await self._interface(f"/org/bluez/hci0/dev_{address.replace(':', '_')}", "org.bluez.Device1")
        return bool(await device.get_bonded())

"""org.bluez.Agent1: bluetoothd's questions during a pairing, carried to the desk.

Source: BlueZ, doc/org.bluez.Agent.rst. The agent of a pairing is that of the connection which called `Device1.Pair`; where the device
itself asks for security, it is the default agent. So both are ours, on one connection, registered before anything connects: some cuffs
fail without an agent even where there is nothing to ask.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Annotated, Any

from dbus_fast import DBusError
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusObjectPath, DBusSignature, DBusStr, DBusUInt16, DBusUInt32
from dbus_fast.service import ServiceInterface, dbus_method

from gateway.pairing import Declined, Desk, Kind
from gateway.transports.bluez.bus import address_of, call

PATH = "/health_gateway/agent"
CAPABILITY = "KeyboardDisplay"
"""Whatever the device has, there is something that we can do: a person types, reads or compares at the hub's page or terminal."""
MANAGER, MANAGER_PATH = "org.bluez.AgentManager1", "/org/bluez"

Nothing = Annotated[None, DBusSignature("")]


class Agent(ServiceInterface):
    def __init__(self, desk: Desk) -> None:
        super().__init__("org.bluez.Agent1")
        self._desk = desk
        self._asking: set[asyncio.Task[Any]] = set()

    @dbus_method()
    async def RequestPasskey(self, device: DBusObjectPath) -> DBusUInt32:  # noqa: N802 - BlueZ's name
        return int(await self._ask(self._desk.ask(self._address(device), Kind.TYPE)))

    @dbus_method()
    async def RequestPinCode(self, device: DBusObjectPath) -> DBusStr:  # noqa: N802 - BlueZ's name
        return str(await self._ask(self._desk.ask(self._address(device), Kind.TYPE)))

    @dbus_method()
    async def RequestConfirmation(self, device: DBusObjectPath, passkey: DBusUInt32) -> Nothing:  # noqa: N802 - BlueZ's name
        await self._ask(self._desk.ask(self._address(device), Kind.COMPARE, f"{passkey:06}"))

    @dbus_method()
    async def RequestAuthorization(self, device: DBusObjectPath) -> Nothing:  # noqa: N802 - BlueZ's name
        """Just Works: there is nothing to compare, only whether its owner has named it."""
        await self._ask(self._desk.ask(self._address(device), Kind.CONSENT))

    @dbus_method()
    async def AuthorizeService(self, device: DBusObjectPath, uuid: DBusStr) -> Nothing:  # noqa: ARG002, N802 - BlueZ's signature
        await self._ask(self._desk.ask(self._address(device), Kind.CONSENT))

    @dbus_method()
    def DisplayPasskey(self, device: DBusObjectPath, passkey: DBusUInt32, entered: DBusUInt16) -> Nothing:  # noqa: N802 - BlueZ's name
        if entered == 0:  # then it counts the keys that were pressed
            self._desk.show(self._address(device), f"{passkey:06}")

    @dbus_method()
    def DisplayPinCode(self, device: DBusObjectPath, pincode: DBusStr) -> Nothing:  # noqa: N802 - BlueZ's name
        self._desk.show(self._address(device), pincode)

    @dbus_method()
    def Cancel(self) -> Nothing:  # noqa: N802 - BlueZ's name
        """The device has given up, or has gone."""
        for task in self._asking:
            task.cancel()

    @dbus_method()
    def Release(self) -> Nothing:  # noqa: N802 - BlueZ's name
        """Bluetoothd ends, and knows us no more."""
        self.Cancel()

    def _address(self, path: str) -> str:
        return self._desk.known_as(address_of(path))

    async def _ask(self, question: Coroutine[Any, Any, str]) -> str:
        task = asyncio.ensure_future(question)
        self._asking.add(task)
        try:
            return await task
        except Declined as error:
            raise DBusError("org.bluez.Error.Rejected", str(error)) from error
        except asyncio.CancelledError as error:
            raise DBusError("org.bluez.Error.Canceled", "given up") from error
        finally:
            self._asking.discard(task)


async def register(bus: MessageBus) -> None:
    """The agent that is exported on this connection, as its own and as everybody's. Raises `DBusError`."""
    for member, signature, body in (("RegisterAgent", "os", [PATH, CAPABILITY]), ("RequestDefaultAgent", "o", [PATH])):
        try:
            await call(bus, MANAGER_PATH, MANAGER, member, signature, body)
        except DBusError as error:
            if error.type != "org.bluez.Error.AlreadyExists":
                raise

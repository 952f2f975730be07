"""A connection of our own to the system bus, and bluetoothd at its other end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from dbus_fast import BusType, DBusError, Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusFastError

BLUEZ = "org.bluez"
ADAPTER, DEVICE = "org.bluez.Adapter1", "org.bluez.Device1"
PROPERTIES, OBJECT_MANAGER = "org.freedesktop.DBus.Properties", "org.freedesktop.DBus.ObjectManager"
DBUS, DBUS_PATH = "org.freedesktop.DBus", "/org/freedesktop/DBus"

Managed = dict[str, dict[str, dict[str, Any]]]
"""By object path and interface: its properties."""

CALL_SECONDS = 10.0
"""A bluetoothd that does not answer must hold up neither a scan nor the end of a session."""

FAILURES = (DBusFastError, TimeoutError, OSError, EOFError)
"""What a call can end with when the bus or bluetoothd are not what they should be."""


def address_of(path: str) -> str:
    """Of a device's object path."""
    return path.rpartition("/dev_")[2].replace("_", ":").upper()


def plain(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.value if isinstance(value, Variant) else value for name, value in properties.items()}


async def connect() -> MessageBus:
    return await MessageBus(bus_type=BusType.SYSTEM).connect()


async def call(
    bus: MessageBus,
    path: str,
    interface: str,
    member: str,
    signature: str = "",
    body: list[Any] | None = None,
    *,
    to: str = BLUEZ,
    seconds: float | None = None,
) -> Any:
    """The first value of the answer. Raises `DBusError` with the name that the other side gave, or `TimeoutError`."""
    message = Message(destination=to, path=path, interface=interface, member=member, signature=signature, body=body or [])
    async with asyncio.timeout(CALL_SECONDS if seconds is None else seconds):
        answer = await bus.call(message)
    if answer is None or answer.message_type is MessageType.ERROR:
        name = answer.error_name if answer is not None else None
        raise DBusError(name or "org.freedesktop.DBus.Error.NoReply", str(answer.body[0]) if answer is not None and answer.body else "")
    return answer.body[0] if answer.body else None


async def managed(bus: MessageBus) -> Managed:
    """Everything that bluetoothd has."""
    objects = await call(bus, "/", OBJECT_MANAGER, "GetManagedObjects")
    return {path: {name: plain(properties) for name, properties in interfaces.items()} for path, interfaces in objects.items()}


async def set_property(bus: MessageBus, path: str, interface: str, name: str, value: Variant) -> None:
    await call(bus, path, PROPERTIES, "Set", "ssv", [interface, name, value])


async def listen(bus: MessageBus, handler: Callable[[Message], None], *rules: str) -> None:
    """`handler` gets the signals that these match rules describe, and whatever else comes to this connection."""

    def on_message(message: Message) -> None:
        if message.message_type is MessageType.SIGNAL:
            handler(message)

    bus.add_message_handler(on_message)
    for rule in rules:
        await call(bus, DBUS_PATH, DBUS, "AddMatch", "s", [f"type='signal',{rule}"], to=DBUS)


def said(error: BaseException) -> str:
    if isinstance(error, DBusError):
        return f"{error.type.rpartition('.')[2]}{': ' + error.text if error.text else ''}"
    return str(error) or type(error).__name__

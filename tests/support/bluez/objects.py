"""The bus side of the stand-in: a tree of objects with properties, signals for what changes, and errors for what a test wants to fail."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from bumble.att import ATT_Error
from dbus_fast import BusType, Message, MessageType, RequestNameReply, Variant
from dbus_fast.aio import MessageBus

OBJECT_MANAGER, PROPERTIES = "org.freedesktop.DBus.ObjectManager", "org.freedesktop.DBus.Properties"
Interfaces = dict[str, dict[str, Variant]]
Answer = tuple[str, list[Any]] | None
_ATT_ERRORS = {
    0x02: ("NotPermitted", "Read not permitted"),
    0x05: ("NotPermitted", "Authentication required"),
    0x0F: ("NotPermitted", "Encryption required"),
}
"""As BlueZ's src/gatt-client.c names them; the others are `Failed` with the code."""


class Failure(Exception):
    """What a call is answered with."""

    def __init__(self, name: str, text: str = "") -> None:
        super().__init__(name, text)
        self.name, self.text = name if "." in name else f"org.bluez.Error.{name}", text


class Objects:
    """`faults` by method: taken one by one, a `Failure` is the answer, a number of seconds a pause, `None` no answer at all."""

    def __init__(self) -> None:
        self.bus: MessageBus
        self.tree: dict[str, Interfaces] = {}
        self.faults: dict[str, list[Failure | float | None]] = defaultdict(list)
        self.calls: list[str] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def appear(self) -> None:
        self.bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
        self.bus.add_message_handler(self._on_message)
        assert await self.bus.request_name("org.bluez") == RequestNameReply.PRIMARY_OWNER

    def vanish(self) -> None:
        """As a bluetoothd that was killed: its name goes, and nothing else is said."""
        self.bus.disconnect()

    def add(self, path: str, interfaces: Interfaces) -> None:
        self.tree[path] = interfaces
        self._emit("/", OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", [path, interfaces])

    def remove(self, path: str) -> None:
        """The object, and everything below it."""
        for one in sorted((one for one in self.tree if one == path or one.startswith(f"{path}/")), reverse=True):
            self._emit("/", OBJECT_MANAGER, "InterfacesRemoved", "oas", [one, list(self.tree.pop(one))])

    def change(self, path: str, interface: str, **properties: Variant) -> None:
        if path in self.tree:
            self.tree[path][interface].update(properties)
            self._emit(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", [interface, properties, []])

    def value(self, path: str, interface: str, name: str) -> Any:
        return self.tree[path][interface][name].value

    def _emit(self, path: str, interface: str, member: str, signature: str, body: list[Any]) -> None:
        if self.bus.connected:
            with suppress(OSError):  # it says so for a moment after its end
                self.bus.send(Message.new_signal(path, interface, member, signature, body))

    def _on_message(self, message: Message) -> bool | None:
        if message.message_type is not MessageType.METHOD_CALL or message.interface == "org.freedesktop.DBus.Peer":
            return None
        task = asyncio.ensure_future(self._answer(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _answer(self, message: Message) -> None:
        self.calls.append(str(message.member))
        try:
            if self.faults[str(message.member)]:
                fault = self.faults[str(message.member)].pop(0)
                if fault is None:
                    return
                if isinstance(fault, Failure):
                    raise fault
                await asyncio.sleep(fault)
            if message.path not in self.tree and message.path != "/":
                raise Failure("org.freedesktop.DBus.Error.UnknownObject", str(message.path))
            signature, body = await self._method(message)(message) or ("", [])
        except Failure as failure:
            reply = Message.new_error(message, failure.name, failure.text)
        except ATT_Error as error:
            code = int(error.error_code)
            name, text = _ATT_ERRORS.get(code, ("Failed", f"Operation failed with ATT error: 0x{code:02x}"))
            reply = Message.new_error(message, f"org.bluez.Error.{name}", text)
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                raise
            # So bumble ends what was under way on a link that goes; bluetoothd answers.
            reply = Message.new_error(message, "org.bluez.Error.Failed", "Software caused connection abort")
        except Exception as error:  # noqa: BLE001 - a daemon answers, whatever went wrong in it
            reply = Message.new_error(message, "org.bluez.Error.Failed", repr(error))
        else:
            reply = Message.new_method_return(message, signature, body)
        if self.bus.connected:
            with suppress(OSError):
                self.bus.send(reply)
            self.answered(message, reply)

    def answered(self, message: Message, reply: Message) -> None:
        """What follows an answer of its own accord."""

    def _method(self, message: Message) -> Callable[[Message], Coroutine[Any, Any, Answer]]:
        name = f"{str(message.interface).rpartition('.')[2]}_{message.member}"
        method: Callable[[Message], Coroutine[Any, Any, Answer]] | None = getattr(self, name, None)
        if method is None:
            raise Failure("org.freedesktop.DBus.Error.UnknownMethod", name)
        return method

    # -- what every object has -----------------------------------------------------------------------------------

    async def ObjectManager_GetManagedObjects(self, _message: Message) -> Answer:
        return "a{oa{sa{sv}}}", [self.tree]

    async def Properties_GetAll(self, message: Message) -> Answer:
        return "a{sv}", [self.tree[str(message.path)].get(message.body[0], {})]

    async def Properties_Get(self, message: Message) -> Answer:
        interface, name = message.body
        return "v", [self.tree[str(message.path)][interface][name]]

    async def Properties_Set(self, message: Message) -> Answer:
        interface, name, value = message.body
        self.change(str(message.path), interface, **{name: value})
        return None

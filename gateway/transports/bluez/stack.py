"""bluetoothd as the gateway lives with it: it may end and come back, its adapters too, and nobody else tells us.

bleak says nothing when bluetoothd dies: no connection is reported as lost. So this watches the bus: who owns `org.bluez`, which adapters
there are, and whether they have power. Everything is registered anew with a bluetoothd that has come back.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import structlog
from bleak import BleakClient
from bleak.backends.bluezdbus import manager as bleaks
from dbus_fast import DBusError, Message, Variant
from dbus_fast.aio import MessageBus

from gateway.errors import AdapterError, AdapterProblem
from gateway.pairing import Desk
from gateway.recovery import Step
from gateway.transports.bluez import agent, services
from gateway.transports.bluez.bus import (
    ADAPTER,
    BLUEZ,
    CALL_SECONDS,
    DBUS,
    FAILURES,
    OBJECT_MANAGER,
    PROPERTIES,
    call,
    connect,
    listen,
    managed,
    plain,
    said,
    set_property,
)
from gateway.transports.bluez.time_server import TimeServer

log = structlog.get_logger()

OFF_SECONDS = 1.0
"""How long the adapter stays without power in a power cycle."""
STOPPED_SECONDS = 30.0
"""Discovering may be false for some seconds while a connection is made; longer, and the scan has ended without a word."""
SYSTEMD, SYSTEMD_PATH, SYSTEMD_MANAGER = "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"
SERVICE = "bluetooth.service"

_RULES = (
    f"sender='{DBUS}',interface='{DBUS}',member='NameOwnerChanged',arg0='{BLUEZ}'",
    f"sender='{BLUEZ}',interface='{OBJECT_MANAGER}'",
    f"sender='{BLUEZ}',interface='{PROPERTIES}',member='PropertiesChanged',arg0='{ADAPTER}'",
)


class Stack:
    """`adapter`: the name of the one to use, hci1 say; bluetoothd's first if left out."""

    def __init__(self, desk: Desk, time: TimeServer | None = None, *, adapter: str | None = None) -> None:
        self._agent, self._time, self.adapter = agent.Agent(desk), time, adapter
        self._bus: MessageBus | None = None
        self._watching: asyncio.Task[None] | None = None
        self._adapters: dict[str, dict[str, Any]] = {}
        self._trouble: asyncio.Future[AdapterProblem] | None = None
        self._stopped: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()
        self._forgotten = False
        """Bluetoothd or the adapter has gone, and bleak does not know."""

    # -- before and during a scan --------------------------------------------------------------------------------

    async def begin(self) -> asyncio.Future[AdapterProblem]:
        """Be registered with bluetoothd. The future has a result when the scan is dead. Raises `AdapterError`."""
        loop = asyncio.get_running_loop()
        self._changed.clear()  # here: what comes back while something is being mended is not to be missed
        try:
            async with asyncio.timeout(CALL_SECONDS):
                bus = await self.bus()
                objects = await managed(bus)
                await agent.register(bus)
        except FAILURES as error:
            raise AdapterError(AdapterProblem.NO_SERVICE, said(error)) from error
        self._adapters = {path: interfaces[ADAPTER] for path, interfaces in objects.items() if ADAPTER in interfaces}
        if self._path() is None:
            raise AdapterError(AdapterProblem.NO_ADAPTER, f"there is no {self.adapter}" if self.adapter else "")
        if self._time is not None:
            await self._time.register()
        self._trouble = loop.create_future()
        return self._trouble

    def end(self) -> None:
        """The scan is over. Only now may bleak lose its connection to the bus: what it asked after that would never be answered."""
        if self._forgotten:
            self._forgotten = False
            _bleak_begins_anew()
        self._trouble = None
        if self._stopped is not None:
            self._stopped.cancel()
            self._stopped = None

    async def rest(self, seconds: float) -> None:
        """Wait so long, or until bluetoothd or an adapter has come back since the last attempt."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return

    async def all_shown(self, client: BleakClient, path: str) -> None:
        """Whatever bluetoothd has of the device that this is connected to, bleak knows then."""
        await services.all_shown(client, path)

    async def recover(self, step: Step) -> None:
        """Do it. Raises `AdapterError` with what stands in the way."""
        try:
            async with asyncio.timeout(CALL_SECONDS):
                bus = await self.bus()
                if step is Step.RESTART_SERVICE:
                    await call(bus, SYSTEMD_PATH, SYSTEMD_MANAGER, "RestartUnit", "ss", [SERVICE, "replace"], to=SYSTEMD)
                elif (path := self._path()) is not None and step is not Step.RESCAN:
                    if step is Step.POWER_CYCLE:
                        await set_property(bus, path, ADAPTER, "Powered", Variant("b", value=False))
                        await asyncio.sleep(OFF_SECONDS)
                    await set_property(bus, path, ADAPTER, "Powered", Variant("b", value=True))
        except FAILURES as error:
            raise AdapterError(AdapterProblem.OFF if _is_blocked(error) else AdapterProblem.STUCK, said(error)) from error

    async def close(self) -> None:
        self.end()
        if self._time is not None:
            await self._time.close()
        if self._bus is not None:
            bus, self._bus = self._bus, None
            bus.disconnect()
        if self._watching is not None:
            await asyncio.wait({self._watching})

    # -- within --------------------------------------------------------------------------------------------------

    async def bus(self) -> MessageBus:
        """Our connection, on which the agent is; made anew when the bus itself has gone."""
        if self._bus is None or not self._bus.connected:
            bus = await connect()
            bus.export(agent.PATH, self._agent)
            await listen(bus, self._on_signal, *_RULES)
            self._bus = bus
            self._watching = asyncio.create_task(self._watch(bus), name="message bus")
        return self._bus

    async def _watch(self, bus: MessageBus) -> None:
        """The bus itself may die; then there are no signals any more, of that either."""
        with suppress(*FAILURES):
            await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]  # dbus-fast leaves it untyped
        if self._bus is bus:
            log.warning("the message bus has gone")
            self._bus = None
            self._adapters.clear()
            self._forgotten = True
            self._is_dead(AdapterProblem.NO_SERVICE)

    def _path(self) -> str | None:
        if self.adapter is not None:
            wanted = f"/org/bluez/{self.adapter}"
            return wanted if wanted in self._adapters else None
        return min(self._adapters, default=None)

    def _on_signal(self, message: Message) -> None:
        body = message.body
        if message.interface == DBUS and message.member == "NameOwnerChanged" and body[0] == BLUEZ:
            if body[1]:  # somebody had it
                log.warning("bluetoothd has ended")
                self._adapters.clear()
                self._forgotten = True
                self._is_dead(AdapterProblem.NO_SERVICE)
        elif message.interface == OBJECT_MANAGER and ADAPTER in body[1]:
            if message.member == "InterfacesAdded":
                self._adapters[body[0]] = plain(body[1][ADAPTER])
                self._changed.set()
            else:
                in_use = self._path() == body[0]
                self._adapters.pop(body[0], None)
                if in_use:
                    log.warning("the adapter is gone", adapter=body[0])
                    self._forgotten = True
                    self._is_dead(AdapterProblem.NO_ADAPTER)
        elif message.interface == PROPERTIES and body[0] == ADAPTER and message.path is not None:
            self._adapter_says(message.path, plain(body[1]))

    def _adapter_says(self, path: str, news: dict[str, Any]) -> None:
        self._adapters.setdefault(path, {}).update(news)
        if path != self._path():
            return
        if news.get("Powered") is False:
            self._is_dead(AdapterProblem.OFF)
        elif news.get("Powered"):
            self._changed.set()
        if "Discovering" in news and self._trouble is not None:
            if self._stopped is not None:
                self._stopped.cancel()
                self._stopped = None
            if not news["Discovering"]:
                self._stopped = asyncio.get_running_loop().call_later(STOPPED_SECONDS, self._is_dead, AdapterProblem.STUCK)

    def _is_dead(self, problem: AdapterProblem) -> None:
        if self._trouble is None:
            self.end()  # no scan to wait for
        elif not self._trouble.done():
            self._trouble.set_result(problem)


def _bleak_begins_anew() -> None:
    """Bleak does not notice that connections, and what it remembers of devices, went with bluetoothd: sessions would hang, and the first
    visit of each device would fail. It begins anew when its connection to the bus is gone.
    """
    manager = bleaks._global_instances.get(asyncio.get_running_loop())  # noqa: SLF001 - there is no other way to it
    if manager is not None and manager._bus is not None:  # noqa: SLF001 - likewise
        manager._bus.disconnect()  # noqa: SLF001 - likewise


def _is_blocked(error: BaseException) -> bool:
    return isinstance(error, DBusError) and "blocked" in f"{error.type} {error.text}".lower()

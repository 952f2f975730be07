"""The hub as a clock: Current Time for devices that read it from whoever connects to them (several cuffs, Current Time Profile 1.1, 4).

bluetoothd serves what is registered with it to every device that is connected. It forgets that with its own end, so it is registered anew
whenever the scan begins anew. While the hub's clock is not trusted there is no answer: a device had better keep its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated

import structlog
from dbus_fast import DBusError
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusBool, DBusBytes, DBusDict, DBusObjectPath, DBusSignature, DBusStr
from dbus_fast.constants import PropertyAccess
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

from gateway.transports.bluez.bus import FAILURES, call, connect, managed, said
from profiles.gatt import current_time as cts
from profiles.gatt import long_uuid
from profiles.times import DateTime

log = structlog.get_logger()

ROOT = "/health_gateway"
SERVICE = f"{ROOT}/time"
MANAGER = "org.bluez.GattManager1"
QUARTER = timedelta(minutes=15)
REGISTER_SECONDS = 10.0
"""A bluetoothd that does not answer must not hold up the scan."""
Strings = Annotated[list[str], DBusSignature("as")]

Now = Callable[[], datetime | None]
"""Local time with its zone; None while it is not trusted."""


def current_time(now: datetime) -> bytes:
    """As 2A2B; the hub's clock is set by an external reference."""
    reason = cts.AdjustReason.EXTERNAL_REFERENCE_TIME_UPDATE
    return cts.CurrentTime(DateTime.of(now), now.isoweekday(), now.microsecond * 256 // 10**6, reason).encode()


def local_time(now: datetime) -> bytes:
    """As 2A0F: quarters of an hour from UTC, and how many of them are daylight saving."""
    saving, offset = now.dst(), now.utcoffset() or timedelta()
    if saving is None:  # of the system's zone, a moment knows its offset alone
        saving = timedelta(seconds=time.timezone - time.altzone) if time.localtime(now.timestamp()).tm_isdst > 0 else timedelta()
    return cts.LocalTimeInformation((offset - saving) // QUARTER, saving // QUARTER).encode()


class _Service(ServiceInterface):
    def __init__(self) -> None:
        super().__init__("org.bluez.GattService1")

    @dbus_property(access=PropertyAccess.READ)
    def UUID(self) -> DBusStr:  # noqa: N802 - BlueZ's name
        return long_uuid(cts.SERVICE)

    @dbus_property(access=PropertyAccess.READ)
    def Primary(self) -> DBusBool:  # noqa: N802 - BlueZ's name
        return True


class _Characteristic(ServiceInterface):
    def __init__(self, uuid: int, now: Now, value: Callable[[datetime], bytes]) -> None:
        super().__init__("org.bluez.GattCharacteristic1")
        self._uuid, self._now, self._value = uuid, now, value

    @dbus_method()
    def ReadValue(self, options: DBusDict) -> DBusBytes:  # noqa: N802 - BlueZ's name
        now = self._now()
        if now is None:
            raise DBusError("org.bluez.Error.Failed", "the hub's clock is not synchronized")
        log.debug("a device reads the time", device=str(options.get("device")))
        return self._value(now)

    @dbus_property(access=PropertyAccess.READ)
    def UUID(self) -> DBusStr:  # noqa: N802 - BlueZ's name
        return long_uuid(self._uuid)

    @dbus_property(access=PropertyAccess.READ)
    def Service(self) -> DBusObjectPath:  # noqa: N802 - BlueZ's name
        return SERVICE

    @dbus_property(access=PropertyAccess.READ)
    def Flags(self) -> Strings:  # noqa: N802 - BlueZ's name
        return ["read"]


class TimeServer:
    def __init__(self, now: Now) -> None:
        self._now = now
        self._bus: MessageBus | None = None
        self._problem: str | None = None

    async def register(self) -> None:
        """With every adapter there is. What fails is told once, and tried again with the next scan: reading goes on without it."""
        try:
            async with asyncio.timeout(REGISTER_SECONDS):
                bus = await self._connected()
                for adapter in await self._adapters(bus):
                    await self._register(bus, adapter)
            self._problem = None
        except FAILURES as error:
            self._told(said(error))

    async def close(self) -> None:
        if self._bus is not None:
            self._bus.disconnect()
            self._bus = None

    async def _connected(self) -> MessageBus:
        if self._bus is None or not self._bus.connected:
            bus = await connect()
            bus.export(SERVICE, _Service())
            bus.export(f"{SERVICE}/current", _Characteristic(cts.CurrentTime.uuid, self._now, current_time))
            bus.export(f"{SERVICE}/local", _Characteristic(cts.LocalTimeInformation.uuid, self._now, local_time))
            self._bus = bus
        return self._bus

    @staticmethod
    async def _adapters(bus: MessageBus) -> list[str]:
        return [path for path, interfaces in (await managed(bus)).items() if MANAGER in interfaces]

    @staticmethod
    async def _register(bus: MessageBus, adapter: str) -> None:
        try:
            await call(bus, adapter, MANAGER, "RegisterApplication", "oa{sv}", [ROOT, {}])
        except DBusError as error:
            if error.type != "org.bluez.Error.AlreadyExists":
                raise

    def _told(self, problem: str) -> None:
        if problem != self._problem:
            log.warning("devices cannot read the time from the hub", problem=problem)
        self._problem = problem

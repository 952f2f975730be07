"""What all virtual devices share: advertising, who they are, their clock, pushing records, the record access control point."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

from bumble.att import ATT_Error, Attribute, AttributeValueV2
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection, Device
from bumble.gatt import GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR as CCCD
from bumble.gatt import Characteristic, Service
from bumble.link import LocalLink
from bumble.pairing import PairingDelegate

from gateway.simulator.memory import Memory
from gateway.simulator.radio import make_device
from profiles.gatt import battery, current_time, device_information
from profiles.times import DateTime

PROPERTIES, PERMISSIONS = Characteristic.Properties, Attribute.Permissions
ADVERTISING_MS = 40
CCCD_NOT_CONFIGURED, IN_PROGRESS = 0xFD, 0xFE


class Display(PairingDelegate):
    """A device with a display: it shows the passkey, and the person at the hub reads it."""

    def __init__(self) -> None:
        super().__init__(PairingDelegate.IoCapability.DISPLAY_OUTPUT_ONLY)
        self.shown: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def display_number(self, number: int, digits: int) -> None:  # noqa: ARG002 - bumble's signature
        self.clear()
        self.shown.set_result(number)

    def clear(self) -> None:
        if self.shown.done():
            self.shown = asyncio.get_running_loop().create_future()


class Peripheral:
    """A virtual device. Subclasses say what they measure; `secure` ones let themselves be subscribed to only when bonded."""

    name: str
    model: str
    service: int
    secure = False
    CLOCK_BEHIND: timedelta | None = timedelta(0)
    """How far its clock is behind; None for a device without one."""
    ONLY_WITH_RECORDS = False
    """It is silent while it has nothing to say."""

    def __init__(
        self,
        link: LocalLink,
        address: str,
        memory: Memory,
        now: Callable[[], datetime],
        *,
        clock_behind: timedelta | None = None,
    ) -> None:
        self.address, self.memory, self._now = address, memory, now
        self.clock_behind = self.CLOCK_BEHIND if clock_behind is None else clock_behind
        self.display = Display()
        self.device: Device = make_device(link, self.name, address, self.display)
        self._subscribed: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._connection: Connection | None = None
        self._advertising = False
        self._answering_at: dict[int, asyncio.Task[None]] = {}
        self.device.on("connection", self._on_connection)

    # -- to be said by each device ---------------------------------------------------------------------------------

    def characteristics(self) -> list[Characteristic[Any]]:
        """What its own service has."""
        return []

    def fill(self, numbers: Callable[[], int], randomness: random.Random) -> None:
        """Remember some records, each with a number of the world's."""

    def further_services(self) -> list[Service]:
        return []

    def on_ready(self, characteristic: int) -> None:
        """The hub has switched on `characteristic`."""

    def on_gone(self) -> None:
        """The hub has disconnected, or we have."""

    # -- being a device --------------------------------------------------------------------------------------------

    def time(self) -> datetime:
        """What the device's clock shows: local, without a zone."""
        return (self._now() - (self.clock_behind or timedelta())).replace(tzinfo=None)

    async def start(self) -> None:
        services = [
            Service(UUID.from_16_bits(self.service), self.characteristics()),
            *self.further_services(),
            self._information(),
            self._battery(),
        ]
        if self.clock_behind is not None:
            services.append(self.clock_service())
        self.device.add_services(services)
        if self.secure:
            for attribute in self.device.gatt_server.attributes:
                if attribute.type == CCCD:
                    attribute.permissions |= PERMISSIONS.WRITE_REQUIRES_ENCRYPTION | PERMISSIONS.WRITE_REQUIRES_AUTHENTICATION
        await self.device.power_on()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self.device.power_off()

    async def advertise(self) -> None:
        """Be there to be connected to, until somebody does."""
        if self._connection is not None or self._advertising:
            return
        self._advertising = True
        kinds = AdvertisingData.Type
        data = bytes(
            AdvertisingData(
                [
                    (kinds.FLAGS, b"\x06"),
                    (kinds.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, self.service.to_bytes(2, "little")),
                    (kinds.COMPLETE_LOCAL_NAME, self.name.encode()),
                ]
            )
        )
        await self.device.start_advertising(
            advertising_data=data,
            auto_restart=False,
            advertising_interval_min=ADVERTISING_MS,
            advertising_interval_max=ADVERTISING_MS,
        )

    def measurement(self, characteristic: int, properties: Characteristic.Properties) -> Characteristic[Any]:
        made: Characteristic[Any] = Characteristic(UUID.from_16_bits(characteristic), properties, PERMISSIONS(0), b"")
        made.on("subscription", lambda _bearer, notify, indicate: self._on_subscription(characteristic, notify or indicate))
        return made

    def fixed(self, characteristic: int, value: bytes) -> Characteristic[Any]:
        return Characteristic(UUID.from_16_bits(characteristic), PROPERTIES.READ, PERMISSIONS.READABLE, value)

    def do(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` for as long as the connection lasts."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def indicate(self, characteristic: Characteristic[Any], data: bytes) -> bool:
        """Whether the hub confirmed it."""
        connection = self._connection
        if connection is None:
            return False
        await self.device.gatt_server.indicate_subscriber(connection, characteristic, data)
        return self._connection is connection

    async def notify(self, characteristic: Characteristic[Any], data: bytes) -> None:
        if self._connection is not None:
            await self.device.gatt_server.notify_subscriber(self._connection, characteristic, data)

    async def hang_up(self) -> None:
        if self._connection is not None:
            await self._connection.disconnect()

    # -- within ------------------------------------------------------------------------------------------------------

    def _on_connection(self, connection: Connection) -> None:
        self._advertising = False
        self._connection = connection
        self._subscribed.clear()
        connection.on("disconnection", self._on_disconnection)

    def _on_disconnection(self, _reason: int) -> None:
        self._connection = None
        self._subscribed.clear()
        self.display.clear()
        for task in list(self._tasks):
            task.cancel()
        self.on_gone()

    def _on_subscription(self, characteristic: int, on: bool) -> None:  # noqa: FBT001 - bumble's event
        if on and characteristic not in self._subscribed:
            self._subscribed.add(characteristic)
            self.on_ready(characteristic)

    def subscribed(self, characteristic: int) -> bool:
        return characteristic in self._subscribed

    def _information(self) -> Service:
        texts = {
            device_information.ManufacturerName: "Simulated Devices",
            device_information.ModelNumber: self.model,
            device_information.SerialNumber: "SIM-" + self.address.replace(":", "")[-6:],
            device_information.FirmwareRevision: "1.0",
        }
        udi = device_information.UdiForMedicalDevices(device_information.UdiFlags.DEVICE_IDENTIFIER, ("00000000000000",))
        system_id = bytes.fromhex(self.address.replace(":", ""))[::-1]
        return Service(
            UUID.from_16_bits(device_information.SERVICE),
            [
                *(self.fixed(layout.uuid, text.encode()) for layout, text in texts.items()),
                self.fixed(device_information.SystemId.uuid, system_id[:3] + b"\xfe\xff" + system_id[3:]),
                self.fixed(device_information.PnpId.uuid, device_information.PnpId(1, 0xFFFF, 1, 0x0100).encode()),
                self.fixed(device_information.UdiForMedicalDevices.uuid, udi.encode()),
            ],
        )

    def _battery(self) -> Service:
        return Service(UUID.from_16_bits(battery.SERVICE), [self.fixed(battery.BatteryLevel.uuid, b"\x4b")])

    def clock_service(self) -> Service:
        def show() -> bytes:
            now = self.time()
            return current_time.CurrentTime(
                DateTime.of(now), now.isoweekday(), now.microsecond * 256 // 10**6, current_time.AdjustReason(0)
            ).encode()

        return Service(UUID.from_16_bits(current_time.SERVICE), [self.shown(current_time.CurrentTime.uuid, show)])

    def shown(self, characteristic: int, show: Callable[[], bytes]) -> Characteristic[Any]:
        """One whose value is another each time it is read."""
        return Characteristic(
            UUID.from_16_bits(characteristic), PROPERTIES.READ, PERMISSIONS.READABLE, AttributeValueV2(read=lambda _bearer: show())
        )

    def free(self, characteristic: int) -> None:
        """The answer is on its way: the hub may ask again before its confirmation has come back."""
        self._answering_at.pop(characteristic, None)

    def control_point(self, characteristic: int, asked: Callable[[bytes], Coroutine[Any, Any, None]]) -> Characteristic[Any]:
        """`asked` answers by an indication; before it has, another request is refused."""

        def write(_bearer: object, value: bytes) -> None:
            if not self.subscribed(characteristic):
                raise ATT_Error(CCCD_NOT_CONFIGURED)
            answering = self._answering_at.get(characteristic)
            if answering is not None and not answering.done():
                raise ATT_Error(IN_PROGRESS)
            self._answering_at[characteristic] = self.do(asked(value))

        made: Characteristic[Any] = Characteristic(
            UUID.from_16_bits(characteristic),
            PROPERTIES.WRITE | PROPERTIES.INDICATE,
            PERMISSIONS.WRITEABLE,
            AttributeValueV2(write=write),
        )
        made.on("subscription", lambda _bearer, _notify, indicate: self._on_subscription(characteristic, indicate))
        return made

"""A house with virtual devices, one of each kind, and the person who uses them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from bumble.link import LocalLink

from gateway.simulator.advertisers import Advertiser, BTHomeScale, MiBodyScaleSaid
from gateway.simulator.devices import Meter, Oximeter, Sensor, StoringCuff
from gateway.simulator.memory import Memory, Stored
from gateway.simulator.peripheral import Peripheral
from gateway.simulator.pump import Pump
from gateway.simulator.pushers import BodyScale, Cuff, Scale, Thermometer
from gateway.simulator.radio import Typist, backends, make_device
from gateway.simulator.sensor import HealthSensor
from gateway.simulator.streamers import Belt, Bicycle, FootPod, Machine, PowerMeter, Ring, Streamer
from gateway.simulator.tracker import Tracker
from gateway.simulator.users import UserScale
from gateway.transports.ble import BleakRadio

HUB = "C0:FF:EE:00:00:00"
KINDS = (
    *(Scale, Cuff, Meter, Oximeter, Thermometer, Belt, BodyScale, Sensor, StoringCuff),
    *(Ring, FootPod, Bicycle, PowerMeter, Machine, HealthSensor, UserScale),
    *(MiBodyScaleSaid, BTHomeScale, Pump, Tracker),
)
ADDRESSES = {kind: f"C0:FF:EE:00:00:{number:02X}" for number, kind in enumerate(KINDS, 1)}
VISIT_SECONDS = 3.0


class World:
    """Virtual devices on one virtual radio. Their memories are kept in `directory` and survive the process."""

    def __init__(self, directory: Path, *, seed: int, now: Callable[[], datetime], meter_records: int = 20) -> None:
        self._directory, self._now = directory, now
        self._randomness = random.Random(seed)  # noqa: S311 - values for virtual devices, to be repeated by seed
        self._link = LocalLink()  # type: ignore[no-untyped-call]  # bumble leaves it untyped
        self._meter_records = meter_records
        self._live: asyncio.Task[None] | None = None
        self.devices: list[Peripheral] = []
        directory.mkdir(parents=True, exist_ok=True)
        self._counter = directory / "last-truth"

    def _number(self) -> int:
        """The next truth number; never given twice, also after a crash."""
        number = int(self._counter.read_text(encoding="ascii")) + 1 if self._counter.exists() else 1
        temporary = self._counter.with_suffix(".tmp")
        temporary.write_text(str(number), encoding="ascii")
        temporary.replace(self._counter)
        return number

    async def start(self, *, stored_only: bool = False) -> BleakRadio:
        """Switch everything on, those without a memory only if they are wanted; returns the hub's radio."""
        for kind, address in ADDRESSES.items():
            if stored_only and issubclass(kind, Streamer | Advertiser):
                continue
            memory = Memory(self._directory, address)
            device = kind(self._link, address, memory, self._now)
            self.devices.append(device)
            if memory.is_new:
                memory.add(Stored(self._number(), "", expected=[{"type": "device", "time": None, "values": {"model": device.model}}]))
                memory.forget(memory.records[0].number)
                with memory.together():
                    if isinstance(device, Meter):
                        device.fill(self._number, self._randomness, self._meter_records)
                    else:
                        device.fill(self._number, self._randomness)
            await device.start()
        hub = make_device(self._link, "hub", HUB, Typist(self._type, lambda: hub))
        await hub.power_on()
        scanner, client = backends(hub)
        return BleakRadio(scanner, client)

    async def live(self) -> None:
        """Take a temperature, wear and ride once what streams, and switch the devices on every now and then."""
        for device in self.devices:
            if isinstance(device, Thermometer):
                # No two in a row are equal: a device without a clock could not tell them apart (docs/guarantees.md).
                number = self._number()
                device.take(number, Decimal(362 + number % 17).scaleb(-1))
            elif isinstance(device, Streamer):
                device.wear(self._number(), self._randomness)
        worn: set[Peripheral] = set()
        while True:
            for device in self.devices:
                wanted = bool(device.memory.records) or not device.ONLY_WITH_RECORDS
                if isinstance(device, Streamer):
                    wanted = device not in worn
                    worn.add(device)
                if wanted:
                    await device.advertise()
            await asyncio.sleep(VISIT_SECONDS)

    async def stop(self) -> None:
        for device in self.devices:
            with suppress(Exception):
                await device.stop()

    async def _type(self, addresses: list[str]) -> int | None:
        return await self._passkey(addresses)

    async def _passkey(self, addresses: list[str]) -> int | None:
        """What the person at the hub reads off the display that lights up."""
        displays = [device.display for device in self.devices if device.address in map(str.upper, addresses)]
        lit, _ = await asyncio.wait([display.shown for display in displays], timeout=5, return_when=asyncio.FIRST_COMPLETED)
        return lit.pop().result() if lit else None

"""A home with a bluetoothd stand-in: a whole gateway as `run` builds it, and devices around it."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from bumble.link import LocalLink

from gateway import registry
from gateway.app import Gateway
from gateway.bonds import BondFile
from gateway.clock import SystemClock
from gateway.config import BluetoothSection, Config, DeviceSection, DiskSection, GatewaySection, TimeSection
from gateway.journal.reading import read_latest
from gateway.pairing import Desk
from gateway.simulator.devices import Meter
from gateway.simulator.memory import Memory, Stored, Verdict, compare, truths
from gateway.simulator.peripheral import Display, Peripheral
from gateway.simulator.pushers import Cuff, Pusher
from gateway.simulator.radio import make_device
from gateway.transports.ble import BleakRadio
from gateway.transports.bluez.bonds import Bonds
from gateway.transports.bluez.stack import Stack
from tests.support.bluez.standin import ADAPTER, StandIn
from tests.support.fakes import until

HUB = "C0:FF:EE:00:00:00"
ADDRESSES: dict[type[Peripheral], str] = {Cuff: "C0:FF:EE:00:00:02", Meter: "C0:FF:EE:00:00:03"}


class Home:
    """`devices` are on, but do not advertise."""

    def __init__(self, place: Path, link: LocalLink, bluez: StandIn, devices: list[Peripheral], gateway: Gateway, desk: Desk) -> None:
        self.place, self.link, self.bluez, self.devices, self.gateway, self.desk = place, link, bluez, devices, gateway, desk

    def device(self, kind: type[Peripheral]) -> Peripheral:
        return next(device for device in self.devices if isinstance(device, kind))

    def status(self, kind: type[Peripheral]) -> dict[str, Any]:
        found = [one for one in self.gateway.attendant.status()["devices"] if one["address"] == ADDRESSES[kind]]
        return dict(found[0]) if found else {"sessions": 0, "problem": None, "state": "unknown"}

    async def read(self, kind: type[Peripheral], sessions: int = 1, seconds: float = 20) -> dict[str, Any]:
        """Advertise until the device has been read so many times more and well; what the gateway says of it then."""
        before = self.status(kind)["sessions"]
        await self.device(kind).advertise()
        await until(lambda: self.status(kind)["sessions"] >= before + sessions and self.status(kind)["state"] != "reading", seconds)
        return self.status(kind)

    async def scanning(self) -> None:
        """The first scan has begun, and bluetoothd has said so."""
        await until(lambda: self.bluez.value(self.bluez.adapter, ADAPTER, "Discovering"))

    def verdict(self) -> Verdict:
        """What the devices know against what the journal has."""
        things = [json.loads(row.body) for row in read_latest(self.place / "state" / "journal.db")]
        return compare(truths(self.place / "devices"), things)

    async def type_what_is_shown(self, kind: type[Peripheral]) -> None:
        """The person at the hub."""
        display: Display = self.device(kind).display
        number = await display.shown
        await until(self.desk.questions)
        self.desk.answer(ADDRESSES[kind], f"{number:06}")


@asynccontextmanager
async def home(
    place: Path,
    *kinds: type[Peripheral],
    settings: dict[str, Any] | None = None,
    faults: dict[str, list[Any]] | None = None,
    answer_seconds: float = 5,
    also: dict[str, Any] | None = None,
    **bluetooth: Any,
) -> AsyncIterator[Home]:
    """Needs a private bus. `settings` of each device, `also`: more sections, `bluetooth`: keys of that section."""
    link = LocalLink()  # type: ignore[no-untyped-call]  # bumble leaves it untyped
    numbers = count(1)
    devices = []
    for kind in kinds:
        memory = Memory(place / "devices", ADDRESSES[kind])
        device = kind(link, ADDRESSES[kind], memory, lambda: datetime.now().astimezone())
        memory.add(Stored(next(numbers), "", expected=[{"type": "device", "time": None, "values": {"model": device.model}}]))
        memory.forget(memory.records[0].number)
        with memory.together():
            if isinstance(device, Meter):
                device.fill(lambda: next(numbers), random.Random(1), 20)
            elif isinstance(device, Pusher):
                device.fill(lambda: next(numbers), random.Random(1))
        await device.start()
        devices.append(device)
    hub = make_device(link, "hub", HUB, Display())
    bluez = StandIn(hub)
    await hub.power_on()
    bluez.faults.update(faults or {})
    await bluez.start()
    config = Config(
        gateway=GatewaySection(state=place / "state"),
        time=TimeSection(trust="manual"),
        disk=DiskSection(reserve_mb=1),
        bluetooth=BluetoothSection(**{"idle_seconds": 0.5, "reconnect_seconds": 0.2, **bluetooth}),
        device=tuple(DeviceSection(address=ADDRESSES[kind], **(settings or {})) for kind in kinds),
        **(also or {}),
    )
    bonds = BondFile(place / "state" / "bonds.json")
    desk = Desk(config, bonds.known_as, seconds=answer_seconds)
    stack = Stack(desk, adapter=config.bluetooth.adapter)
    radio = BleakRadio(stack=stack, bonds=Bonds(stack, desk, bonds))
    gateway = Gateway(config, registry.load(), radio, SystemClock("manual"), desk=desk)
    running = asyncio.create_task(gateway.run())
    await gateway.ready.wait()
    try:
        yield Home(place, link, bluez, devices, gateway, desk)
    finally:
        gateway.stop()
        await running
        for device in devices:
            await device.stop()
        bluez.vanish()

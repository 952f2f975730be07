"""The devices, the stand-in for bluetoothd, the daemon as a process of its own, and what disturbs them."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from bumble.link import LocalLink

from gateway.cli import door
from gateway.journal.reading import read_latest
from gateway.simulator.devices import Meter
from gateway.simulator.memory import Memory, Stored, Verdict, compare, truths
from gateway.simulator.peripheral import Display, Peripheral
from gateway.simulator.pushers import Scale, Thermometer
from gateway.simulator.radio import make_device
from profiles.gatt import weight_scale as wss
from profiles.times import DateTime
from tests.support.bluez.objects import Failure
from tests.support.bluez.standin import StandIn

HUB = "C0:FF:EE:00:00:00"
MOST_FILES, MOST_TASKS, MOST_MEGABYTES = 3, 5, 4
"""More at the end than before it: a session that happens to run has some."""
CALM_SECONDS = 240.0


class Sample(NamedTuple):
    files: float
    tasks: float
    megabytes: float


class SoakScale(Scale):
    def measure(self, number: int, randomness: random.Random) -> None:
        kilograms = Decimal(randomness.randrange(13000, 17000)) * Decimal("0.005")
        moment = DateTime.of(self.time().replace(microsecond=0) - timedelta(seconds=1))
        said = wss.WeightMeasurement(wss.Flags.TIMESTAMP | wss.Flags.USER_ID, kilograms, timestamp=moment, user_id=1)
        self._add(number, said.encode())


class SoakMeter(Meter):
    _last_number = 20

    def measure(self, number: int, randomness: random.Random) -> None:
        self._last_number += 1
        said = self._value(self._last_number, self.time() - timedelta(hours=7 * self._last_number), randomness)
        self._add(number, said, said.encode())


class LockedMeter(SoakMeter):
    secure = True


class SoakThermometer(Thermometer):
    _taken = 0

    def measure(self, number: int, _randomness: random.Random) -> None:
        if not self.memory.records:  # it holds one
            # No two within minutes are equal: of a device without a clock they would be taken for one (docs/guarantees.md).
            self._taken += 1
            self.take(number, Decimal(350 + self._taken % 70).scaleb(-1))


KINDS: tuple[tuple[type[Peripheral], int], ...] = ((SoakScale, 9), (SoakMeter, 7), (LockedMeter, 2), (SoakThermometer, 2))


class Soak:
    def __init__(self, place: Path, seed: int) -> None:
        self._place, self._randomness = place, random.Random(seed)
        self._numbers = count(1)
        self.devices: list[Peripheral] = []
        self.wakes = 0
        self.is_over = False
        """No new disturbance; what one has taken away it puts back first."""
        self.faults: Counter[str] = Counter()
        self._tasks: list[asyncio.Task[None]] = []

    def _number(self) -> int:
        return next(self._numbers)

    async def start(self) -> None:
        link = LocalLink()  # type: ignore[no-untyped-call]  # bumble leaves it untyped
        hub = make_device(link, "hub", HUB, Display())
        await hub.power_on()
        self._bluez = StandIn(hub)
        await self._bluez.start()
        for kind, many in KINDS:
            for _ in range(many):
                address = f"C0:FF:EE:00:01:{len(self.devices):02X}"
                device = kind(link, address, Memory(self._place / "devices", address), lambda: datetime.now().astimezone())
                truth = {"type": "device", "time": None, "values": {"model": device.model}}
                device.memory.add(Stored(self._number(), "", expected=[truth]))
                device.memory.forget(device.memory.records[0].number)
                self._measure(device)
                await device.start()
                self.devices.append(device)
        sections = "".join(f'[[device]]\naddress = "{device.address}"\nforget = true\n' for device in self.devices)
        config = self._place / "config.toml"
        config.write_text(
            f'[gateway]\nstate = "{self._place}/state"\n[time]\ntrust = "manual"\n[disk]\nreserve_mb = 1\n'
            f"[bluetooth]\nidle_seconds = 3\nreconnect_seconds = 2\nserve_time = false\n{sections}"
        )
        with (self._place / "daemon.log").open("wb") as log:
            self._daemon = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "gateway", "run", "-c", str(config)), stdout=log, stderr=log
            )
        self._tasks.append(asyncio.create_task(self._person()))

    async def stop(self) -> int:
        for task in self._tasks:
            task.cancel()
        with suppress(ProcessLookupError):
            self._daemon.terminate()
        status = await self._daemon.wait()
        for device in self.devices:
            with suppress(Exception):
                await device.stop()
        self._bluez.vanish()
        return status

    def _measure(self, device: Peripheral) -> None:
        assert isinstance(device, SoakScale | SoakMeter | SoakThermometer)
        device.measure(self._number(), self._randomness)

    async def _ask(self, url: str, method: str = "GET") -> Any:
        with suppress(door.NotRunning, OSError, ValueError):
            return (await asyncio.to_thread(door.ask, self._place / "state" / "control.sock", url, method))[1]
        return None

    async def sample(self) -> Sample | None:
        status = await self._ask("/status")
        if status is None:
            return None
        process = Path(f"/proc/{self._daemon.pid}")
        resident = next(line for line in (process / "status").read_text().splitlines() if line.startswith("VmRSS"))
        return Sample(sum(1 for _ in (process / "fd").iterdir()), status["tasks"], int(resident.split()[1]) / 1024)

    async def _person(self) -> None:
        """Types what the locked meters show."""
        while True:
            for question in await self._ask("/pairing") or []:
                device = next(device for device in self.devices if device.address == question["address"])
                if device.display.shown.done():
                    await self._ask(f"/pair/{device.address}/answer?text={device.display.shown.result():06}", "POST")
            await asyncio.sleep(0.2)

    # -- waking, and what goes wrong -----------------------------------------------------------------------------

    async def disturb(self) -> None:
        faults: tuple[tuple[float, Callable[[], Awaitable[None]]], ...] = (
            (0.10, self._link_lost),
            (0.05, self._connect_fails),
            (0.05, self._notify_fails),
            (0.01, self._bluetoothd_dies),
            (0.01, self._power_goes),
            (0.01, self._unplugged),
        )
        while not self.is_over:
            await asyncio.sleep(self._randomness.uniform(0.1, 0.9))
            device = self._randomness.choice(self.devices)
            if len(device.memory.records) < 20:
                self._measure(device)
            await device.advertise()
            self.wakes += 1
            for chance, fault in faults:
                if self._randomness.random() < chance:
                    self.faults[fault.__name__.strip("_")] += 1
                    await fault()

    async def _link_lost(self) -> None:
        await asyncio.sleep(self._randomness.uniform(0, 0.5))
        for connection in list(self._bluez.connections.values())[:1]:
            await connection.disconnect()

    async def _connect_fails(self) -> None:
        texts = ("le-connection-abort-by-local", "Software caused connection abort")
        self._bluez.faults["Connect"].append(Failure("Failed", self._randomness.choice(texts)))

    async def _notify_fails(self) -> None:
        self._bluez.faults["StartNotify"].append(Failure("InProgress", "In Progress"))

    async def _bluetoothd_dies(self) -> None:
        await self._bluez.kill()
        await asyncio.sleep(self._randomness.uniform(0, 3))
        await self._bluez.start()

    async def _power_goes(self) -> None:
        await self._bluez.power(on=False)

    async def _unplugged(self) -> None:
        await self._bluez.unplug()
        await asyncio.sleep(self._randomness.uniform(0, 3))
        self._bluez.plug()

    async def calm(self) -> Verdict:
        """No more faults; everything is read."""
        self._bluez.faults.clear()
        loop = asyncio.get_running_loop()
        until = loop.time() + CALM_SECONDS
        while True:
            for device in self.devices:
                if device.memory.records:
                    await device.advertise()
            await asyncio.sleep(2)
            verdict = await asyncio.to_thread(self._verdict)
            if (verdict.good and not any(device.memory.records for device in self.devices)) or loop.time() > until:
                return verdict

    def waiting(self) -> list[str]:
        """The devices that still hold records, and what bluetoothd makes of them."""
        paths = {device.address: self._bluez.device_path(device.address) for device in self.devices if device.memory.records}
        return [f"{address}: {'connected' if path in self._bluez.connections else 'not connected'}" for address, path in paths.items()]

    def _verdict(self) -> Verdict:
        things = [json.loads(row.body) for row in read_latest(self._place / "state" / "journal.db")]
        return compare(truths(self._place / "devices"), things)

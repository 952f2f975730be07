"""What happens to Bluetooth in a home, one thing after the other, with one daemon running through it: real bluetoothd and kernel below.

Each trial ends when the journal has what the devices know, once each; at the end it is told which did, and in what time.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from gateway.intake import read as read_intake
from gateway.journal.reading import read_latest
from gateway.simulator.memory import Verdict, compare, truths
from tests.e2e.guest import bus
from tests.e2e.guest.bluez import Bluez
from tests.e2e.guest.peripherals import ADDRESSES
from tests.e2e.guest.person import Person
from tests.e2e.guest.stage import CONFIG, OUT, PLACE, SECONDS, STATE, Daemon, Devices, bluetooth, bluetoothd, keep, tell

RECONNECT_SECONDS = 5.0
"""From the next advertisement to the connection, bonded."""
MOST_UNSEEN = 0.02
"""Of btmon's recording: it loses packets, and their order, where an emulated machine has its hands full."""
APART_SECONDS = 60.0
"""Two equal weighings."""


class Home:
    def __init__(self, devices: Devices, bluez: Bluez, daemon: subprocess.Popen[bytes]) -> None:
        self.devices, self.bluez, self._bluetoothd = devices, bluez, daemon
        self.results: list[tuple[str, bool, float]] = []

    def verdict(self) -> Verdict:
        return compare(truths(PLACE / "devices"), [json.loads(row.body) for row in read_latest(STATE / "journal.db")])

    async def everything_read(self) -> None:
        async with asyncio.timeout(SECONDS):
            while not (await asyncio.to_thread(self.verdict)).good:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.5)

    async def measured_and_read(self, *names: str, asleep: bool = True) -> None:
        """One reading more of each, and awake until it is read."""
        for name in names:
            await self.measured(name)
        for name in names:
            self.devices.order("wake", name)
        await self.everything_read()
        if asleep:
            await self.sleep(*names)

    async def measured(self, name: str, what: str = "measure") -> None:
        """What the device knows, this test knows from here on."""
        before = self.devices.count("measured", name)
        self.devices.order(what, name)
        await self.devices.wait(lambda: self.devices.count("measured", name) > before, f"{name} has measured")

    async def sleep(self, *names: str) -> None:
        for name in names:
            self.devices.order("sleep", name)
        await asyncio.sleep(1)

    async def trial(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        tell(f"-- {name}")
        began = time.monotonic()
        with self._noted(name, began):
            await run()

    @contextmanager
    def _noted(self, name: str, began: float) -> Iterator[None]:
        try:
            yield
        except (TimeoutError, AssertionError) as error:
            self.results.append((name, False, time.monotonic() - began))
            tell(f"-- FAILED {name}: {type(error).__name__} {error}; {self.verdict()}")
        else:
            self.results.append((name, True, time.monotonic() - began))

    # -- the trials ----------------------------------------------------------------------------------------------

    async def paired(self) -> None:
        for name in ADDRESSES:
            self.devices.order("wake", name)
        await self.everything_read()
        for address in ADDRESSES.values():
            assert await self.bluez.bonded(address), address
        await self.sleep(*ADDRESSES)

    async def reconnected(self) -> None:
        for name in ADDRESSES:
            before = self.devices.count("connected", name)
            await self.measured(name)
            awake = time.time()
            self.devices.order("wake", name)
            await self.devices.wait(lambda name=name, before=before: self.devices.count("connected", name) > before, f"{name} connected")
            seconds = time.time() - awake
            tell(f"   {name}: connected {seconds:.1f} s after it began to advertise")
            assert seconds <= RECONNECT_SECONDS, f"{name}: {seconds:.1f} s"
            await self.everything_read()
            await self.sleep(name)

    async def bluetoothd_killed(self) -> None:
        self._bluetoothd.kill()
        await asyncio.to_thread(self._bluetoothd.wait)
        await asyncio.sleep(2)
        self._bluetoothd = bluetoothd()
        await self.measured_and_read(*ADDRESSES)

    async def powered_off(self) -> None:
        await self.bluez.power(on=False)
        await self.measured_and_read(*ADDRESSES)

    async def bond_lost_on_device(self) -> None:
        self.devices.order("unbond", "cuff")
        await self.measured_and_read("cuff")

    async def bond_lost_on_hub(self) -> None:
        await self.bluez.remove(ADDRESSES["meter"])
        await self.measured_and_read("meter")

    async def dropped(self) -> None:
        for _ in range(3):
            await self.measured("meter")
        for name in ADDRESSES:
            self.devices.order("cut", name, records=2)
        await self.measured_and_read(*ADDRESSES)

    async def at_once(self) -> None:
        await self.measured_and_read(*ADDRESSES)

    async def equal_weighings(self) -> None:
        await self.measured("scale", "weigh")
        await asyncio.sleep(APART_SECONDS)
        await self.measured("scale", "weigh")
        await self.everything_read()


async def main(seed: int) -> int:
    for directory in (PLACE, OUT):
        directory.mkdir(parents=True, exist_ok=True)
    below, sniffer = bluetooth()
    devices = Devices(seed)
    await devices.start()
    bluez = await Bluez.connect()
    await bluez.power_on(SECONDS)
    path = PLACE / "config.toml"
    path.write_text(CONFIG)
    daemon = Daemon(path)
    await daemon.start()
    async with asyncio.timeout(SECONDS):
        while not await asyncio.to_thread(daemon.status):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.5)
    person = Person(PLACE / "control.sock", devices.passkey)
    watching = asyncio.create_task(person.watch())
    home = Home(devices, bluez, below)
    for name, run in (
        ("paired by passkey, stored records read", home.paired),
        ("bonded, read again at the next advertisement", home.reconnected),
        ("two devices awake at once", home.at_once),
        ("link dropped in the middle of a transfer", home.dropped),
        ("bond deleted on the hub", home.bond_lost_on_hub),
        ("bond deleted on the device", home.bond_lost_on_device),
        ("adapter switched off", home.powered_off),
        ("bluetoothd killed and started again", home.bluetoothd_killed),
        ("two equal weighings a minute apart", home.equal_weighings),
    ):
        await home.trial(name, run)
    watching.cancel()
    status = await daemon.stop()
    sniffer.send_signal(signal.SIGINT)
    await asyncio.to_thread(sniffer.wait, 10)
    unseen, taken = bus.not_converted(OUT / "hci.btsnoop", read_intake(STATE / "intake"))
    verdict = home.verdict()
    for name, good, seconds in home.results:
        tell(f"{'good  ' if good else 'FAILED'} {seconds:6.1f} s  {name}")
    tell(
        f"{verdict.truths} truths, {verdict.things} things; {verdict}; passkeys typed: {len(person.typed)}; the daemon ended with {status}"
    )
    tell(f"of {taken} values that the gateway has taken, btmon's file, converted, lacks {unseen.total()}: {dict(unseen)}")
    return 0 if verdict.good and status == 0 and unseen.total() <= taken * MOST_UNSEEN and all(good for _, good, _ in home.results) else 1


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main(int(sys.argv[1]))))
    finally:
        keep()

"""From a bonded cuff's first advertisement to its first value on the disk: the daemon, and a plain bleak script, in turns."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from drivers.kit.capture import Record, line
from gateway.intake import read as read_intake
from tests.e2e.guest.bluez import Bluez
from tests.e2e.guest.peripherals import ADDRESSES
from tests.e2e.guest.person import Person
from tests.e2e.guest.stage import CONFIG, OUT, PLACE, SECONDS, STATE, Daemon, Devices, bluetooth, tell

PAIRS = 10
MOST = 1.2
CUFF = ADDRESSES["cuff"]
SETTLE_SECONDS = 4.0
"""A scan that has just begun is not yet one that runs."""

REST_SECONDS = 3.0
"""Between two processes: bluetoothd refuses a scan while it still ends the last one."""


class Output:
    """The lines of a process, as they come."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def next(self, word: str) -> list[str]:
        """The rest of the next line that begins with this word."""
        assert self._process.stdout is not None
        async with asyncio.timeout(SECONDS):
            while text := (await self._process.stdout.readline()).decode():
                if text.split()[:1] == [word]:
                    return text.split()[1:]
        raise AssertionError(f"it ended before it said {word!r}")


@asynccontextmanager
async def process(module: str, *arguments: str) -> AsyncIterator[Output]:
    with (OUT / "wake.log").open("ab") as log:
        made = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", f"tests.e2e.guest.{module}", *arguments), stdout=subprocess.PIPE, stderr=log
        )
    try:
        yield Output(made)
    finally:
        with suppress(ProcessLookupError):
            made.terminate()
        await made.wait()
        await asyncio.sleep(REST_SECONDS)


async def awake(devices: Devices) -> float:
    """When the cuff began to advertise."""
    before = devices.count("awake", "cuff")
    devices.order("wake", "cuff")
    await devices.wait(lambda: devices.count("awake", "cuff") > before, "cuff is awake")
    return float([event for event in devices.events if event["event"] == "awake"][-1]["at"])


async def asleep(devices: Devices) -> None:
    devices.order("sleep", "cuff")
    await asyncio.sleep(2)


async def plain(devices: Devices) -> float:
    async with process("plain", CUFF, str(PLACE / "plain.txt")) as output:
        await output.next("scanning")
        await asyncio.sleep(SETTLE_SECONDS)
        began = await awake(devices)
        [written] = await output.next("written")
        await asleep(devices)
    return float(written) - began


def _first_value_behind(moment: float) -> int | None:
    """The position behind the first value in the intake log that came after this."""
    for record in read_intake(STATE / "intake"):
        if isinstance(record, Record) and record.kind == "rx" and record.time > moment:
            return record.position + len(line(record))
    return None


async def ours(devices: Devices) -> float:
    async with process("timed", "-c", str(PLACE / "config.toml")) as output:
        waiter = Daemon(PLACE / "config.toml")
        async with asyncio.timeout(SECONDS):
            while not await asyncio.to_thread(waiter.status):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.2)
        await asyncio.sleep(SETTLE_SECONDS)
        began = await awake(devices)
        while True:
            position, at = await output.next("durable")
            end = _first_value_behind(began)
            if end is not None and int(position) >= end and float(at) > began:
                break
        await asleep(devices)
    return float(at) - began


async def main(seed: int) -> int:
    for directory in (PLACE, OUT):
        directory.mkdir(parents=True, exist_ok=True)
    bluetooth()
    devices = Devices(seed)
    await devices.start()
    bluez = await Bluez.connect()
    await bluez.power_on(SECONDS)
    (PLACE / "config.toml").write_text(CONFIG)
    person = asyncio.create_task(Person(PLACE / "control.sock", devices.passkey).watch())
    tell(f"bonded, and read for the first time in {await ours(devices):.2f} s")
    assert await bluez.bonded(CUFF)
    person.cancel()
    found: dict[str, list[float]] = {"plain": [], "ours": []}
    for number in range(PAIRS):
        found["plain"].append(await plain(devices))
        found["ours"].append(await ours(devices))
        tell(f"pair {number + 1}: plain {found['plain'][-1]:.3f} s, ours {found['ours'][-1]:.3f} s")
    medians = {name: statistics.median(values) for name, values in found.items()}
    ratio = medians["ours"] / medians["plain"]
    tell(f"medians of {PAIRS}: plain {medians['plain']:.3f} s, ours {medians['ours']:.3f} s, {ratio:.2f} x (at most {MOST})")
    devices.stop()
    return 0 if ratio <= MOST else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]))))

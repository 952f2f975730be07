"""What is in the virtual machine: bluetoothd, the process that plays the devices, and the daemon."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from drivers.kit.capture import Record
from gateway.cli import door
from gateway.intake import read as read_intake
from tests.e2e.guest.peripherals import ADDRESSES, SCALE

OUT = Path("/share/out")
PLACE = Path("/tmp/place")
BLUETOOTHD = "/usr/libexec/bluetooth/bluetoothd"
STATE = PLACE / "state"
SECONDS = 120.0
"""For each life of the daemon, and for each thing that is waited for."""
BEGAN = time.monotonic()


def tell(text: str) -> None:
    print(f"[{time.monotonic() - BEGAN:6.1f} s] {text}", flush=True)


CONFIG = f"""
[gateway]
state = "{STATE}"
socket = "{PLACE / "control.sock"}"
[time]
trust = "manual"
[disk]
reserve_mb = 1
[bluetooth]
idle_seconds = 5
reconnect_seconds = 2
[[person]]
id = "anna"
[[person]]
id = "ben"
[[device]]
address = "{ADDRESSES["meter"]}"
person = "anna"
forget = true
[[device]]
address = "{ADDRESSES["cuff"]}"
users = {{ 1 = "ben" }}
[[device]]
address = "{SCALE}"
"""


class Devices:
    """The process that plays them, and what it tells."""

    def __init__(self, seed: int, *arguments: str) -> None:
        self._seed, self._arguments = seed, arguments
        self.events: list[dict[str, Any]] = []
        self._news = asyncio.Condition()
        self._passkeys: dict[str, asyncio.Queue[int]] = {name: asyncio.Queue() for name in ADDRESSES}

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.e2e.guest.peripherals", str(PLACE / "devices"), str(self._seed), *self._arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._reading = asyncio.create_task(self._read())
        await self.wait(lambda: self.count("ready") == 1, "the devices are on")

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            event = json.loads(line)
            async with self._news:
                self.events.append(event)
                self._news.notify_all()
            if event["event"] == "connected":
                # A number that was shown before (to nobody: the daemon was dead) is no longer on the display.
                while not self._passkeys[event["device"]].empty():
                    self._passkeys[event["device"]].get_nowait()
            if event["event"] == "passkey":
                self._passkeys[event["device"]].put_nowait(event["number"])
            if event["event"] != "sent":
                tell(f"   {event}")
        tell("the devices have ended")

    async def wait(self, condition: Any, what: str) -> None:
        async with asyncio.timeout(SECONDS), self._news:
            await self._news.wait_for(condition)
        tell(what)

    def count(self, event: str, device: str | None = None) -> int:
        return sum(e["event"] == event and device in (None, e.get("device")) for e in self.events)

    async def passkey(self, address: str) -> int:
        """What the device with this address shows, as soon as it shows it."""
        name = next(name for name, known in ADDRESSES.items() if known == address)
        return await self._passkeys[name].get()

    def order(self, what: str, device: str, **more: int) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": what, "device": device} | more).encode() + b"\n")

    def stop(self) -> None:
        self._process.kill()


class Daemon:
    def __init__(self, path: Path) -> None:
        self._path = path

    async def start(self) -> None:
        with (OUT / "daemon.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "gateway", "run", "-c", str(self._path)), stdout=log, stderr=log
            )

    async def kill(self) -> None:
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> int:
        self._process.terminate()
        async with asyncio.timeout(SECONDS):
            return await self._process.wait()

    def status(self) -> dict[str, Any]:
        with suppress(door.NotRunning):
            _, found = door.ask(PLACE / "control.sock", "/status")
            return dict(found)
        return {}


def taken() -> Counter[str]:
    """By address: how many frames the intake log has."""
    addresses: dict[str, str] = {}
    found: Counter[str] = Counter()
    for record in read_intake(STATE / "intake"):
        if isinstance(record, Record):
            if record.kind == "open":
                addresses[record.session] = record.extra["a"]
            found[addresses[record.session]] += record.kind == "rx"
    return found


def keep() -> None:
    """What a failed run is looked into with."""
    for kept in (STATE, PLACE / "devices"):
        subprocess.run(["cp", "-r", str(kept), str(OUT)], check=False)


def bluetooth() -> tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]:
    """Start bluetoothd, and what writes down the radio's traffic."""
    subprocess.run(["modprobe", "-a", "bluetooth", "hci_vhci"], check=True)
    return bluetoothd(), subprocess.Popen(["btmon", "-w", str(OUT / "hci.btsnoop")], stdout=subprocess.DEVNULL)


def bluetoothd() -> subprocess.Popen[bytes]:
    with (OUT / "bluetoothd.log").open("ab") as log:
        return subprocess.Popen([BLUETOOTHD, "-n", "-d"], stderr=log)

"""What happens in the virtual machine with cables: real usbcore, hidraw, ftdi_sio, udev and libusb below the installed daemon.

A device of the Personal Healthcare Device Class and a Contour come and go by the kernel's vhci-hcd; a OneTouch UltraEasy sits behind an
FTDI adapter whose other end is a program on the host. Each is plugged in, read, pulled out, and plugged in again. The exit status says
whether the journal has what the devices know, once each.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from typing import Any, Protocol

from gateway.journal.reading import read_latest
from tests.e2e.guest.stage import OUT, PLACE, SECONDS, STATE, Daemon, tell
from tests.e2e.guest.usbip import records

CONFIG = f"""
[gateway]
state = "{STATE}"
socket = "{PLACE / "control.sock"}"
[time]
trust = "manual"
[disk]
reserve_mb = 1
[cables]
idle_seconds = 3
[[person]]
id = "anna"
[[device]]
port = "0403:6001"
person = "anna"
"""
MODULES = ("vhci-hcd", "usbhid", "ftdi_sio", "xhci_pci")
MOST_PULLS = 4


class Plugs:
    """The process that plays the devices on vhci-hcd."""

    def start(self) -> None:
        self._process = subprocess.Popen(
            (sys.executable, "-m", "tests.e2e.guest.usbip"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def order(self, what: str, device: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": what, "device": device}) + "\n")
        self._process.stdin.flush()
        tell(f"   {self._process.stdout.readline().strip()}")

    def stop(self) -> None:
        self._process.kill()


class HasStatus(Protocol):
    def status(self) -> dict[str, Any]: ...


def attached(status: dict[str, Any], driver: str) -> dict[str, Any] | None:
    return next((one for one in status.get("plugged", []) if one["driver"] == driver), None)


async def until(daemon: HasStatus, condition: Any, what: str) -> dict[str, Any]:
    async with asyncio.timeout(SECONDS):
        while True:
            status = await asyncio.to_thread(daemon.status)
            if status and condition(status):
                tell(what)
                return status
            await asyncio.sleep(0.5)


def is_read(driver: str) -> Any:
    def holds(status: dict[str, Any]) -> bool:
        one = attached(status, driver)
        return one is not None and one["sessions"] > 0 and one["state"] == "waiting" and one["problem"] is None

    return holds


def told() -> dict[str, Counter[tuple[str, str]]]:
    """By driver: when and what, and how often."""
    found: dict[str, Counter[tuple[str, str]]] = {}
    for row in read_latest(STATE / "journal.db"):
        thing = json.loads(row.body)
        if thing["type"] == "blood-glucose":
            said = thing["when"]["device_time"], thing["data"]["glucose"]["display"]["value"]
            found.setdefault(thing["provenance"]["driver"], Counter())[said] += 1
    return found


async def main(_seed: int) -> int:
    for directory in (PLACE, OUT):
        directory.mkdir(parents=True, exist_ok=True)
    for module in MODULES:
        await asyncio.create_subprocess_exec("/usr/sbin/modprobe", module)
    plugs = Plugs()
    plugs.start()
    path = PLACE / "config.toml"
    path.write_text(CONFIG)
    daemon = Daemon(path)
    await daemon.start()
    await until(daemon, lambda status: status.get("cables") == "ok", "the daemon watches what is plugged in")
    await until(daemon, is_read("onetouch-ultraeasy"), "the meter behind the FTDI adapter has been read")
    for name, driver in (("phd", "phd"), ("contour", "contour")):
        for pause in (0.9, 1.3, 2.0, 3.0)[:MOST_PULLS]:  # pulled somewhere in the middle, wherever that is
            plugs.order("plug", name)
            await asyncio.sleep(pause)
            plugs.order("pull", name)
            await until(daemon, lambda status: not [one for one in status["plugged"] if "0403" not in one["port"]], f"the {name} is gone")
        plugs.order("plug", name)
        await until(daemon, is_read(driver), f"the {name} has been read")
        before = sum(told()[driver].values())
        plugs.order("pull", name)
        await until(daemon, lambda status: not [one for one in status["plugged"] if "0403" not in one["port"]], f"the {name} is gone")
        plugs.order("plug", name)
        await until(daemon, is_read(driver), f"the {name} has been read again")
        assert sum(told()[driver].values()) == before, "a second time adds nothing"
        plugs.order("pull", name)
    status = await daemon.stop()
    plugs.stop()
    truths = Counter((time.isoformat(), str(value)) for time, value in records())
    found = told()
    good = status == 0
    for driver in ("onetouch-ultraeasy", "phd", "contour"):
        has = found.get(driver, Counter())
        lost, more = truths - has, has - truths
        tell(
            f"{driver}: {len(truths)} truths, {sum(has.values())} things; lost {sum(lost.values())}, doubled or wrong {sum(more.values())}"
        )
        good = good and not lost and not more
    tell(f"the daemon ended with {status}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]))))

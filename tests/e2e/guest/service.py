"""What happens in the virtual machine below a real systemd: the package is installed, and the service works inside its unit's limits.

A cuff and a meter by bluetoothd, a Contour by hidraw, a OneTouch behind an FTDI adapter by its tty, a Personal Healthcare Device by libusb,
all told by udev; a queue over TLS; the page; the clock by systemd-timedated. The exit status says whether everything was read, went, and
whether the service ran through without being started anew.
"""

from __future__ import annotations

import asyncio
import ctypes
import http.client
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from gateway.cli import door
from gateway.clock import SystemClock
from tests.e2e.guest.bluez import Bluez
from tests.e2e.guest.cables import MODULES, Plugs, attached, is_read, until
from tests.e2e.guest.peripherals import ADDRESSES
from tests.e2e.guest.person import Person
from tests.e2e.guest.stage import OUT, PLACE, Devices, tell
from tests.support.broker import DURABLE, Broker
from tests.support.certificates import Authority

STATE, ETC = Path("/var/lib/health-gateway"), Path("/etc/health-gateway")
UNIT = "health-gateway.service"
SECONDS = 240.0
MOST_EXPOSED = 1.5
PORT = 8460
CONFIG = f"""
[disk]
reserve_mb = 1
[bluetooth]
idle_seconds = 5
reconnect_seconds = 2
[[person]]
id = "anna"
[[device]]
address = "{ADDRESSES["meter"]}"
person = "anna"
[[device]]
address = "{ADDRESSES["cuff"]}"
person = "anna"
[[device]]
port = "0403:6001"
person = "anna"
[sink.queue]
type = "mqtt"
host = "localhost"
port = {{port}}
tls = true
ca_file = "{ETC}/ca.pem"
accept_no_subscriber = true
settle_seconds = 1
"""


class Service:
    """As `stage.Daemon`, but systemd's."""

    def status(self) -> dict[str, Any]:
        with suppress(door.NotRunning):
            return dict(door.ask(STATE / "control.sock", "/status")[1])
        return {}


SERVICE = Service()


def heard(address: str) -> Any:
    def holds(found: dict[str, Any]) -> bool:
        return any(one["address"] == address and one["things"] > 0 and one["problem"] is None for one in found["devices"])

    return holds


def synchronize() -> None:
    """As a time daemon tells the kernel that its clock is right."""
    said = ctypes.create_string_buffer(512)
    # struct timex: modes at 0 (ADJ_MAXERROR | ADJ_ESTERROR | ADJ_STATUS), the rest 0: no error, no STA_UNSYNC.
    ctypes.c_uint.from_buffer(said, 0).value = 0x0004 | 0x0008 | 0x0010
    assert ctypes.CDLL(None).adjtimex(said) >= 0
    assert SystemClock("ntp").synchronized()


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def asked(path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read()


async def installed(seed: int) -> tuple[Broker, Devices]:
    """The package, a broker with TLS, and the devices; the service begins."""
    tell(run("dpkg", "-i", *map(str, Path("/share/site").glob("*.deb"))).splitlines()[-1])
    authority = Authority(PLACE, "ca")
    pair = authority.issue("broker")
    (ETC / "ca.pem").write_bytes(authority.certificate.read_bytes())
    (ETC / "ca.pem").chmod(0o644)
    listener = f"certfile {pair.certificate}\nkeyfile {pair.key}\nallow_anonymous true\n"
    broker = await asyncio.to_thread(Broker(PLACE / "broker", DURABLE, listener=listener).start)
    (ETC / "config.toml").write_text(CONFIG.replace("{port}", str(broker.port)))
    run("systemctl", "restart", "bluetooth.service")
    devices = Devices(seed, "--awake")
    await devices.start()
    await (await Bluez.connect()).power_on(SECONDS)
    run("systemctl", "restart", UNIT)
    return broker, devices


def everything_went(found: dict[str, Any]) -> bool:
    queue = found["sinks"]["queue"]
    return bool(not found["clock"]["pending_things"] and queue["cursor"] == found["head"] and queue["problem"] is None)


def look_at_the_page() -> None:
    code, page = asked("/")
    assert asked("/healthz") == (200, b"ok\n")
    assert code == 200
    assert b"app.js" in page
    assert asked("/api/v1/people")[0] == 401
    assert run("runuser", "-u", "health-gateway", "--", "health-gateway", "page").startswith(f"http://127.0.0.1:{PORT}/")
    tell("the page is served")


def look_at_the_unit() -> None:
    shown = dict(line.split("=", 1) for line in run("systemctl", "show", UNIT).splitlines() if "=" in line)
    tell(f"restarts {shown['NRestarts']}, memory {int(shown['MemoryCurrent']) >> 20} MB, watchdog {shown['WatchdogUSec']}")
    assert (shown["NRestarts"], shown["ActiveState"]) == ("0", "active")
    exposed = float(run("systemd-analyze", "security", "--no-pager", UNIT).strip().splitlines()[-1].split(":")[1].split()[0])
    tell(f"systemd-analyze security: {exposed}")
    assert exposed <= MOST_EXPOSED


async def main(seed: int) -> int:
    for directory in (PLACE, OUT):
        directory.mkdir(parents=True, exist_ok=True)
    for module in (*MODULES, "bluetooth", "hci_vhci"):
        run("modprobe", module)
    broker, devices = await installed(seed)
    found = await until(
        SERVICE, lambda said: said["adapter"] == "ok" and said["cables"] == "ok", "the service runs, and hears the radio and udev"
    )
    assert not found["clock"]["synchronized"], "nobody has set the clock"
    person = Person(STATE / "control.sock", devices.passkey)
    watching = asyncio.create_task(person.watch())
    plugs = Plugs()
    plugs.start()
    await until(SERVICE, is_read("onetouch-ultraeasy"), "ttyUSB: the meter behind the FTDI adapter has been read")
    synchronize()
    await until(SERVICE, lambda said: said["clock"]["synchronized"], "the clock: timedated says that it is synchronized")
    for name, by in (("contour", "hidraw"), ("phd", "libusb")):
        plugs.order("plug", name)
        await until(SERVICE, is_read(name), f"{by}: the {name} has been read")
        plugs.order("pull", name)
        await until(SERVICE, lambda said, name=name: attached(said, name) is None, f"udev: the {name} is gone")
    for name in ("meter", "cuff"):
        await until(SERVICE, heard(ADDRESSES[name]), f"Bluetooth: the {name} has been read")
    assert person.typed, "a passkey was typed"
    done = await until(SERVICE, everything_went, "TLS: all of it went")
    assert done["journal"]["things"] > 50
    look_at_the_page()
    watching.cancel()
    look_at_the_unit()
    run("systemctl", "stop", UNIT)
    assert run("systemctl", "show", UNIT, "-p", "Result").strip() == "Result=success"
    broker.stop()
    plugs.stop()
    devices.stop()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]))))

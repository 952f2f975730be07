"""The daemon with nothing to do: its memory, and what it makes of a neighbourhood that advertises a hundred times a second, beside what a
bare bleak scanner makes of it. Bus, bluetoothd's stand-in, daemon and scanner are processes of their own.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RATE = 100
SECONDS = 20.0
SETTLING_SECONDS = 8.0
RUNS = 3
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={socket}</listen>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
"""
SCANNER = """
import asyncio
from bleak import BleakScanner

count = 0

def seen(device, data):
    global count
    count += 1

async def main():
    async with BleakScanner(seen):
        await asyncio.sleep(3600)

asyncio.run(main())
"""


@contextmanager
def running(*command: str, bus: str, quiet: bool = True) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command,
        env=os.environ | {"DBUS_SYSTEM_BUS_ADDRESS": bus},
        stdout=subprocess.DEVNULL if quiet else subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def _on_processor(pid: int) -> float:
    """Seconds, of all its threads."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()) / 1e9


def _resident_mb(pid: int) -> float:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _share(process: subprocess.Popen[bytes]) -> float:
    """Of one processor, while it watches."""
    time.sleep(SETTLING_SECONDS)
    assert process.poll() is None, "it ended"
    before, began = _on_processor(process.pid), time.monotonic()
    time.sleep(SECONDS)
    return (_on_processor(process.pid) - before) / (time.monotonic() - began)


def run() -> None:
    with tempfile.TemporaryDirectory(dir=".") as directory:
        place = Path(directory).absolute()
        config = place / "config.toml"
        config.write_text(
            f'[gateway]\nstate = "{place / "state"}"\nsocket = "{place / "control.sock"}"\n[time]\ntrust = "manual"\n'
            '[disk]\nreserve_mb = 0\n[[device]]\naddress = "C0:FF:EE:00:00:02"\n[sink.file]\ntype = "file"\n'
            f'path = "{place / "things.ndjson"}"\n'
        )
        (place / "bus.conf").write_text(BUS.format(socket=place / "bus"))
        bus = f"unix:path={place / 'bus'}"
        daemon = (sys.executable, "-m", "gateway", "run", "-c", str(config))
        with running("dbus-daemon", f"--config-file={place / 'bus.conf'}", "--nofork", bus=bus):
            while not (place / "bus").exists():
                time.sleep(0.01)
            with running(sys.executable, "-m", "tests.bench.bluez", str(RATE), bus=bus, quiet=False) as bluez:
                assert bluez.stdout is not None
                bluez.stdout.readline()
                ours, bare, memory = [], [], []
                for _ in range(RUNS):
                    with running(*daemon, bus=bus) as process:
                        ours.append(_share(process))
                        memory.append(_resident_mb(process.pid))
                    with running(sys.executable, "-c", SCANNER, bus=bus) as process:
                        bare.append(_share(process))
        mine, theirs = statistics.median(ours), statistics.median(bare)
        print(f"the daemon idle among {RATE} advertisements a second of strangers, medians of {RUNS} times {SECONDS:.0f} s, interleaved")
        print(f"  resident memory        {statistics.median(memory):6.1f} MB")
        print(f"  daemon                 {mine:7.2%} of a core")
        print(f"  bare bleak scanner     {theirs:7.2%}")
        print(f"  difference             {mine - theirs:7.2%}")

"""A gateway among virtual devices in a process of its own, to be killed: `python -m tests.support.rig STATE POINT:N`.

Kills itself with SIGKILL the Nth time POINT is reached; without a point it runs until everything has been read.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from gateway import crashpoints
from gateway.app import Gateway
from gateway.config import DeviceSection
from gateway.simulator.devices import Meter
from gateway.simulator.peripheral import Peripheral
from gateway.simulator.play import play
from gateway.simulator.world import ADDRESSES, World
from gateway.sinks.file import FileSink

SEED = 7
FORGETFUL = (DeviceSection(address=ADDRESSES[Meter], forget=True),)


def arm(spec: str) -> None:
    """`sink-written:3`: kill -9 the third time that point is reached."""
    point, _, count = spec.partition(":")
    left = int(count or 1)

    def listener(reached: crashpoints.Point) -> None:
        nonlocal left
        if reached == point:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    crashpoints.listen(listener)


def _done(device: Peripheral, waiting: set[str]) -> bool:
    """Nothing is left in devices that forget; the others have been read."""
    if isinstance(device, Meter) or getattr(device, "forgets", False):
        return not device.memory.records
    return device.address in waiting


def stop_when_read(gateway: Gateway, world: World) -> None:
    """Stop once every device has been read, and those that forget are empty."""

    async def watch() -> None:
        await gateway.ready.wait()
        while True:
            await asyncio.sleep(0.1)
            waiting = {d["address"] for d in gateway.attendant.status()["devices"] if d["sessions"] and d["state"] == "waiting"}
            if all(_done(device, waiting) for device in world.devices):
                gateway.stop()
                return

    tasks.append(asyncio.get_running_loop().create_task(watch()))


tasks: list[asyncio.Task[None]] = []


def main(state: Path, spec: str | None) -> int:
    if spec:
        arm(spec)
    sinks = {"file": FileSink(state / "things.ndjson")}
    verdict = asyncio.run(play(state, seed=SEED, seconds=30, sinks=sinks, device=FORGETFUL, stored_only=True, watch=stop_when_read))
    print(verdict)
    return 0 if verdict.good else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))

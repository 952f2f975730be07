"""A gateway among virtual devices in a process of its own, to be killed: `python -m tests.support.rig SPEC.json`.

Kills itself with SIGKILL the nth time a crash point is reached; otherwise it runs until everything has been read and sent.
Exit status: 0 all read and sent; 3 the state directory could not be used (a full disk, say); 4 not finished in time.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway import crashpoints
from gateway.app import Gateway
from gateway.cli.common import set_up_logging
from gateway.clock import SystemClock
from gateway.config import load
from gateway.errors import StateError
from gateway.simulator.devices import Meter
from gateway.simulator.peripheral import Peripheral
from gateway.simulator.play import House, play
from gateway.simulator.world import World
from gateway.sinks.base import person_of

UNUSABLE, UNFINISHED = 3, 4


@dataclass(frozen=True)
class Spec:
    """One life. `kill`: POINT:N. `clock`: a file that says by how many seconds the hub's clock is wrong. `calm`: a file that is there
    once the outside world is at peace.
    """

    config: str
    devices: str
    clock: str
    calm: str
    seed: int
    kill: str | None = None
    meter_records: int = 20
    seconds: float = 60

    def write(self, path: Path) -> Path:
        path.write_text(json.dumps(asdict(self)))
        return path


class SteppedClock(SystemClock):
    """The hub's clock, which somebody sets while the daemon runs."""

    def __init__(self, wrong_by: Path) -> None:
        super().__init__("simulated")
        self._wrong_by = wrong_by

    def now(self) -> float:
        return super().now() + float(self._wrong_by.read_text())


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


class Watch:
    """Stops the gateway once every device has been read, those that forget are empty, and everything has been sent."""

    def __init__(self, calm: Path) -> None:
        self._calm = calm
        self._task: asyncio.Task[None] | None = None
        self.finished = False
        self._before: dict[str, int] = {}
        self._read: set[str] = set()
        """Devices of which a session has ended well since the outside world is at peace."""

    def __call__(self, gateway: Gateway, world: World) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(gateway, world))

    async def _run(self, gateway: Gateway, world: World) -> None:
        await gateway.ready.wait()
        while not self._calm.exists():  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.1)
        turn = 0
        self._before = {device["address"]: device["sessions"] for device in gateway.status()["devices"]}
        while not self._all_done(gateway, world):
            if turn % 20 == 0:
                gateway.retry(None)  # not once: the broker may not have read its mended rules yet
            turn += 1
            await asyncio.sleep(0.1)
        self.finished = True
        gateway.stop()

    def _all_done(self, gateway: Gateway, world: World) -> bool:
        """The devices need not all be at rest at once: they are read again and again."""
        status = gateway.status()
        for device in status["devices"]:
            if device["problem"] is None and device["sessions"] > self._before.get(device["address"], 0):
                self._read.add(device["address"])
        if not all(_read(device, self._read) for device in world.devices):
            return False
        if not gateway.everything_settled() or any(sink["held"] for sink in status["sinks"].values()):
            return False
        return all(_waits_for_good(gateway, name) for name, sink in status["sinks"].items() if sink["deferred"])


FOR_GOOD = ("uneven moments", "no record needs this", "there is no record")
"""What a sink has no form for, or no place."""


def _waits_for_good(gateway: Gateway, sink: str) -> bool:
    """What is left waits for an owner's word, since it is nobody's, or because it has no form there."""
    reasons = dict(gateway.journal.deferred(sink))
    return all(person_of(row) is None or any(why in reasons[row.n] for why in FOR_GOOD) for row in gateway.journal.rows(list(reasons)))


def _read(device: Peripheral, read: set[str]) -> bool:
    """Nothing is left in devices that forget; the others have been read."""
    if isinstance(device, Meter) or device.ONLY_WITH_RECORDS:
        return not device.memory.records
    return device.address in read


def main(spec: Spec) -> int:
    set_up_logging("info", "console")
    if spec.kill:
        arm(spec.kill)
    config = load(Path(spec.config))
    watch = Watch(Path(spec.calm))
    house = House(Path(spec.devices), config, Path(spec.config), SteppedClock(Path(spec.clock)), spec.meter_records)
    try:
        asyncio.run(play(config.state, seed=spec.seed, seconds=spec.seconds, sinks=None, stored_only=True, watch=watch, house=house))
    except StateError as error:
        print(error, file=sys.stderr)
        return UNUSABLE
    return 0 if watch.finished else UNFINISHED


if __name__ == "__main__":
    sys.exit(main(Spec(**json.loads(Path(sys.argv[1]).read_text()))))

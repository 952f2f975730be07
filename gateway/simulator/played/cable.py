"""The played device behind a cable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from drivers import MAIN, CableDriver, Silent
from drivers.kit.cable import Wire
from gateway.simulator.played.script import Script
from gateway.transports.cables.connection import CableConnection, Receiver
from gateway.transports.cables.plugs import Plugged
from gateway.transports.radio import Connection, OnFrame

PORT = "/dev/ttyUSB0"


def plugged_of(driver: CableDriver) -> Plugged:
    """How its plug looks; of a cable that may be anybody's, the first."""
    plug = next(iter(driver.plugs), None)
    vendor, product = (plug.usb if plug is not None and plug.usb else None) or (0xFFFF, 0xFFFF)
    classes = frozenset((plug.usb_class,)) if plug is not None and plug.usb_class is not None else frozenset[int]()
    nodes = (("tty", PORT), ("hidraw", "/dev/hidraw0"), ("scsi_generic", "/dev/sg0"))
    location = "tcp:127.0.0.1" if plug is not None and plug.network else "1-1"
    return Plugged(location, vendor, product, "PLAYED", classes=classes, nodes=nodes)


class PlayedCable(CableConnection):
    def __init__(self, script: Script, on_frame: OnFrame, on_lost: Callable[[], None]) -> None:
        self._script, self._receiver, self._turn = script, Receiver(on_frame, on_lost), 0
        self._read: dict[int, int] = {}
        self.characteristics = frozenset(script.characteristics) | {MAIN}
        asyncio.get_running_loop().call_soon(self._say, 0)

    def _say(self, turn: int) -> None:
        if turn < len(self._script.said):
            for _, data in self._script.said[turn]:
                self._receiver.frame(data)

    async def read(self, characteristic: int) -> bytes:
        known = self._script.reads.get(characteristic)
        if not known:
            raise Silent(f"the capture has nothing at {characteristic}")
        turn = self._read.get(characteristic, 0)
        self._read[characteristic] = turn + 1
        return known[min(turn, len(known) - 1)]

    async def write(self, characteristic: int, data: bytes) -> None:  # noqa: ARG002 - the driver has the order in its own hands
        self._turn += 1
        asyncio.get_running_loop().call_soon(self._say, self._turn)

    async def close(self) -> None:
        self._receiver.is_lost = True


class PlayedPorts:
    """One socket, with the device in it."""

    def __init__(self, plugged: Plugged, script: Script) -> None:
        self._plugged, self._script = plugged, script

    async def watch(self, on_plugged: Callable[[Plugged], None], on_unplugged: Callable[[str], None]) -> None:  # noqa: ARG002 - it stays
        if not self._plugged.location.startswith("tcp:"):
            on_plugged(self._plugged)
        await asyncio.get_running_loop().create_future()

    async def listen(self, on_plugged: Callable[[Plugged], None], on_unplugged: Callable[[str], None]) -> None:  # noqa: ARG002 - as above
        if self._plugged.location.startswith("tcp:"):
            on_plugged(self._plugged)

    async def connect(self, plugged: Plugged, wire: Wire, *, on_frame: OnFrame, on_lost: Callable[[], None]) -> Connection:  # noqa: ARG002 - there is one
        return PlayedCable(self._script, on_frame, on_lost)

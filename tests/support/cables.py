"""Virtual devices behind virtual cables, and a gateway that reads them: what is told is compared with what the devices know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from drivers import MAIN
from drivers.kit.cable import Wire
from gateway import registry
from gateway.app import Gateway
from gateway.clock import Clock
from gateway.config import Config
from gateway.transports.cables.connection import CableConnection, Receiver
from gateway.transports.cables.plugs import Plugged
from gateway.transports.cables.ports import Ports
from gateway.transports.radio import Connection, OnFrame
from tests.support.fakes import FakeClock, FakeRadio, until


class Device(Protocol):
    """What is at the other end. Sans-IO: octets in, frames out."""

    def begin(self) -> list[bytes]:
        """What it says when it is connected."""

    def receive(self, data: bytes) -> list[bytes]: ...


class Wired(CableConnection):
    """A cable that can be pulled: after so many frames, before or behind the last of them."""

    def __init__(self, device: Device, on_frame: OnFrame, on_lost: Callable[[], None], cut: int | None, *, before: bool) -> None:
        self._device, self._receiver = device, Receiver(on_frame, on_lost)
        self._cut, self._before = cut, before
        self.frames = 0
        self.written: list[bytes] = []
        blocks = getattr(device, "blocks", None)
        if blocks is not None:
            self.characteristics = frozenset(blocks)

    def begin(self) -> None:
        self._say(self._device.begin())

    def _say(self, frames: list[bytes]) -> None:
        for frame in frames:
            if self._receiver.is_lost:
                return
            self.frames += 1
            pulled = self._cut is not None and self.frames >= self._cut
            if not (pulled and self._before):
                self._receiver.frame(frame)
            if pulled:
                self._receiver.lost()

    async def read(self, characteristic: int) -> bytes:
        self.frames += characteristic in self.characteristics
        if characteristic not in self.characteristics or (self._cut is not None and self.frames >= self._cut):
            self._receiver.lost()
            raise _gone()
        found: bytes = self._device.read_block(characteristic)  # type: ignore[attr-defined]  # of disks and directories
        return found

    async def write(self, characteristic: int, data: bytes) -> None:
        if self._receiver.is_lost:
            raise _gone()
        self.written.append(data)
        if characteristic != MAIN or hasattr(self._device, "write_block"):
            self._device.write_block(characteristic, data)  # type: ignore[attr-defined]  # of disks
        else:
            asyncio.get_running_loop().call_soon(self._say, self._device.receive(data))

    async def close(self) -> None:
        self._receiver.is_lost = True


def _gone() -> Exception:
    from drivers import Silent  # noqa: PLC0415 - one line

    return Silent("the cable is gone")


@dataclass
class VirtualPorts:
    """`wires`: as the drivers declared them, by the connections made."""

    device: Device | None = None
    cut: int | None = None
    before: bool = False
    wires: list[Wire] = field(default_factory=list)
    connections: list[Wired] = field(default_factory=list)
    on_plugged: Callable[[Plugged], None] | None = None
    on_unplugged: Callable[[str], None] | None = None

    async def watch(self, on_plugged: Callable[[Plugged], None], on_unplugged: Callable[[str], None]) -> None:
        self.on_plugged, self.on_unplugged = on_plugged, on_unplugged
        await asyncio.get_running_loop().create_future()

    async def listen(self, on_plugged: Callable[[Plugged], None], on_unplugged: Callable[[str], None]) -> None:
        """Nobody connects by TCP here."""

    async def connect(self, plugged: Plugged, wire: Wire, *, on_frame: OnFrame, on_lost: Callable[[], None]) -> Connection:
        assert self.device is not None
        self.wires.append(wire)
        made = Wired(self.device, on_frame, on_lost, self.cut, before=self.before)
        self.connections.append(made)
        asyncio.get_running_loop().call_soon(made.begin)
        return made


@dataclass
class House:
    gateway: Gateway
    ports: VirtualPorts
    place: Path
    plugs: int = 0

    async def plug(self, device: Device, plugged: Plugged, *, cut: int | None = None, before: bool = False) -> dict[str, Any]:
        """Plug it in, have it read, pull it out: what the gateway says of it."""
        self.ports.device, self.ports.cut, self.ports.before = device, cut, before
        await until(lambda: self.ports.on_plugged is not None)
        assert self.ports.on_plugged is not None
        assert self.ports.on_unplugged is not None
        assert self.gateway.cabling is not None
        cabling = self.gateway.cabling
        self.ports.on_plugged(plugged)
        assert cabling.status()["plugged"], "no driver knows this plug"
        await until(lambda: cabling.status()["plugged"][0]["sessions"] > 0 and cabling.status()["plugged"][0]["state"] == "waiting", 20)
        said: dict[str, Any] = cabling.status()["plugged"][0]
        self.ports.on_unplugged(plugged.location)
        return said

    def things(self, *types: str) -> list[dict[str, Any]]:
        """The highest version of each, as the journal has it."""
        return sorted(
            (thing for thing in self._highest().values() if not types or thing["type"] in types), key=lambda thing: str(thing["when"])
        )

    def _highest(self) -> dict[str, dict[str, Any]]:
        import json  # noqa: PLC0415 - one line

        found: dict[str, dict[str, Any]] = {}
        for item in self.gateway.journal.after(0, 1_000_000):
            thing = json.loads(item.body)
            found[thing["id"]] = thing
        return found


@asynccontextmanager
async def house(place: Path, clock: Clock | None = None, real: Ports | None = None, **settings: Any) -> AsyncIterator[House]:
    """`settings`: tables of the configuration. `real`: in place of the virtual ports."""
    settings.setdefault("cables", {"idle_seconds": 0.2})
    config = Config.model_validate({"gateway": {"state": str(place / "state")}, **settings})
    ports = VirtualPorts()
    gateway = Gateway(config, registry.load(), FakeRadio(), clock or FakeClock(), ports=real or ports)
    task = asyncio.create_task(gateway.run())
    ready = asyncio.create_task(gateway.ready.wait())
    await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield House(gateway, ports, place)
    finally:
        gateway.stop()
        await task

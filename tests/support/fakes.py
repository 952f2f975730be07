"""A clock that stands still until told, and a radio of Python objects, for what needs no real stack."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any

from drivers import Advertisement, Refused, Silent, Why
from gateway.recovery import Step
from gateway.transports.radio import Connection, OnFrame, Seen

T0 = 1_773_471_600.0
"""2026-03-14 07:00:00 UTC."""


@dataclass
class FakeClock:
    time: float = T0
    boot: float = 100.0
    trusted: bool = True
    boot_name: str = "boot-1"

    def now(self) -> float:
        return self.time

    def boottime(self) -> float:
        return self.boot

    def boot_id(self) -> str:
        return self.boot_name

    def synchronized(self) -> bool:
        return self.trusted

    def zone(self) -> tzinfo | None:
        return UTC

    def pass_(self, seconds: float) -> None:
        self.time += seconds
        self.boot += seconds


@dataclass
class FakeDevice:
    """`script(device)` runs once the measurement is subscribed to; it may send, hang up, or be silent."""

    address: str
    services: frozenset[int | str]
    values: dict[int, bytes] = field(default_factory=dict)
    notifies: frozenset[int] = frozenset()
    script: Callable[[FakeDevice], Awaitable[None]] | None = None
    answers: Callable[[FakeDevice, int, bytes], Awaitable[None]] | None = None
    refuses_reads: bool = False
    written: list[tuple[int, bytes]] = field(default_factory=list)
    connections: int = 0
    paired: int = 0
    confirmed: list[bytes] = field(default_factory=list)
    on_frame: OnFrame | None = None
    on_lost: Callable[[], None] | None = None
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def send(self, characteristic: int, data: bytes) -> None:
        """An indication: confirmed if the gateway's side did not raise."""
        assert self.on_frame is not None
        self.on_frame(characteristic, data)
        self.confirmed.append(data)

    def hang_up(self) -> None:
        assert self.on_lost is not None
        self.on_lost()

    def seen(self) -> Seen:
        return Seen(Advertisement(address=self.address, local_name="fake", services=self.services), -40, self)


class FakeConnection:
    def __init__(self, device: FakeDevice) -> None:
        self._device, self._started = device, False

    @property
    def characteristics(self) -> frozenset[int]:
        return frozenset(self._device.values) | self._device.notifies

    async def read(self, characteristic: int) -> bytes:
        await asyncio.sleep(0)
        if self._device.refuses_reads:
            raise Refused(Why.NOT_PERMITTED)
        return self._device.values[characteristic]

    async def write(self, characteristic: int, data: bytes) -> None:
        self._device.written.append((characteristic, data))
        if self._device.answers is not None:
            self._device.tasks.append(asyncio.ensure_future(self._device.answers(self._device, characteristic, data)))

    async def subscribe(self, characteristic: int) -> None:
        await asyncio.sleep(0)
        if self._device.script is not None and not self._started:
            self._started = True
            self._device.tasks.append(asyncio.ensure_future(self._device.script(self._device)))

    async def wants_pairing(self) -> bool:
        return False

    async def pair(self) -> None:
        self._device.paired += 1

    async def close(self) -> None:
        for task in self._device.tasks:
            task.cancel()


class FakeRadio:
    def __init__(self, *devices: FakeDevice) -> None:
        self.devices = list(devices)
        self.unreachable: set[str] = set()
        self.scanning: Callable[[Seen], None] | None = None
        self.released: list[set[str]] = []
        self.steps: list[Step] = []
        self.closed = False

    async def release(self, addresses: Collection[str]) -> None:
        self.released.append(set(addresses))

    async def scan(self, on_seen: Callable[[Seen], None]) -> None:
        self.scanning = on_seen
        await asyncio.Event().wait()

    async def rest(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def recover(self, step: Step) -> None:
        self.steps.append(step)

    async def forget(self, address: str) -> bool:
        return address in {device.address for device in self.devices}

    async def close(self) -> None:
        self.closed = True

    async def connect(self, seen: Seen, *, on_frame: OnFrame, on_lost: Callable[[], None], timeout: float) -> Connection:  # noqa: ASYNC109 - the port's signature
        device: FakeDevice = seen.handle
        if device.address in self.unreachable:
            raise Silent("no connection: out of reach")
        device.connections += 1
        device.on_frame, device.on_lost = on_frame, on_lost
        return FakeConnection(device)


async def until(condition: Callable[[], Any], seconds: float = 30.0) -> None:
    """Let the loop run until `condition` holds. Raises `TimeoutError`, and so fails its test, if it does not in time."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - any condition, not an event
            await asyncio.sleep(0.005)

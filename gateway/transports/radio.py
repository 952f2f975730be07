"""The port through which the gateway sees a radio: scan, connect, read, write, subscribe, pair."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol

from drivers import Advertisement
from gateway.recovery import Step

OnFrame = Callable[[int, bytes], None]
"""Characteristic and octets, called before the device learns that its indication has arrived, where the stack permits."""


@dataclass(frozen=True, slots=True)
class Seen:
    advertisement: Advertisement
    rssi: int | None
    handle: Any
    """What the radio needs to connect."""


class Connection(Protocol):
    """Raises `DeviceError` for what the device does, nothing else."""

    @property
    def characteristics(self) -> frozenset[int]:
        """All that the device has, as `profiles.gatt.identifier` calls them."""

    async def read(self, characteristic: int) -> bytes: ...

    async def write(self, characteristic: int, data: bytes) -> None: ...

    async def subscribe(self, characteristic: int) -> None: ...

    async def wants_pairing(self) -> bool:
        """Whether a bond that was there is to be made anew before anything else."""

    async def pair(self) -> None:
        """At the owner's word, before the device asks for it."""

    async def close(self) -> None: ...


class Connect(Protocol):
    """Makes a connection to a device that was chosen before."""

    async def __call__(self, *, on_frame: OnFrame, on_lost: Callable[[], None]) -> Connection:
        """Raises `DeviceError`."""


class Radio(Protocol):
    async def release(self, addresses: Collection[str]) -> None:
        """Close the connections to these devices that an earlier life of the gateway has left to the stack."""

    async def scan(self, on_seen: Callable[[Seen], None]) -> None:
        """Report every advertisement until cancelled. Raises `AdapterError`."""

    async def connect(self, seen: Seen, *, on_frame: OnFrame, on_lost: Callable[[], None], timeout: float) -> Connection:  # noqa: ASYNC109 - the libraries below take it
        """Raises `DeviceError`."""

    async def rest(self, seconds: float) -> None:
        """Wait so long before the next scan, or until an adapter that had gone has come back."""

    async def recover(self, step: Step) -> None:
        """Raises `AdapterError` with what stands in the way."""

    async def forget(self, address: str) -> bool:
        """Remove what the stack keeps of a device, its bond first of all; whether there was anything. Raises `AdapterError`."""

    async def close(self) -> None: ...

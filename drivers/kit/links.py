"""Links: what a driver may do to its device. The gateway owns the real ones, a capture can stand in for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from profiles.adv.sighting import Sealed


@dataclass(frozen=True, slots=True)
class Frame:
    """What came from the device, as it came. `position` is its place in the capture."""

    characteristic: int
    data: bytes
    received: float
    """Seconds since 1970, UTC, by the gateway's clock."""
    boottime: float
    """Seconds since the gateway booted."""
    position: int


@dataclass(frozen=True, slots=True)
class Policy:
    """What the owner permits beyond reading."""

    set_clock: bool = False
    forget: bool = False
    """Delete records from the device once they are safe in the journal."""
    consent: Mapping[int, int] = field(default_factory=dict)
    """User of the device to the consent code, without which it keeps his data to itself."""
    register: int | None = None
    """The consent code for a user of our own, should the device have none that we know; None: do not register any."""
    bindkey: str | None = None
    """Hexadecimal: opens what the device encrypts in its advertisements, or answers when it asks who we are."""

    def stored(self) -> dict[str, Any]:
        """For a capture."""
        consent = {str(user): code for user, code in self.consent.items()}
        said = {"set_clock": self.set_clock, "forget": self.forget, "consent": consent, "register": self.register, "bindkey": self.bindkey}
        return {name: value for name, value in said.items() if value not in (None, {})}

    @classmethod
    def restored(cls, said: Mapping[str, Any]) -> Policy:
        consent = {int(user): code for user, code in said.get("consent", {}).items()}
        return cls(said.get("set_clock", False), said.get("forget", False), consent, said.get("register"), said.get("bindkey"))


class GattLink(Protocol):
    """A connection to one device over Bluetooth GATT. Timeouts and retries are its owner's, not the driver's.

    Every method may raise a `DeviceError`.
    """

    @property
    def mark(self) -> Mapping[str, Any]:
        """What the driver last put into a batch's `mark` for this device; empty at first contact."""

    @property
    def policy(self) -> Policy: ...

    def has(self, characteristic: int) -> bool: ...

    async def read(self, characteristic: int) -> Frame: ...

    async def write(self, characteristic: int, data: bytes) -> None:
        """With response. Refused (`NotAllowed`) unless the driver's allow-list has the command."""

    async def subscribe(self, *characteristics: int) -> None:
        """Switch on notifications or indications. Those that the device lacks are passed over."""

    async def receive(self, patience: float = 0.0) -> Frame | None:
        """The next notification or indication; None when the device has been silent for long enough, or is gone. `patience`: seconds that
        this device may be silent without being done, by its own word.
        """

    def unseal(self, sealed: Sealed) -> bytes:
        """What the device encrypted in its advertisement, by the key that the owner gave. Raises `Locked`."""

    def encipher(self, block: bytes) -> bytes:
        """AES-128 of sixteen octets by the key that the owner gave (`bindkey`), for devices that ask who we are. Raises `Refused` without
        one. In a replay, which sends nothing, any octets.
        """

    def reject(self, frame: Frame, error: Exception) -> None:
        """Set a frame aside that cannot be read. The conversation goes on."""

    def now(self) -> datetime:
        """The hub's local time, for setting clocks. In a replay: the time of the frame last seen."""

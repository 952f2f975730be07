"""How a driver declares itself. A driver file ends in one constant: `DRIVER = …`; the registry finds it."""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Self

from drivers.kit.links import Frame, GattLink
from drivers.kit.readings import Batch, Reading
from profiles.adv.sighting import Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Advertisement:
    """What is known of a device before anyone connects. Services are 16-bit identifiers or 128-bit texts."""

    address: str
    local_name: str | None = None
    services: frozenset[int | str] = frozenset()
    companies: frozenset[int] = frozenset()
    service_data: Mapping[int, bytes] = field(default_factory=dict)
    """By 16-bit identifier."""
    manufacturer_data: Mapping[int, bytes] = field(default_factory=dict)

    @property
    def sighting(self) -> Sighting:
        return Sighting(
            address=self.address, name=self.local_name, service_data=self.service_data, manufacturer_data=self.manufacturer_data
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """All that is given must hold; the driver that gives more wins; a tie is an error that names both files. Without any it is read only
    where the configuration names the driver.
    """

    service: int | str | tuple[int | str, ...] | None = None
    """One, or any of several: a scale may be known by either of its services."""
    local_name: str | None = None
    """With shell wildcards: `A&D_UA-651BLE_*`."""
    company: int | None = None

    @property
    def services(self) -> frozenset[int | str]:
        if self.service is None:
            return frozenset()
        return frozenset(self.service if isinstance(self.service, tuple) else (self.service,))

    @property
    def weight(self) -> int:
        return sum(value is not None for value in (self.service, self.local_name, self.company))

    def explain(self, seen: Advertisement) -> dict[str, bool]:
        """Each given field, and whether it holds."""
        held: dict[str, bool] = {}
        if self.service is not None:
            held["service"] = not seen.services.isdisjoint(self.services)
        if self.local_name is not None:
            held["local_name"] = seen.local_name is not None and fnmatch.fnmatchcase(seen.local_name, self.local_name)
        if self.company is not None:
            held["company"] = self.company in seen.companies
        return held

    def holds(self, seen: Advertisement) -> bool:
        """As `explain`, which says more and takes longer: asked for each advertisement in the air."""
        if self.service is None and self.local_name is None and self.company is None:
            return False
        if self.company is not None and self.company not in seen.companies:
            return False
        if self.local_name is not None and (seen.local_name is None or not fnmatch.fnmatchcase(seen.local_name, self.local_name)):
            return False
        return self.service is None or not seen.services.isdisjoint(self.services)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """For devices that nobody connects to: whose advertisements are read by the driver. The link of such a session has one frame, the
    advertisement.
    """

    seconds: Callable[[Sighting], float | None]
    """How many to let pass between two of them (0: each that differs from the one before); None: this one is not read."""
    services: tuple[int, ...] = ()
    """It has service data of one of these, or …"""
    companies: tuple[int, ...] = ()
    """… manufacturer data: an advertisement without either is not shown to the driver."""


@dataclass(frozen=True, slots=True)
class Command:
    """A write that the driver may do: to this characteristic, beginning with these octets.

    For a cable: to this channel. `prefix` may be a text of hexadecimal octets, `??` for one that may be any: `02 ?? ?? 05 0D 02`.
    """

    characteristic: int
    prefix: bytes | str = b""
    forgets: bool = False
    """The device may forget a record by it: the link makes sure of what was received before it is sent."""
    changes: bool = False
    """It changes the device, such as its clock."""
    registers: bool = False
    """It makes a new user on the device."""
    confirms: bool = False
    """It tells the device that a record has arrived, which may forget it then by itself: what was received is on disk before."""

    @property
    def octets(self) -> tuple[int | None, ...]:
        """None: any."""
        if isinstance(self.prefix, bytes):
            return tuple(self.prefix)
        return _pattern(self.prefix)

    def fits(self, data: bytes) -> bool:
        wanted = self.octets
        return len(data) >= len(wanted) and all(one is None or one == octet for one, octet in zip(wanted, data, strict=False))

    @property
    def weight(self) -> int:
        return sum(octet is not None for octet in self.octets)


@lru_cache(maxsize=1024)
def _pattern(text: str) -> tuple[int | None, ...]:
    joined = text.replace(" ", "")
    pairs = [joined[at : at + 2] for at in range(0, len(joined), 2)]
    return tuple(None if pair == "??" else int(pair, 16) for pair in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """What all drivers declare."""

    name: str
    label: str
    commands: tuple[Command, ...] = ()
    streams: bool = False
    """It sends for as long as it is used, and the driver gives out what it has as it goes: a session may last for hours."""

    def variant(self, **changes: Any) -> Self:
        """This driver, but for the difference."""
        return dataclasses.replace(self, **changes)

    def allowed(self, characteristic: int, data: bytes) -> Command | None:
        """The entry of the allow-list for this write; the one that says most counts."""
        fitting = [command for command in self.commands if command.characteristic == characteristic and command.fits(data)]
        return max(fitting, key=lambda command: command.weight, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class GattDriver(Driver):
    match: Match
    read: Callable[[GattLink], AsyncGenerator[Batch]]
    """Replayable: the same frames and clock give the same readings. Not to yield inside `try` or `async with`."""
    hears: Hearing | None = None
    tells: Callable[[Frame], Iterable[Reading]] | None = None
    """What one record or message says by itself, outside of any conversation: for whoever has only that (`replay --frames`). Raises
    `DecodeError`.
    """

"""Scales that say their reading in an advertisement of their own form.

Source: for each form, the captures of other people's programs (OpenMQTTGateway's decoder, openScale, Home Assistant's integrations); the
makers publish nothing. A flag that no capture shows is not named.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import IntFlag
from typing import Annotated, Any

from profiles.times import DATE_TIME, DateTime
from profiles.wire import REST, S16, U8, U16, Int, Layout, Octets


class BigEndian(Int):
    """An unsigned integer, most significant octet first."""

    def expression(self, names: list[str], env: dict[str, Any]) -> str:  # noqa: ARG002 - the others need it
        return f"({names[0]} >> 8 | ({names[0]} & 0xFF) << 8)"

    def write(self, value: int) -> bytes:
        return int(value).to_bytes(2, "big")


U16_BE = BigEndian("H")


class _Mass:
    """`weight` and `unit` out of a raw number whose step depends on the unit."""

    __slots__ = ()
    flags: IntFlag
    raw_weight: int

    def _is(self, name: str) -> bool:
        return bool(self.flags & type(self.flags)[name])

    @property
    def unit(self) -> str:
        """UCUM; the Chinese catty, half a kg, has no code there."""
        return "[lb_av]" if self._is("POUND") else "{catty}" if self._is("CATTY") else "kg"

    @property
    def weight(self) -> Decimal:
        return self.raw_weight * (Decimal("0.005") if self.unit == "kg" else Decimal("0.01"))

    @property
    def stabilized(self) -> bool:
        return self._is("STABILIZED")

    @property
    def weight_removed(self) -> bool:
        return self._is("WEIGHT_REMOVED")


class MiFlags(IntFlag):
    POUND = 0x01
    CATTY = 0x10
    STABILIZED = 0x20
    OBJECT = 0x40
    WEIGHT_REMOVED = 0x80


@dataclass(frozen=True, slots=True)
class MiScale(_Mass, Layout):
    """Xiaomi Mi Smart Scale (version 1), service data 181D, which has nothing to do with the Weight Scale Service."""

    derived = ("weight", "unit", "stabilized", "weight_removed", "weighing_mode")

    flags: Annotated[MiFlags, U8]
    raw_weight: Annotated[int, U16]
    timestamp: Annotated[DateTime, DATE_TIME]

    @property
    def weighing_mode(self) -> str:
        return "object" if self.flags & MiFlags.OBJECT else "person"


class MiBodyFlags(IntFlag):
    POUND = 0x0001
    CATTY = 0x0010
    IMPEDANCE = 0x0200
    STABILIZED = 0x2000
    WEIGHT_REMOVED = 0x8000


@dataclass(frozen=True, slots=True)
class MiBodyScale(_Mass, Layout):
    """Xiaomi Mi Body Composition Scale (version 2), service data 181B."""

    derived = ("weight", "unit", "stabilized", "weight_removed", "impedance_present", "impedance")

    flags: Annotated[MiBodyFlags, U16]
    timestamp: Annotated[DateTime, DATE_TIME]
    raw_impedance: Annotated[int, U16]
    raw_weight: Annotated[int, U16]

    @property
    def impedance_present(self) -> bool:
        return bool(self.flags & MiBodyFlags.IMPEDANCE)

    @property
    def impedance(self) -> int | None:
        """In ohm."""
        return self.raw_impedance if self.impedance_present else None


class OkokFlags(IntFlag):
    STABILIZED = 0x01
    DECIMALS = 0x06
    UNIT = 0x18


_DECIMALS = {0: 1, 1: 0, 2: 2}
_UNITS = {0: "kg", 1: "{catty}", 2: "[lb_av]"}


@dataclass(frozen=True, slots=True)
class OkokScale(Layout):
    """Scales of Chipsea's "OKOK" (Xiaogui TZC4, QJ-J): company xxC0, of which xx counts. The rest is the device's address."""

    derived = ("weight", "unit", "impedance", "stabilized")

    raw_weight: Annotated[int, U16_BE]
    raw_impedance: Annotated[int, U16_BE]
    product: Annotated[int, U16_BE]
    flags: Annotated[OkokFlags, U8]
    address: Annotated[bytes, Octets(6)]

    @property
    def weight(self) -> Decimal:
        return Decimal(self.raw_weight).scaleb(-_DECIMALS.get(int(self.flags & OkokFlags.DECIMALS) >> 1, 1))

    @property
    def unit(self) -> str:
        return _UNITS.get(int(self.flags & OkokFlags.UNIT) >> 3, "kg")

    @property
    def impedance(self) -> Decimal | None:
        """In ohm."""
        return Decimal(self.raw_impedance) / 10 if self.raw_impedance else None

    @property
    def stabilized(self) -> bool:
        return bool(self.flags & OkokFlags.STABILIZED)

    def problem(self) -> tuple[str, str] | None:
        if int(self.flags & OkokFlags.UNIT) >> 3 not in _UNITS:
            return "flags", "stones and pounds in one number are not known well enough to be read"
        return None


class SenssunFlags(IntFlag):
    STABILIZED = 0x01


@dataclass(frozen=True, slots=True)
class SenssunScale(Layout):
    """Senssun IF_B7, manufacturer data behind its address."""

    derived = ("weight", "impedance", "stabilized")

    head: Annotated[bytes, Octets(3)]
    address: Annotated[bytes, Octets(6)]
    kind: Annotated[int, U8]
    raw_weight: Annotated[int, U16_BE]
    raw_impedance: Annotated[int, U16_BE]
    flags: Annotated[SenssunFlags, U8]
    rest: Annotated[bytes, REST]

    @property
    def weight(self) -> Decimal:
        """In kg."""
        return Decimal(self.raw_weight) / 100

    @property
    def impedance(self) -> int | None:
        """In ohm."""
        return self.raw_impedance or None

    @property
    def stabilized(self) -> bool:
        return bool(self.flags & SenssunFlags.STABILIZED)


class AmazfitFlags(IntFlag):
    STABILIZED = 0x20
    WEIGHT_REMOVED = 0x80


@dataclass(frozen=True, slots=True)
class AmazfitScale(Layout):
    """Amazfit Smart Scale, service data FEE0. Impedance in ohm, weight in kg, the moment in seconds since 1970.

    Another program takes the seconds' highest octet for a heart rate: 104 a minute, through most of 2025.
    """

    derived = ("stabilized",)

    flags: Annotated[AmazfitFlags, U8]
    unknown: Annotated[bytes, Octets(4)]
    impedance: Annotated[Decimal, U16 / 10]
    weight: Annotated[Decimal, U16 / 200]
    seconds: Annotated[int, Int("I")]
    rest: Annotated[bytes, REST]

    @property
    def stabilized(self) -> bool:
        return bool(self.flags & AmazfitFlags.STABILIZED)


LAICA_MASK = 0xA0


@dataclass(frozen=True, slots=True)
class LaicaScale(Layout):
    """Laica (AAA002), company A0AC: its address backwards, then six octets under a mask, the weight in g in the low 18 bits of three."""

    derived = ("weight",)

    address: Annotated[bytes, Octets(6)]
    counter: Annotated[int, U8]
    masked: Annotated[bytes, Octets(3)]
    kind: Annotated[int, U8]
    checksum: Annotated[int, U8]

    @property
    def weight(self) -> Decimal:
        """In kg."""
        grams = int.from_bytes(bytes(octet ^ LAICA_MASK for octet in self.masked), "big") & 0x3FFFF
        return Decimal(grams) / 1000

    def problem(self) -> tuple[str, str] | None:
        kind = self.kind ^ LAICA_MASK
        return None if kind == LAICA_WEIGHT else ("kind", f"{kind:#x} is no weight")


LAICA_WEIGHT = 0xAD


@dataclass(frozen=True, slots=True)
class SkaleScale(Layout):
    """Skale, a kitchen scale: weight in g. No person stands on it, and no driver reads it."""

    weight: Annotated[Decimal, S16 / 10]
    rest: Annotated[bytes, REST]

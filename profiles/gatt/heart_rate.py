"""Heart Rate Service, 0x180D. Source: HRS 1.0 and the GATT Specification Supplement."""

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum, IntFlag
from typing import Annotated

from profiles.wire import U8, U16, Choice, Layout, Repeated

SERVICE = 0x180D


class Flags(IntFlag):
    RATE_16_BIT = 0x01
    SENSOR_CONTACT_DETECTED = 0x02
    SENSOR_CONTACT_SUPPORTED = 0x04
    ENERGY_EXPENDED = 0x08
    RR_INTERVALS = 0x10


class SensorLocation(IntEnum):
    OTHER = 0
    CHEST = 1
    WRIST = 2
    FINGER = 3
    HAND = 4
    EAR_LOBE = 5
    FOOT = 6


class Command(IntEnum):
    RESET_ENERGY_EXPENDED = 1


@dataclass(frozen=True, slots=True)
class HeartRateMeasurement(Layout):
    """HRS 3.1. Beats per minute, kilojoule, and the intervals between beats in seconds, oldest first."""

    uuid = 0x2A37
    derived = ("sensor_contact",)

    flags: Annotated[Flags, U8]
    heart_rate: Annotated[int, Choice(Flags.RATE_16_BIT, unset=U8, set=U16)]
    energy_expended: Annotated[int | None, U16, Flags.ENERGY_EXPENDED] = None
    rr_intervals: Annotated[tuple[Decimal, ...] | None, Repeated(U16 / 1024), Flags.RR_INTERVALS] = None

    @property
    def sensor_contact(self) -> str:
        if not self.flags & Flags.SENSOR_CONTACT_SUPPORTED:
            return "not_supported"
        return "detected" if self.flags & Flags.SENSOR_CONTACT_DETECTED else "not_detected"


@dataclass(frozen=True, slots=True)
class BodySensorLocation(Layout):
    uuid = 0x2A38

    location: Annotated[SensorLocation | int, U8]


@dataclass(frozen=True, slots=True)
class HeartRateControlPoint(Layout):
    uuid = 0x2A39

    command: Annotated[Command | int, U8]

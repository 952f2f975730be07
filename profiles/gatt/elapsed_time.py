"""Elapsed Time Service, 0x183F. Source: ETS 1.0 and the GATT Specification Supplement (Elapsed Time).

A clock or a tick counter. Clocks count from 2000-01-01, in the unit that their flags say, in UTC or in local time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import IntEnum, IntFlag
from typing import Annotated, Any

from profiles.times import DateTime
from profiles.wire import S8, U8, Layout, Wire

SERVICE = 0x183F
EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 - local or UTC, as the flags say
QUARTERS_TO_MINUTES = 15


class Flags(IntFlag):
    TICK_COUNTER = 0x01
    UTC = 0x02
    RESOLUTION = 0x0C
    OFFSET_USED = 0x10
    CURRENT_TIMELINE = 0x20


class Resolution(IntEnum):
    SECOND = 0
    HUNDRED_MILLISECONDS = 1
    MILLISECOND = 2
    HUNDRED_MICROSECONDS = 3


UNITS = {
    Resolution.SECOND: Decimal(1),
    Resolution.HUNDRED_MILLISECONDS: Decimal("0.1"),
    Resolution.MILLISECOND: Decimal("0.001"),
    Resolution.HUNDRED_MICROSECONDS: Decimal("0.0001"),
}


class SyncSource(IntEnum):
    UNKNOWN = 0
    NETWORK_TIME_PROTOCOL = 1
    GPS = 2
    RADIO_TIME_SIGNAL = 3
    MANUAL = 4
    ATOMIC_CLOCK = 5
    CELLULAR_NETWORK = 6
    NOT_SYNCHRONIZED = 7


class _Int48(Wire):
    fmt, size = "IH", 6

    def expression(self, names: list[str], env: dict[str, Any]) -> str:  # noqa: ARG002 - the others need it
        return f"({names[0]} | {names[1]} << 32)"

    def write(self, value: int) -> bytes:
        return value.to_bytes(6, "little")


U48 = _Int48()


class Elapsed:
    """What the time stamps of this service have in common."""

    __slots__ = ()
    flags: Flags
    time_value: int
    offset: int

    @property
    def tick_counter(self) -> bool:
        return bool(self.flags & Flags.TICK_COUNTER)

    @property
    def resolution(self) -> Resolution:
        return Resolution(int(self.flags & Flags.RESOLUTION) >> 2)

    @property
    def seconds(self) -> Decimal:
        """Since 2000-01-01, or since the counter began."""
        return self.time_value * UNITS[self.resolution]

    @property
    def local_time(self) -> DateTime | None:
        """What a clock on the wall shows; None for a tick counter and for UTC without an offset."""
        if self.tick_counter or (self.flags & Flags.UTC and not self.flags & Flags.OFFSET_USED):
            return None
        minutes = self.offset * QUARTERS_TO_MINUTES if self.flags & Flags.UTC else 0
        try:
            return DateTime.of(EPOCH + timedelta(seconds=int(self.seconds), minutes=minutes))
        except OverflowError:
            return None

    @property
    def offset_minutes(self) -> int | None:
        """From UTC, daylight saving included."""
        return self.offset * QUARTERS_TO_MINUTES if self.flags & Flags.OFFSET_USED else None


@dataclass(frozen=True, slots=True)
class ElapsedTime(Elapsed, Layout):
    """The time stamp inside an observation, and what is written to set a clock."""

    derived = ("tick_counter", "resolution", "seconds", "local_time", "offset_minutes")

    flags: Annotated[Flags, U8]
    time_value: Annotated[int, U48]
    sync_source: Annotated[SyncSource | int, U8]
    offset: Annotated[int, S8]


class ClockStatus(IntFlag):
    NEEDS_TO_BE_SET = 0x01


class ClockCapabilities(IntFlag):
    APPLIES_DST = 0x01
    MANAGES_TIME_ZONE = 0x02


@dataclass(frozen=True, slots=True)
class CurrentElapsedTime(Elapsed, Layout):
    """ETS 3.1, as read and indicated; what is written ends before the status."""

    uuid = 0x2BF2
    derived = ("tick_counter", "resolution", "seconds", "local_time", "offset_minutes")

    flags: Annotated[Flags, U8]
    time_value: Annotated[int, U48]
    sync_source: Annotated[SyncSource | int, U8]
    offset: Annotated[int, S8]
    clock_status: Annotated[ClockStatus, U8]
    clock_capabilities: Annotated[ClockCapabilities, U8]

"""Current Time Service, 0x1805, and the time characteristics it is made of. Source: CTS 1.1, GATT Specification Supplement."""

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum, IntFlag
from typing import Annotated

from profiles.times import DATE_TIME, DateTime
from profiles.wire import S8, U8, Checked, Layout

SERVICE = 0x1805


DAY_OF_WEEK = Checked("B", range(8), "day of the week: 1 Monday to 7 Sunday, 0 unknown")
HOURS_SINCE_UPDATE = Checked("B", {*range(24), 255}, "number of hours since an update: 0 to 23, or 255")


class AdjustReason(IntFlag):
    MANUAL_TIME_UPDATE = 0x01
    EXTERNAL_REFERENCE_TIME_UPDATE = 0x02
    CHANGE_OF_TIME_ZONE = 0x04
    CHANGE_OF_DST = 0x08


class DstOffset(IntEnum):
    STANDARD_TIME = 0
    HALF_AN_HOUR_DAYLIGHT_TIME = 2
    DAYLIGHT_TIME = 4
    DOUBLE_DAYLIGHT_TIME = 8
    UNKNOWN = 255


class TimeSource(IntEnum):
    UNKNOWN = 0
    NETWORK_TIME_PROTOCOL = 1
    GPS = 2
    RADIO_TIME_SIGNAL = 3
    MANUAL = 4
    ATOMIC_CLOCK = 5
    CELLULAR_NETWORK = 6
    NOT_SYNCHRONIZED = 7


ZONE_UNKNOWN = -128


def _zone_minutes(quarters: int) -> int | None:
    return None if quarters == ZONE_UNKNOWN else quarters * 15


def _dst_minutes(code: DstOffset | int) -> int | None:
    return code * 15 if isinstance(code, DstOffset) and code is not DstOffset.UNKNOWN else None


@dataclass(frozen=True, slots=True)
class DateTimeValue(Layout):
    """The Date Time characteristic; several meters show and take their clock through it."""

    uuid = 0x2A08
    exact = True

    datetime: Annotated[DateTime, DATE_TIME]


@dataclass(frozen=True, slots=True)
class DayDateTime(Layout):
    uuid = 0x2A0A
    exact = True

    datetime: Annotated[DateTime, DATE_TIME]
    day_of_week: Annotated[int, DAY_OF_WEEK]


@dataclass(frozen=True, slots=True)
class ExactTime256(Layout):
    uuid = 0x2A0C
    exact = True

    datetime: Annotated[DateTime, DATE_TIME]
    day_of_week: Annotated[int, DAY_OF_WEEK]
    fractions256: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class DstOffsetValue(Layout):
    uuid = 0x2A0D
    derived = ("minutes",)

    offset: Annotated[DstOffset | int, U8]

    @property
    def minutes(self) -> int | None:
        return _dst_minutes(self.offset)


@dataclass(frozen=True, slots=True)
class TimeZone(Layout):
    """Quarters of an hour from UTC, without daylight saving; -128 is unknown."""

    uuid = 0x2A0E
    derived = ("minutes",)

    quarters: Annotated[int, S8]

    @property
    def minutes(self) -> int | None:
        return _zone_minutes(self.quarters)


@dataclass(frozen=True, slots=True)
class LocalTimeInformation(Layout):
    uuid = 0x2A0F
    derived = ("utc_offset_minutes", "dst_offset_minutes")

    time_zone: Annotated[int, S8]
    dst_offset: Annotated[DstOffset | int, U8]

    @property
    def utc_offset_minutes(self) -> int | None:
        """Of standard time; daylight saving comes on top."""
        return _zone_minutes(self.time_zone)

    @property
    def dst_offset_minutes(self) -> int | None:
        return _dst_minutes(self.dst_offset)


@dataclass(frozen=True, slots=True)
class ReferenceTimeInformation(Layout):
    """Accuracy in eighths of a second, 254 for more, 255 unknown; 255 days or hours mean "255 days or more"."""

    uuid = 0x2A14

    source: Annotated[TimeSource | int, U8]
    accuracy: Annotated[int, U8]
    days_since_update: Annotated[int, U8]
    hours_since_update: Annotated[int, HOURS_SINCE_UPDATE]


@dataclass(frozen=True, slots=True)
class CurrentTime(Layout):
    """CTS 3.1: what the device's clock shows, and why it was last changed."""

    uuid = 0x2A2B

    datetime: Annotated[DateTime, DATE_TIME]
    day_of_week: Annotated[int, DAY_OF_WEEK]
    fractions256: Annotated[int, U8]
    adjust_reason: Annotated[AdjustReason, U8]

    @property
    def fraction(self) -> Decimal:
        """Of a second."""
        return Decimal(self.fractions256) / 256

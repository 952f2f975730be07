"""User Data Service, 0x181C: what a device knows of its users. Source: UDS 1.1, 3.1, and the GATT Specification Supplement.

The conversation by which a user is registered and consents is in `user_control`.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import Annotated

from profiles.gatt.device_information import Text
from profiles.wire import U8, U16, U32, Checked, Layout

SERVICE = 0x181C
UNKNOWN_USER = 0xFF


MONTHS, DAYS = 12, 31


@dataclass(frozen=True, slots=True)
class _Date(Layout):
    """Base of the dates. 0 for a part that is not known."""

    year: Annotated[int, U16]
    month: Annotated[int, U8]
    day: Annotated[int, U8]

    def problem(self) -> tuple[str, str] | None:
        if self.month > MONTHS:
            return "month", f"there is no month {self.month}"
        return ("day", f"there is no day {self.day}") if self.day > DAYS else None


class FirstName(Text):
    __slots__ = ()
    uuid = 0x2A8A


class LastName(Text):
    __slots__ = ()
    uuid = 0x2A90


class MiddleName(Text):
    __slots__ = ()
    uuid = 0x2B48


class EmailAddress(Text):
    __slots__ = ()
    uuid = 0x2A87


class Language(Text):
    """ISO 639-1."""

    __slots__ = ()
    uuid = 0x2AA2


@dataclass(frozen=True, slots=True)
class Age(Layout):
    uuid = 0x2A80

    years: Annotated[int, U8]


class DateOfBirth(_Date):
    __slots__ = ()
    uuid = 0x2A85


class DateOfThresholdAssessment(_Date):
    __slots__ = ()
    uuid = 0x2A86


class GenderCode(IntEnum):
    MALE = 0
    FEMALE = 1
    UNSPECIFIED = 2


@dataclass(frozen=True, slots=True)
class Gender(Layout):
    uuid = 0x2A8C

    gender: Annotated[GenderCode, Checked("B", range(3), "gender of the supplement")]


@dataclass(frozen=True, slots=True)
class Weight(Layout):
    """In kg."""

    uuid = 0x2A98

    weight: Annotated[Decimal, U16 / 200]


@dataclass(frozen=True, slots=True)
class Height(Layout):
    """In m."""

    uuid = 0x2A8E

    height: Annotated[Decimal, U16 / 100]


@dataclass(frozen=True, slots=True)
class HighResolutionHeight(Layout):
    """In m."""

    uuid = 0x2B47

    height: Annotated[Decimal, U16 / 10000]


@dataclass(frozen=True, slots=True)
class HipCircumference(Layout):
    """In m."""

    uuid = 0x2A8F

    circumference: Annotated[Decimal, U16 / 100]


@dataclass(frozen=True, slots=True)
class WaistCircumference(Layout):
    """In m."""

    uuid = 0x2A97

    circumference: Annotated[Decimal, U16 / 100]


@dataclass(frozen=True, slots=True)
class StrideLength(Layout):
    """In m."""

    uuid = 0x2B49

    length: Annotated[Decimal, U16 / 1000]


@dataclass(frozen=True, slots=True)
class VO2Max(Layout):
    """In mL per kg and minute."""

    uuid = 0x2A96

    vo2_max: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class _Rate(Layout):
    """Base of the heart rates, in beats per minute."""

    rate: Annotated[int, U8]


class HeartRateMax(_Rate):
    __slots__ = ()
    uuid = 0x2A8D


class RestingHeartRate(_Rate):
    __slots__ = ()
    uuid = 0x2A92


class MaximumRecommendedHeartRate(_Rate):
    __slots__ = ()
    uuid = 0x2A91


class AerobicThreshold(_Rate):
    __slots__ = ()
    uuid = 0x2A7F


class AnaerobicThreshold(_Rate):
    __slots__ = ()
    uuid = 0x2A83


class AerobicHeartRateLowerLimit(_Rate):
    __slots__ = ()
    uuid = 0x2A7E


class AerobicHeartRateUpperLimit(_Rate):
    __slots__ = ()
    uuid = 0x2A84


class AnaerobicHeartRateLowerLimit(_Rate):
    __slots__ = ()
    uuid = 0x2A81


class AnaerobicHeartRateUpperLimit(_Rate):
    __slots__ = ()
    uuid = 0x2A82


class FatBurnHeartRateLowerLimit(_Rate):
    __slots__ = ()
    uuid = 0x2A88


class FatBurnHeartRateUpperLimit(_Rate):
    __slots__ = ()
    uuid = 0x2A89


@dataclass(frozen=True, slots=True)
class TwoZoneHeartRateLimits(Layout):
    uuid = 0x2A95

    fat_burn_fitness: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class ThreeZoneHeartRateLimits(Layout):
    uuid = 0x2A94

    light_moderate: Annotated[int, U8]
    moderate_hard: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class FiveZoneHeartRateLimits(Layout):
    uuid = 0x2A8B

    very_light_light: Annotated[int, U8]
    light_moderate: Annotated[int, U8]
    moderate_hard: Annotated[int, U8]
    hard_maximum: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class SportType(Layout):
    uuid = 0x2A93

    sport: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class DatabaseChangeIncrement(Layout):
    uuid = 0x2A99

    change_increment: Annotated[int, U32]


@dataclass(frozen=True, slots=True)
class UserIndex(Layout):
    """Whose data the device shows now; 0xFF: nobody's yet."""

    uuid = 0x2A9A

    user_index: Annotated[int, U8]

"""User Data Service, 0x181C: what a device knows of its users. Source: UDS 1.1, 3.1, and the GATT Specification Supplement.

The conversation by which a user is registered and consents is in `user_control`.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import Annotated

from profiles.wire import TEXT, U8, U16, U32, Checked, Layout

SERVICE = 0x181C
UNKNOWN_USER = 0xFF


MONTHS, DAYS = 12, 31


class _Date(Layout):
    """Base of the dates. 0 for a part that is not known."""

    __slots__ = ()
    month: int
    day: int

    def problem(self) -> tuple[str, str] | None:
        if self.month > MONTHS:
            return "month", f"there is no month {self.month}"
        return ("day", f"there is no day {self.day}") if self.day > DAYS else None


@dataclass(frozen=True, slots=True)
class FirstName(Layout):
    uuid = 0x2A8A

    text: Annotated[str, TEXT]


@dataclass(frozen=True, slots=True)
class LastName(Layout):
    uuid = 0x2A90

    text: Annotated[str, TEXT]


@dataclass(frozen=True, slots=True)
class MiddleName(Layout):
    uuid = 0x2B48

    text: Annotated[str, TEXT]


@dataclass(frozen=True, slots=True)
class EmailAddress(Layout):
    uuid = 0x2A87

    text: Annotated[str, TEXT]


@dataclass(frozen=True, slots=True)
class Language(Layout):
    """ISO 639-1."""

    uuid = 0x2AA2

    text: Annotated[str, TEXT]


@dataclass(frozen=True, slots=True)
class Age(Layout):
    uuid = 0x2A80

    years: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class DateOfBirth(_Date):
    uuid = 0x2A85

    year: Annotated[int, U16]
    month: Annotated[int, U8]
    day: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class DateOfThresholdAssessment(_Date):
    uuid = 0x2A86

    year: Annotated[int, U16]
    month: Annotated[int, U8]
    day: Annotated[int, U8]


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


class _Rate(Layout):
    """Base of the heart rates, in beats per minute."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class HeartRateMax(_Rate):
    uuid = 0x2A8D

    rate: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class RestingHeartRate(_Rate):
    uuid = 0x2A92

    rate: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class MaximumRecommendedHeartRate(_Rate):
    uuid = 0x2A91

    rate: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class AerobicThreshold(_Rate):
    uuid = 0x2A7F

    rate: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class AnaerobicThreshold(_Rate):
    uuid = 0x2A83

    rate: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class AerobicHeartRateLowerLimit(_Rate):
    uuid = 0x2A7E

    rate: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class AerobicHeartRateUpperLimit(_Rate):
    uuid = 0x2A84

    rate: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class AnaerobicHeartRateLowerLimit(_Rate):
    uuid = 0x2A81

    rate: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class AnaerobicHeartRateUpperLimit(_Rate):
    uuid = 0x2A82

    rate: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class FatBurnHeartRateLowerLimit(_Rate):
    uuid = 0x2A88

    rate: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class FatBurnHeartRateUpperLimit(_Rate):
    uuid = 0x2A89

    rate: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class TwoZoneHeartRateLimits(_Rate):
    uuid = 0x2A95

    fat_burn_fitness: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class ThreeZoneHeartRateLimits(_Rate):
    uuid = 0x2A94

    light_moderate: Annotated[int, U8]
    moderate_hard: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class FiveZoneHeartRateLimits(_Rate):
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

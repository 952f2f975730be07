"""Glucose Service, 0x1808. Source: GLS 1.0.1 and the GATT Specification Supplement.

Stored records are asked for through the Record Access Control Point (`record_access`).
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum, IntFlag
from typing import Annotated, NamedTuple

from profiles.floats import SFLOAT, Value
from profiles.times import DATE_TIME, DateTime
from profiles.wire import S16, U8, U16, Layout, Nibbles

SERVICE = 0x1808


class Flags(IntFlag):
    TIME_OFFSET = 0x01
    CONCENTRATION = 0x02
    MOLES_PER_LITRE = 0x04
    SENSOR_STATUS = 0x08
    CONTEXT_FOLLOWS = 0x10


class SampleType(IntEnum):
    CAPILLARY_WHOLE_BLOOD = 1
    CAPILLARY_PLASMA = 2
    VENOUS_WHOLE_BLOOD = 3
    VENOUS_PLASMA = 4
    ARTERIAL_WHOLE_BLOOD = 5
    ARTERIAL_PLASMA = 6
    UNDETERMINED_WHOLE_BLOOD = 7
    UNDETERMINED_PLASMA = 8
    INTERSTITIAL_FLUID = 9
    CONTROL_SOLUTION = 10


class SampleLocation(IntEnum):
    FINGER = 1
    ALTERNATE_SITE_TEST = 2
    EARLOBE = 3
    CONTROL_SOLUTION = 4
    NOT_AVAILABLE = 15


class SensorStatus(IntFlag):
    BATTERY_LOW = 0x0001
    SENSOR_MALFUNCTION = 0x0002
    SAMPLE_INSUFFICIENT = 0x0004
    STRIP_INSERTION_ERROR = 0x0008
    STRIP_TYPE_INCORRECT = 0x0010
    RESULT_TOO_HIGH = 0x0020
    RESULT_TOO_LOW = 0x0040
    TEMPERATURE_TOO_HIGH = 0x0080
    TEMPERATURE_TOO_LOW = 0x0100
    READ_INTERRUPTED = 0x0200
    GENERAL_DEVICE_FAULT = 0x0400
    TIME_FAULT = 0x0800


class Feature(IntFlag):
    LOW_BATTERY_DETECTION = 0x0001
    SENSOR_MALFUNCTION_DETECTION = 0x0002
    SENSOR_SAMPLE_SIZE = 0x0004
    STRIP_INSERTION_ERROR_DETECTION = 0x0008
    STRIP_TYPE_ERROR_DETECTION = 0x0010
    RESULT_HIGH_LOW_DETECTION = 0x0020
    TEMPERATURE_HIGH_LOW_DETECTION = 0x0040
    READ_INTERRUPT_DETECTION = 0x0080
    GENERAL_DEVICE_FAULT = 0x0100
    TIME_FAULT = 0x0200
    MULTIPLE_BOND = 0x0400


class Sample(NamedTuple):
    """What was measured and where it was taken. A reserved code stays a number."""

    type: SampleType | int
    location: SampleLocation | int


SAMPLE = Nibbles(Sample, SampleType, SampleLocation)


@dataclass(frozen=True, slots=True)
class GlucoseMeasurement(Layout):
    """GLS 3.1. Concentration in kg/L or mol/L; base time plus offset (minutes) is the time the meter showed."""

    uuid = 0x2A18
    derived = ("timestamp", "type", "location", "unit", "mg_per_dl", "mmol_per_l", "context_follows")

    flags: Annotated[Flags, U8]
    sequence_number: Annotated[int, U16]
    base_time: Annotated[DateTime, DATE_TIME]
    time_offset: Annotated[int | None, S16, Flags.TIME_OFFSET] = None
    concentration: Annotated[Value | None, SFLOAT, Flags.CONCENTRATION] = None
    sample: Annotated[Sample | None, SAMPLE, Flags.CONCENTRATION] = None
    sensor_status: Annotated[SensorStatus | None, U16, Flags.SENSOR_STATUS] = None

    @property
    def timestamp(self) -> DateTime | None:
        return self.base_time.plus_minutes(self.time_offset or 0)

    @property
    def type(self) -> SampleType | int | None:
        return self.sample.type if self.sample else None

    @property
    def location(self) -> SampleLocation | int | None:
        return self.sample.location if self.sample else None

    @property
    def unit(self) -> str | None:
        if self.concentration is None:
            return None
        return "mol/L" if self.flags & Flags.MOLES_PER_LITRE else "kg/L"

    @property
    def mg_per_dl(self) -> Decimal | None:
        return self.concentration.scaleb(5) if self.unit == "kg/L" and isinstance(self.concentration, Decimal) else None

    @property
    def mmol_per_l(self) -> Decimal | None:
        return self.concentration.scaleb(3) if self.unit == "mol/L" and isinstance(self.concentration, Decimal) else None

    @property
    def context_follows(self) -> bool:
        return bool(self.flags & Flags.CONTEXT_FOLLOWS)


class ContextFlags(IntFlag):
    CARBOHYDRATE = 0x01
    MEAL = 0x02
    TESTER_AND_HEALTH = 0x04
    EXERCISE = 0x08
    MEDICATION = 0x10
    MEDICATION_LITRES = 0x20
    HBA1C = 0x40
    EXTENDED_FLAGS = 0x80


class Carbohydrate(IntEnum):
    BREAKFAST = 1
    LUNCH = 2
    DINNER = 3
    SNACK = 4
    DRINK = 5
    SUPPER = 6
    BRUNCH = 7


class Meal(IntEnum):
    PREPRANDIAL = 1
    POSTPRANDIAL = 2
    FASTING = 3
    CASUAL = 4
    BEDTIME = 5


class Tester(IntEnum):
    SELF = 1
    HEALTH_CARE_PROFESSIONAL = 2
    LAB_TEST = 3
    NOT_AVAILABLE = 15


class Health(IntEnum):
    MINOR_HEALTH_ISSUES = 1
    MAJOR_HEALTH_ISSUES = 2
    DURING_MENSES = 3
    UNDER_STRESS = 4
    NO_HEALTH_ISSUES = 5
    NOT_AVAILABLE = 15


class Medication(IntEnum):
    RAPID_ACTING_INSULIN = 1
    SHORT_ACTING_INSULIN = 2
    INTERMEDIATE_ACTING_INSULIN = 3
    LONG_ACTING_INSULIN = 4
    PRE_MIXED_INSULIN = 5


EXERCISE_OVERRUN = 0xFFFF


class TesterAndHealth(NamedTuple):
    tester: Tester | int
    health: Health | int


TESTER_AND_HEALTH = Nibbles(TesterAndHealth, Tester, Health)


@dataclass(frozen=True, slots=True)
class GlucoseMeasurementContext(Layout):
    """GLS 3.2. Carbohydrate in kg, exercise in seconds and percent, medication in kg or L, HbA1c in percent."""

    uuid = 0x2A34
    derived = ("medication_unit",)

    flags: Annotated[ContextFlags, U8]
    sequence_number: Annotated[int, U16]
    extended_flags: Annotated[int | None, U8, ContextFlags.EXTENDED_FLAGS] = None
    carbohydrate_id: Annotated[Carbohydrate | int | None, U8, ContextFlags.CARBOHYDRATE] = None
    carbohydrate: Annotated[Value | None, SFLOAT, ContextFlags.CARBOHYDRATE] = None
    meal: Annotated[Meal | int | None, U8, ContextFlags.MEAL] = None
    tester_and_health: Annotated[TesterAndHealth | None, TESTER_AND_HEALTH, ContextFlags.TESTER_AND_HEALTH] = None
    exercise_duration: Annotated[int | None, U16, ContextFlags.EXERCISE] = None
    exercise_intensity: Annotated[int | None, U8, ContextFlags.EXERCISE] = None
    medication_id: Annotated[Medication | int | None, U8, ContextFlags.MEDICATION] = None
    medication: Annotated[Value | None, SFLOAT, ContextFlags.MEDICATION] = None
    hba1c: Annotated[Value | None, SFLOAT, ContextFlags.HBA1C] = None

    @property
    def medication_unit(self) -> str | None:
        if self.medication is None:
            return None
        return "L" if self.flags & ContextFlags.MEDICATION_LITRES else "kg"


@dataclass(frozen=True, slots=True)
class GlucoseFeature(Layout):
    uuid = 0x2A51

    features: Annotated[Feature, U16]

"""Health Thermometer Service, 0x1809. Source: HTS 1.0 and the GATT Specification Supplement."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Annotated

from profiles.floats import FLOAT, Value
from profiles.times import DATE_TIME, DateTime
from profiles.wire import U8, U16, Layout

SERVICE = 0x1809


class Flags(IntFlag):
    FAHRENHEIT = 0x01
    TIMESTAMP = 0x02
    TYPE = 0x04


class TemperatureSite(IntEnum):
    """Where on the body it was taken; called "Temperature Type" in the specification."""

    ARMPIT = 1
    BODY = 2
    EAR = 3
    FINGER = 4
    GASTRO_INTESTINAL_TRACT = 5
    MOUTH = 6
    RECTUM = 7
    TOE = 8
    TYMPANUM = 9


class _Unit:
    __slots__ = ()
    flags: Flags

    @property
    def unit(self) -> str:
        return "[degF]" if self.flags & Flags.FAHRENHEIT else "Cel"


@dataclass(frozen=True, slots=True)
class TemperatureMeasurement(_Unit, Layout):
    """HTS 3.1. Degrees in `unit` (UCUM)."""

    uuid = 0x2A1C
    derived = ("unit",)

    flags: Annotated[Flags, U8]
    temperature: Annotated[Value, FLOAT]
    timestamp: Annotated[DateTime | None, DATE_TIME, Flags.TIMESTAMP] = None
    type: Annotated[TemperatureSite | int | None, U8, Flags.TYPE] = None


@dataclass(frozen=True, slots=True)
class IntermediateTemperature(_Unit, Layout):
    """HTS 3.3: a value on the way, never the result."""

    uuid = 0x2A1E
    derived = ("unit",)

    flags: Annotated[Flags, U8]
    temperature: Annotated[Value, FLOAT]
    timestamp: Annotated[DateTime | None, DATE_TIME, Flags.TIMESTAMP] = None
    type: Annotated[TemperatureSite | int | None, U8, Flags.TYPE] = None


@dataclass(frozen=True, slots=True)
class TemperatureType(Layout):
    """HTS 3.2: the site of a thermometer that is always used on the same one."""

    uuid = 0x2A1D
    exact = True

    type: Annotated[TemperatureSite | int, U8]


@dataclass(frozen=True, slots=True)
class MeasurementInterval(Layout):
    """HTS 3.4: seconds between measurements, 0 for none."""

    uuid = 0x2A21
    exact = True

    seconds: Annotated[int, U16]


@dataclass(frozen=True, slots=True)
class ValidRange(Layout):
    """The Valid Range descriptor of the interval: lowest and highest seconds, both inclusive."""

    uuid = 0x2906
    exact = True

    lower: Annotated[int, U16]
    upper: Annotated[int, U16]

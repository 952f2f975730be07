"""Continuous Glucose Monitoring Service, 0x181F: measurements, feature, status and session. Source: CGMS 1.0.2.

Concentrations are in mg/dL. Times are minutes since the session's start. Every value may end in an E2E-CRC; whether it does is in the
Feature, and plain from the length. The specific operations are in `cgm_control`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Annotated, NamedTuple

from profiles.crc import E2E_CRC, e2e_crc, strip_crc
from profiles.floats import SFLOAT, Value
from profiles.gatt.glucose import SampleType
from profiles.times import DATE_TIME, DateTime
from profiles.wire import S8, U8, U16, U24, DecodeError, Layout, Nibbles, Wire

SERVICE = 0x181F


class Flags(IntFlag):
    TREND = 0x01
    QUALITY = 0x02
    WARNING_OCTET = 0x20
    CALIBRATION_OCTET = 0x40
    STATUS_OCTET = 0x80


class StatusOctet(IntFlag):
    SESSION_STOPPED = 0x01
    DEVICE_BATTERY_LOW = 0x02
    SENSOR_TYPE_INCORRECT = 0x04
    SENSOR_MALFUNCTION = 0x08
    DEVICE_SPECIFIC_ALERT = 0x10
    GENERAL_DEVICE_FAULT = 0x20


class CalibrationOctet(IntFlag):
    TIME_SYNCHRONIZATION_REQUIRED = 0x01
    CALIBRATION_NOT_ALLOWED = 0x02
    CALIBRATION_RECOMMENDED = 0x04
    CALIBRATION_REQUIRED = 0x08
    SENSOR_TEMPERATURE_TOO_HIGH = 0x10
    SENSOR_TEMPERATURE_TOO_LOW = 0x20
    CALIBRATION_PENDING = 0x40


class WarningOctet(IntFlag):
    BELOW_PATIENT_LOW_LEVEL = 0x01
    ABOVE_PATIENT_HIGH_LEVEL = 0x02
    BELOW_HYPO_LEVEL = 0x04
    ABOVE_HYPER_LEVEL = 0x08
    RATE_OF_DECREASE_EXCEEDED = 0x10
    RATE_OF_INCREASE_EXCEEDED = 0x20
    BELOW_DEVICE_RANGE = 0x40
    ABOVE_DEVICE_RANGE = 0x80


SMALLEST_RECORD = 6


@dataclass(frozen=True, slots=True)
class CGMRecord(Layout):
    """CGMS 3.1: one record. Trend in mg/dL per minute, quality in percent. The octets of the status come lowest flag last."""

    size: Annotated[int, U8]
    flags: Annotated[Flags, U8]
    glucose: Annotated[Value, SFLOAT]
    time_offset: Annotated[int, U16]
    status: Annotated[StatusOctet | None, U8, Flags.STATUS_OCTET] = None
    calibration: Annotated[CalibrationOctet | None, U8, Flags.CALIBRATION_OCTET] = None
    warning: Annotated[WarningOctet | None, U8, Flags.WARNING_OCTET] = None
    trend: Annotated[Value | None, SFLOAT, Flags.TREND] = None
    quality: Annotated[Value | None, SFLOAT, Flags.QUALITY] = None
    e2e_crc: Annotated[int | None, E2E_CRC] = None


class _Records(Wire):
    """Records one behind the other, each with its own size."""

    fmt, size = "", -1

    def read_rest(self, data: bytes, at: int) -> tuple[CGMRecord, ...]:
        if at == len(data):
            raise ValueError("no record")
        found: list[CGMRecord] = []
        while at < len(data):
            size = data[at]
            if size < SMALLEST_RECORD or at + size > len(data):
                raise ValueError(f"record {len(found) + 1} says it has {size} bytes, {len(data) - at} are left")
            try:
                found.append(CGMRecord.decode(bytes(data[at : at + size])))
            except DecodeError as error:
                raise ValueError(f"record {len(found) + 1}, {error.field}: {error.reason}") from error
            at += size
        return tuple(found)

    def write(self, value: tuple[CGMRecord, ...]) -> bytes:
        return b"".join(record.encode() for record in value)


@dataclass(frozen=True, slots=True)
class CGMMeasurement(Layout):
    """CGMS 3.1. One notification carries one record or several."""

    uuid = 0x2AA7

    records: Annotated[tuple[CGMRecord, ...], _Records()]


class Feature(IntFlag):
    CALIBRATION = 1 << 0
    PATIENT_HIGH_LOW_ALERTS = 1 << 1
    HYPO_ALERTS = 1 << 2
    HYPER_ALERTS = 1 << 3
    RATE_OF_CHANGE_ALERTS = 1 << 4
    DEVICE_SPECIFIC_ALERT = 1 << 5
    SENSOR_MALFUNCTION_DETECTION = 1 << 6
    SENSOR_TEMPERATURE_DETECTION = 1 << 7
    SENSOR_RESULT_DETECTION = 1 << 8
    LOW_BATTERY_DETECTION = 1 << 9
    SENSOR_TYPE_ERROR_DETECTION = 1 << 10
    GENERAL_DEVICE_FAULT = 1 << 11
    E2E_CRC = 1 << 12
    MULTIPLE_BONDS = 1 << 13
    MULTIPLE_SESSIONS = 1 << 14
    TREND = 1 << 15
    QUALITY = 1 << 16


class SampleLocation(IntEnum):
    FINGER = 1
    ALTERNATE_SITE_TEST = 2
    EARLOBE = 3
    CONTROL_SOLUTION = 4
    SUBCUTANEOUS_TISSUE = 5
    NOT_AVAILABLE = 15


class Sample(NamedTuple):
    """What is measured and where. A reserved code stays a number."""

    type: SampleType | int
    location: SampleLocation | int


SAMPLE = Nibbles(Sample, SampleType, SampleLocation)
NO_CRC = 0xFFFF


@dataclass(frozen=True, slots=True)
class CGMFeature(Layout):
    """CGMS 3.2. The CRC is always there: 0xFFFF where the device uses none."""

    uuid = 0x2AA8
    derived = ("type", "location", "e2e_crc_supported")
    exact = True

    features: Annotated[Feature, U24]
    sample: Annotated[Sample, SAMPLE]
    e2e_crc: Annotated[int, U16]

    @property
    def type(self) -> SampleType | int:
        return self.sample.type

    @property
    def location(self) -> SampleLocation | int:
        return self.sample.location

    @property
    def e2e_crc_supported(self) -> bool:
        return bool(self.features & Feature.E2E_CRC)

    def problem(self) -> tuple[str, str] | None:
        if self.e2e_crc_supported:
            try:
                strip_crc(self.encode())
            except ValueError as error:
                return "e2e_crc", str(error)
        return None

    @classmethod
    def of(cls, features: Feature, sample: Sample) -> CGMFeature:
        """With the CRC that belongs to it."""
        crc = e2e_crc(cls(features, sample, 0).encode()[:-2]) if features & Feature.E2E_CRC else NO_CRC
        return cls(features, sample, crc)


class Status(IntFlag):
    """The three octets of a measurement's status as one number."""

    SESSION_STOPPED = 1 << 0
    DEVICE_BATTERY_LOW = 1 << 1
    SENSOR_TYPE_INCORRECT = 1 << 2
    SENSOR_MALFUNCTION = 1 << 3
    DEVICE_SPECIFIC_ALERT = 1 << 4
    GENERAL_DEVICE_FAULT = 1 << 5
    TIME_SYNCHRONIZATION_REQUIRED = 1 << 8
    CALIBRATION_NOT_ALLOWED = 1 << 9
    CALIBRATION_RECOMMENDED = 1 << 10
    CALIBRATION_REQUIRED = 1 << 11
    SENSOR_TEMPERATURE_TOO_HIGH = 1 << 12
    SENSOR_TEMPERATURE_TOO_LOW = 1 << 13
    CALIBRATION_PENDING = 1 << 14
    BELOW_PATIENT_LOW_LEVEL = 1 << 16
    ABOVE_PATIENT_HIGH_LEVEL = 1 << 17
    BELOW_HYPO_LEVEL = 1 << 18
    ABOVE_HYPER_LEVEL = 1 << 19
    RATE_OF_DECREASE_EXCEEDED = 1 << 20
    RATE_OF_INCREASE_EXCEEDED = 1 << 21
    BELOW_DEVICE_RANGE = 1 << 22
    ABOVE_DEVICE_RANGE = 1 << 23


@dataclass(frozen=True, slots=True)
class CGMStatus(Layout):
    """CGMS 3.3: the state at so many minutes after the session's start."""

    uuid = 0x2AA9

    time_offset: Annotated[int, U16]
    status: Annotated[Status, U24]
    e2e_crc: Annotated[int | None, E2E_CRC] = None


UNKNOWN_ZONE = -128
UNKNOWN_DST = 255
QUARTERS_TO_MINUTES = 15


@dataclass(frozen=True, slots=True)
class CGMSessionStartTime(Layout):
    """CGMS 3.4. Local time at the start, and its offsets: the zone's and daylight saving's, in quarters of an hour."""

    uuid = 0x2AAA
    derived = ("offset_minutes",)

    start_time: Annotated[DateTime, DATE_TIME]
    time_zone: Annotated[int, S8]
    dst_offset: Annotated[int, U8]
    e2e_crc: Annotated[int | None, E2E_CRC] = None

    @property
    def offset_minutes(self) -> int | None:
        """Of the start time from UTC; None if either part is unknown."""
        if self.time_zone == UNKNOWN_ZONE or self.dst_offset == UNKNOWN_DST:
            return None
        return (self.time_zone + self.dst_offset) * QUARTERS_TO_MINUTES


@dataclass(frozen=True, slots=True)
class CGMSessionRunTime(Layout):
    """CGMS 3.5. Hours for which the sensor is expected to run."""

    uuid = 0x2AAB

    hours: Annotated[int, U16]
    e2e_crc: Annotated[int | None, E2E_CRC] = None

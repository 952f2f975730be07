"""Pulse Oximeter Service, 0x1822. Source: PLXS 1.0.1 and the GATT Specification Supplement.

Saturation in percent, pulse in beats per minute, pulse amplitude index in percent.
"""

from dataclasses import dataclass
from enum import IntFlag
from typing import Annotated

from profiles.floats import SFLOAT, Value
from profiles.times import DATE_TIME, DateTime
from profiles.wire import U8, U16, U24, Layout

SERVICE = 0x1822


class SpotFlags(IntFlag):
    TIMESTAMP = 0x01
    MEASUREMENT_STATUS = 0x02
    SENSOR_STATUS = 0x04
    PULSE_AMPLITUDE_INDEX = 0x08
    DEVICE_CLOCK_NOT_SET = 0x10


class ContinuousFlags(IntFlag):
    FAST = 0x01
    SLOW = 0x02
    MEASUREMENT_STATUS = 0x04
    SENSOR_STATUS = 0x08
    PULSE_AMPLITUDE_INDEX = 0x10


class MeasurementStatus(IntFlag):
    """Bits 0 to 4 are reserved."""

    MEASUREMENT_ONGOING = 0x0020
    EARLY_ESTIMATED_DATA = 0x0040
    VALIDATED_DATA = 0x0080
    FULLY_QUALIFIED_DATA = 0x0100
    DATA_FROM_MEASUREMENT_STORAGE = 0x0200
    DATA_FOR_DEMONSTRATION = 0x0400
    DATA_FOR_TESTING = 0x0800
    CALIBRATION_ONGOING = 0x1000
    MEASUREMENT_UNAVAILABLE = 0x2000
    QUESTIONABLE_MEASUREMENT = 0x4000
    INVALID_MEASUREMENT = 0x8000


class SensorStatus(IntFlag):
    """Called "Device and Sensor Status" in the specification."""

    EXTENDED_DISPLAY_UPDATE_ONGOING = 0x0001
    EQUIPMENT_MALFUNCTION = 0x0002
    SIGNAL_PROCESSING_IRREGULARITY = 0x0004
    INADEQUATE_SIGNAL = 0x0008
    POOR_SIGNAL = 0x0010
    LOW_PERFUSION = 0x0020
    ERRATIC_SIGNAL = 0x0040
    NON_PULSATILE_SIGNAL = 0x0080
    QUESTIONABLE_PULSE = 0x0100
    SIGNAL_ANALYSIS_ONGOING = 0x0200
    SENSOR_INTERFERENCE = 0x0400
    SENSOR_UNCONNECTED_TO_USER = 0x0800
    UNKNOWN_SENSOR_CONNECTED = 0x1000
    SENSOR_DISPLACED = 0x2000
    SENSOR_MALFUNCTIONING = 0x4000
    SENSOR_DISCONNECTED = 0x8000


class Feature(IntFlag):
    MEASUREMENT_STATUS = 0x0001
    SENSOR_STATUS = 0x0002
    MEASUREMENT_STORAGE = 0x0004
    TIMESTAMP = 0x0008
    SPO2PR_FAST = 0x0010
    SPO2PR_SLOW = 0x0020
    PULSE_AMPLITUDE_INDEX = 0x0040
    MULTIPLE_BONDS = 0x0080


@dataclass(frozen=True, slots=True)
class PLXSpotCheckMeasurement(Layout):
    uuid = 0x2A5E
    derived = ("device_clock_not_set",)

    flags: Annotated[SpotFlags, U8]
    spo2: Annotated[Value, SFLOAT]
    pulse_rate: Annotated[Value, SFLOAT]
    timestamp: Annotated[DateTime | None, DATE_TIME, SpotFlags.TIMESTAMP] = None
    measurement_status: Annotated[MeasurementStatus | None, U16, SpotFlags.MEASUREMENT_STATUS] = None
    sensor_status: Annotated[SensorStatus | None, U24, SpotFlags.SENSOR_STATUS] = None
    pulse_amplitude_index: Annotated[Value | None, SFLOAT, SpotFlags.PULSE_AMPLITUDE_INDEX] = None

    @property
    def device_clock_not_set(self) -> bool:
        return bool(self.flags & SpotFlags.DEVICE_CLOCK_NOT_SET)


@dataclass(frozen=True, slots=True)
class PLXContinuousMeasurement(Layout):
    uuid = 0x2A5F

    flags: Annotated[ContinuousFlags, U8]
    spo2: Annotated[Value, SFLOAT]
    pulse_rate: Annotated[Value, SFLOAT]
    spo2_fast: Annotated[Value | None, SFLOAT, ContinuousFlags.FAST] = None
    pulse_rate_fast: Annotated[Value | None, SFLOAT, ContinuousFlags.FAST] = None
    spo2_slow: Annotated[Value | None, SFLOAT, ContinuousFlags.SLOW] = None
    pulse_rate_slow: Annotated[Value | None, SFLOAT, ContinuousFlags.SLOW] = None
    measurement_status: Annotated[MeasurementStatus | None, U16, ContinuousFlags.MEASUREMENT_STATUS] = None
    sensor_status: Annotated[SensorStatus | None, U24, ContinuousFlags.SENSOR_STATUS] = None
    pulse_amplitude_index: Annotated[Value | None, SFLOAT, ContinuousFlags.PULSE_AMPLITUDE_INDEX] = None


@dataclass(frozen=True, slots=True)
class PLXFeatures(Layout):
    """PLXS 3.3. The two support fields say which status bits the device can ever set."""

    uuid = 0x2A60

    features: Annotated[Feature, U16]
    measurement_status_support: Annotated[MeasurementStatus | None, U16, Feature.MEASUREMENT_STATUS] = None
    sensor_status_support: Annotated[SensorStatus | None, U24, Feature.SENSOR_STATUS] = None

"""Blood Pressure Service, 0x1810. Source: BLS 1.1.1 and the GATT Specification Supplement.

The reading, the intermediate cuff pressure and their enhanced twins of version 1.1, whose times are counted in seconds.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntFlag
from typing import Annotated

from profiles.floats import SFLOAT, Value
from profiles.segments import Segmented
from profiles.times import DATE_TIME, DateTime
from profiles.wire import REST, U8, U16, U32, Layout

SERVICE = 0x1810


class Flags(IntFlag):
    KILOPASCAL = 0x01
    TIMESTAMP = 0x02
    PULSE_RATE = 0x04
    USER_ID = 0x08
    STATUS = 0x10


class Status(IntFlag):
    BODY_MOVEMENT = 0x01
    CUFF_TOO_LOOSE = 0x02
    IRREGULAR_PULSE = 0x04
    PULSE_RATE_ABOVE_RANGE = 0x08
    PULSE_RATE_BELOW_RANGE = 0x10
    IMPROPER_POSITION = 0x20


class Feature(IntFlag):
    BODY_MOVEMENT_DETECTION = 0x0001
    CUFF_FIT_DETECTION = 0x0002
    IRREGULAR_PULSE_DETECTION = 0x0004
    PULSE_RATE_RANGE_DETECTION = 0x0008
    MEASUREMENT_POSITION_DETECTION = 0x0010
    MULTIPLE_BONDS = 0x0020
    E2E_CRC = 0x0040
    USER_DATA_SERVICE = 0x0080
    USER_FACING_TIME = 0x0100


USER_UNKNOWN = 0xFF


class _Pressures:
    """What the readings and the cuff pressure share. Pressures are in `unit`, the pulse in beats per minute."""

    __slots__ = ()
    flags: IntFlag
    status: Status | None

    @property
    def unit(self) -> str:
        return "kPa" if self.flags & Flags.KILOPASCAL else "mmHg"

    @property
    def pulse_rate_range(self) -> str | None:
        """The two status bits of the pulse rate range, read together; None without a status."""
        if self.status is None:
            return None
        names = {0: "in_range", Status.PULSE_RATE_ABOVE_RANGE: "exceeds_upper", Status.PULSE_RATE_BELOW_RANGE: "below_lower"}
        return names.get(self.status & (Status.PULSE_RATE_ABOVE_RANGE | Status.PULSE_RATE_BELOW_RANGE), "reserved")


@dataclass(frozen=True, slots=True)
class BloodPressureMeasurement(_Pressures, Layout):
    """BLS 3.1. Octets behind a failed measurement carry NaN, which is then a `NoValue`."""

    uuid = 0x2A35
    derived = ("unit", "pulse_rate_range")

    flags: Annotated[Flags, U8]
    systolic: Annotated[Value, SFLOAT]
    diastolic: Annotated[Value, SFLOAT]
    mean_arterial: Annotated[Value, SFLOAT]
    timestamp: Annotated[DateTime | None, DATE_TIME, Flags.TIMESTAMP] = None
    pulse_rate: Annotated[Value | None, SFLOAT, Flags.PULSE_RATE] = None
    user_id: Annotated[int | None, U8, Flags.USER_ID] = None
    status: Annotated[Status | None, U16, Flags.STATUS] = None


@dataclass(frozen=True, slots=True)
class IntermediateCuffPressure(_Pressures, Layout):
    """BLS 3.2. The two unused values shall be NaN (some cuffs send 0); they are kept as sent."""

    uuid = 0x2A36
    derived = ("unit", "pulse_rate_range")

    flags: Annotated[Flags, U8]
    cuff_pressure: Annotated[Value, SFLOAT]
    unused_diastolic: Annotated[Value, SFLOAT]
    unused_mean: Annotated[Value, SFLOAT]
    timestamp: Annotated[DateTime | None, DATE_TIME, Flags.TIMESTAMP] = None
    pulse_rate: Annotated[Value | None, SFLOAT, Flags.PULSE_RATE] = None
    user_id: Annotated[int | None, U8, Flags.USER_ID] = None
    status: Annotated[Status | None, U16, Flags.STATUS] = None


@dataclass(frozen=True, slots=True)
class BloodPressureFeature(Layout):
    uuid = 0x2A49

    features: Annotated[Feature, U16]


class EnhancedFlags(IntFlag):
    KILOPASCAL = 0x01
    TIMESTAMP = 0x02
    PULSE_RATE = 0x04
    USER_ID = 0x08
    STATUS = 0x10
    USER_FACING_TIME = 0x20
    EPOCH_2000 = 0x40


EPOCH_1900 = datetime(1900, 1, 1)  # noqa: DTZ001 - the zone is not said
EPOCH_2000 = datetime(2000, 1, 1)  # noqa: DTZ001 - likewise


class _Seconds:
    """Times counted in seconds."""

    __slots__ = ()
    flags: EnhancedFlags
    timestamp_seconds: int | None
    user_facing_seconds: int | None

    def _moment(self, seconds: int | None) -> DateTime | None:
        epoch = EPOCH_2000 if self.flags & EnhancedFlags.EPOCH_2000 else EPOCH_1900
        return None if seconds is None else DateTime.of(epoch + timedelta(seconds=seconds))

    @property
    def timestamp(self) -> DateTime | None:
        return self._moment(self.timestamp_seconds)

    @property
    def user_facing_time(self) -> DateTime | None:
        return self._moment(self.user_facing_seconds)


@dataclass(frozen=True, slots=True)
class EnhancedBloodPressureMeasurement(_Seconds, _Pressures, Layout):
    """BLS 1.1, 3.4. Both times are seconds since 1900-01-01, or since 2000-01-01 with `EPOCH_2000`."""

    uuid = 0x2B34
    derived = ("unit", "pulse_rate_range", "timestamp", "user_facing_time")

    flags: Annotated[EnhancedFlags, U8]
    systolic: Annotated[Value, SFLOAT]
    diastolic: Annotated[Value, SFLOAT]
    mean_arterial: Annotated[Value, SFLOAT]
    timestamp_seconds: Annotated[int | None, U32, EnhancedFlags.TIMESTAMP] = None
    pulse_rate: Annotated[Value | None, SFLOAT, EnhancedFlags.PULSE_RATE] = None
    user_id: Annotated[int | None, U8, EnhancedFlags.USER_ID] = None
    status: Annotated[Status | None, U16, EnhancedFlags.STATUS] = None
    user_facing_seconds: Annotated[int | None, U32, EnhancedFlags.USER_FACING_TIME] = None


@dataclass(frozen=True, slots=True)
class EnhancedIntermediateCuffPressure(_Seconds, _Pressures, Layout):
    """BLS 1.1, 3.5."""

    uuid = 0x2B35
    derived = ("unit", "pulse_rate_range", "timestamp", "user_facing_time")

    flags: Annotated[EnhancedFlags, U8]
    cuff_pressure: Annotated[Value, SFLOAT]
    timestamp_seconds: Annotated[int | None, U32, EnhancedFlags.TIMESTAMP] = None
    pulse_rate: Annotated[Value | None, SFLOAT, EnhancedFlags.PULSE_RATE] = None
    user_id: Annotated[int | None, U8, EnhancedFlags.USER_ID] = None
    status: Annotated[Status | None, U16, EnhancedFlags.STATUS] = None
    user_facing_seconds: Annotated[int | None, U32, EnhancedFlags.USER_FACING_TIME] = None


@dataclass(frozen=True, slots=True)
class BloodPressureRecord(Segmented, Layout):
    """BLS 1.1, 3.6: one segment of a stored record. A CRC, if the feature promises one, is the end of `recorded_data`."""

    uuid = 0x2B36
    derived = ("first_segment", "last_segment", "segment_counter")

    segmentation: Annotated[int, U8]
    sequence_number: Annotated[int, U16]
    characteristic: Annotated[int, U16]
    recorded_data: Annotated[bytes, REST]

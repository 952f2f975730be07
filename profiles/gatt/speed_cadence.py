"""Running Speed and Cadence, 0x1814, and Cycling Speed and Cadence, 0x1816; they share sensor location and control point.

Source: RSCS 1.0.1, CSCS 1.0.1 and the GATT Specification Supplement. Counters only ever grow and wrap around; what happened is the
difference of two (`since`).
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum, IntFlag
from typing import Annotated, ClassVar

from profiles.operations import Operation, Tables
from profiles.wire import REST, U8, U16, U32, Layout

RUNNING_SERVICE = 0x1814
CYCLING_SERVICE = 0x1816


def since(before: int, now: int, bits: int) -> int:
    """How far a counter of so many bits has come, once around at most."""
    return (now - before) % (1 << bits)


class RunningFlags(IntFlag):
    STRIDE_LENGTH = 0x01
    TOTAL_DISTANCE = 0x02
    RUNNING = 0x04


@dataclass(frozen=True, slots=True)
class RSCMeasurement(Layout):
    """RSCS 3.1. Speed in m/s, cadence in steps (of one leg: strides) per minute as the sensor counts, lengths in m."""

    uuid = 0x2A53
    derived = ("running",)

    flags: Annotated[RunningFlags, U8]
    speed: Annotated[Decimal, U16 / 256]
    cadence: Annotated[int, U8]
    stride_length: Annotated[Decimal | None, U16 / 100, RunningFlags.STRIDE_LENGTH] = None
    total_distance: Annotated[Decimal | None, U32 / 10, RunningFlags.TOTAL_DISTANCE] = None

    @property
    def running(self) -> bool:
        return bool(self.flags & RunningFlags.RUNNING)


class RSCFeatures(IntFlag):
    INSTANTANEOUS_STRIDE_LENGTH = 0x01
    TOTAL_DISTANCE = 0x02
    WALKING_OR_RUNNING_STATUS = 0x04
    CALIBRATION_PROCEDURE = 0x08
    MULTIPLE_SENSOR_LOCATIONS = 0x10


@dataclass(frozen=True, slots=True)
class RSCFeature(Layout):
    uuid = 0x2A54

    features: Annotated[RSCFeatures, U16]


class CyclingFlags(IntFlag):
    WHEEL_REVOLUTIONS = 0x01
    CRANK_REVOLUTIONS = 0x02


@dataclass(frozen=True, slots=True)
class CSCMeasurement(Layout):
    """CSCS 3.1. Revolutions so far, and the second of the last one by a clock that starts again every 64 s."""

    uuid = 0x2A5B

    flags: Annotated[CyclingFlags, U8]
    wheel_revolutions: Annotated[int | None, U32, CyclingFlags.WHEEL_REVOLUTIONS] = None
    wheel_event_time: Annotated[Decimal | None, U16 / 1024, CyclingFlags.WHEEL_REVOLUTIONS] = None
    crank_revolutions: Annotated[int | None, U16, CyclingFlags.CRANK_REVOLUTIONS] = None
    crank_event_time: Annotated[Decimal | None, U16 / 1024, CyclingFlags.CRANK_REVOLUTIONS] = None


class CSCFeatures(IntFlag):
    WHEEL_REVOLUTIONS = 0x01
    CRANK_REVOLUTIONS = 0x02
    MULTIPLE_SENSOR_LOCATIONS = 0x04


@dataclass(frozen=True, slots=True)
class CSCFeature(Layout):
    uuid = 0x2A5C

    features: Annotated[CSCFeatures, U16]


class Location(IntEnum):
    OTHER = 0
    TOP_OF_SHOE = 1
    IN_SHOE = 2
    HIP = 3
    FRONT_WHEEL = 4
    LEFT_CRANK = 5
    RIGHT_CRANK = 6
    LEFT_PEDAL = 7
    RIGHT_PEDAL = 8
    FRONT_HUB = 9
    REAR_DROPOUT = 10
    CHAINSTAY = 11
    REAR_WHEEL = 12
    REAR_HUB = 13
    CHEST = 14
    SPIDER = 15
    CHAIN_RING = 16


@dataclass(frozen=True, slots=True)
class SensorLocation(Layout):
    uuid = 0x2A5D
    exact = True

    location: Annotated[Location | int, U8]


class OpCode(IntEnum):
    SET_CUMULATIVE_VALUE = 1
    START_SENSOR_CALIBRATION = 2
    UPDATE_SENSOR_LOCATION = 3
    REQUEST_SUPPORTED_SENSOR_LOCATIONS = 4
    RESPONSE_CODE = 16


class ResponseValue(IntEnum):
    SUCCESS = 1
    OP_CODE_NOT_SUPPORTED = 2
    INVALID_PARAMETER = 3
    OPERATION_FAILED = 4


@dataclass(frozen=True, slots=True)
class CumulativeValue(Layout):
    exact = True

    value: Annotated[int, U32]


@dataclass(frozen=True, slots=True)
class SCResponse(Layout):
    request_opcode: Annotated[OpCode | int, U8]
    response_value: Annotated[ResponseValue | int, U8]
    response_parameter: Annotated[bytes, REST] = b""


@dataclass(frozen=True, slots=True)
class SCControlPoint(Operation):
    """RSCS 3.4 and CSCS 3.4."""

    uuid = 0x2A55
    tables: ClassVar[Tables] = {
        OpCode.SET_CUMULATIVE_VALUE: CumulativeValue,
        OpCode.UPDATE_SENSOR_LOCATION: SensorLocation,
        OpCode.RESPONSE_CODE: SCResponse,
    }

    opcode: Annotated[OpCode | int, U8]
    parameter: Annotated[bytes, REST] = b""

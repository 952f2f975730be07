"""CGM Specific Ops Control Point, 0x2AAC. Source: CGMS 1.0.2, 3.7.

The gateway only asks: intervals, calibrations and alert levels are the wearer's and the vendor's, and its driver's allow-list has no
operation that sets one.
"""

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Annotated, ClassVar

from profiles.floats import SFLOAT, Value
from profiles.gatt.cgm import SAMPLE, Sample
from profiles.operations import Operation, Tables
from profiles.wire import REST, U8, U16, Layout


class OpCode(IntEnum):
    SET_COMMUNICATION_INTERVAL = 0x01
    GET_COMMUNICATION_INTERVAL = 0x02
    COMMUNICATION_INTERVAL_RESPONSE = 0x03
    SET_GLUCOSE_CALIBRATION_VALUE = 0x04
    GET_GLUCOSE_CALIBRATION_VALUE = 0x05
    GLUCOSE_CALIBRATION_VALUE_RESPONSE = 0x06
    SET_PATIENT_HIGH_ALERT_LEVEL = 0x07
    GET_PATIENT_HIGH_ALERT_LEVEL = 0x08
    PATIENT_HIGH_ALERT_LEVEL_RESPONSE = 0x09
    SET_PATIENT_LOW_ALERT_LEVEL = 0x0A
    GET_PATIENT_LOW_ALERT_LEVEL = 0x0B
    PATIENT_LOW_ALERT_LEVEL_RESPONSE = 0x0C
    SET_HYPO_ALERT_LEVEL = 0x0D
    GET_HYPO_ALERT_LEVEL = 0x0E
    HYPO_ALERT_LEVEL_RESPONSE = 0x0F
    SET_HYPER_ALERT_LEVEL = 0x10
    GET_HYPER_ALERT_LEVEL = 0x11
    HYPER_ALERT_LEVEL_RESPONSE = 0x12
    SET_RATE_OF_DECREASE_ALERT_LEVEL = 0x13
    GET_RATE_OF_DECREASE_ALERT_LEVEL = 0x14
    RATE_OF_DECREASE_ALERT_LEVEL_RESPONSE = 0x15
    SET_RATE_OF_INCREASE_ALERT_LEVEL = 0x16
    GET_RATE_OF_INCREASE_ALERT_LEVEL = 0x17
    RATE_OF_INCREASE_ALERT_LEVEL_RESPONSE = 0x18
    RESET_DEVICE_SPECIFIC_ALERT = 0x19
    START_SESSION = 0x1A
    STOP_SESSION = 0x1B
    RESPONSE_CODE = 0x1C


class ResponseCode(IntEnum):
    SUCCESS = 1
    OP_CODE_NOT_SUPPORTED = 2
    INVALID_OPERAND = 3
    PROCEDURE_NOT_COMPLETED = 4
    PARAMETER_OUT_OF_RANGE = 5


class CalibrationStatus(IntFlag):
    REJECTED = 0x01
    DATA_OUT_OF_RANGE = 0x02
    PROCESS_PENDING = 0x04


@dataclass(frozen=True, slots=True)
class CommunicationInterval(Layout):
    """Minutes; 0: none, 0xFF: as fast as the device can."""

    communication_interval: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class CalibrationRecordNumber(Layout):
    calibration_record_number: Annotated[int, U16]


@dataclass(frozen=True, slots=True)
class Calibration(Layout):
    """Glucose in mg/dL, times in minutes since the session's start."""

    glucose: Annotated[Value, SFLOAT]
    time: Annotated[int, U16]
    sample: Annotated[Sample, SAMPLE]
    next_calibration_time: Annotated[int, U16]
    record_number: Annotated[int, U16]
    status: Annotated[CalibrationStatus, U8]


@dataclass(frozen=True, slots=True)
class AlertLevel(Layout):
    """In mg/dL."""

    alert_level: Annotated[Value, SFLOAT]


@dataclass(frozen=True, slots=True)
class RateLevel(Layout):
    """In mg/dL per minute."""

    alert_level: Annotated[Value, SFLOAT]


@dataclass(frozen=True, slots=True)
class Response(Layout):
    request_opcode: Annotated[OpCode | int, U8]
    response_code: Annotated[ResponseCode | int, U8]


@dataclass(frozen=True, slots=True)
class CGMSpecificOpsControlPoint(Operation):
    uuid = 0x2AAC
    may_have_crc = True
    derived = ("parameters", "has_crc")
    tables: ClassVar[Tables] = {
        OpCode.SET_COMMUNICATION_INTERVAL: CommunicationInterval,
        OpCode.COMMUNICATION_INTERVAL_RESPONSE: CommunicationInterval,
        OpCode.SET_GLUCOSE_CALIBRATION_VALUE: Calibration,
        OpCode.GET_GLUCOSE_CALIBRATION_VALUE: CalibrationRecordNumber,
        OpCode.GLUCOSE_CALIBRATION_VALUE_RESPONSE: Calibration,
        **dict.fromkeys(range(OpCode.SET_PATIENT_HIGH_ALERT_LEVEL, OpCode.SET_RATE_OF_DECREASE_ALERT_LEVEL, 3), AlertLevel),
        **dict.fromkeys(range(OpCode.PATIENT_HIGH_ALERT_LEVEL_RESPONSE, OpCode.RATE_OF_DECREASE_ALERT_LEVEL_RESPONSE, 3), AlertLevel),
        OpCode.SET_RATE_OF_DECREASE_ALERT_LEVEL: RateLevel,
        OpCode.RATE_OF_DECREASE_ALERT_LEVEL_RESPONSE: RateLevel,
        OpCode.SET_RATE_OF_INCREASE_ALERT_LEVEL: RateLevel,
        OpCode.RATE_OF_INCREASE_ALERT_LEVEL_RESPONSE: RateLevel,
        OpCode.RESPONSE_CODE: Response,
    }

    opcode: Annotated[OpCode | int, U8]
    parameter: Annotated[bytes, REST] = b""

"""Insulin Delivery Service, 0x183A, read-only. Source: IDS 1.0.1, 4.1 to 4.9.

Codes have a large Hamming distance, so that a flipped bit makes none of them into another. A device with E2E protection puts a counter
and a CRC behind each value (in front of the features). The Command Control Point has no table here: what steers a therapy
cannot even be spelled.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Annotated, NamedTuple

from profiles.crc import e2e_crc, strip_crc
from profiles.floats import SFLOAT, Value
from profiles.wire import REST, U8, U16, U24, U32, Layout, Wire

SERVICE = 0x183A


class Protection(NamedTuple):
    """The counter goes from 1 to 255 and around; the same one twice is a repetition."""

    counter: int
    crc: int


class _Protected(Wire):
    """Three octets at the end, or none."""

    fmt, size, nullable = "", -1, True

    def read_rest(self, data: bytes, at: int) -> Protection | None:
        if at == len(data):
            return None
        if len(data) - at != 3:  # noqa: PLR2004 - a counter and a CRC
            raise ValueError(f"E2E protection has 3 bytes, {len(data) - at} are left")
        strip_crc(data)
        return Protection(data[at], int.from_bytes(data[at + 1 :], "little"))

    def write(self, value: Protection | None) -> bytes:
        return b"" if value is None else bytes((value.counter,)) + value.crc.to_bytes(2, "little")


PROTECTION = _Protected()


class Changed(IntFlag):
    THERAPY_CONTROL_STATE = 0x0001
    OPERATIONAL_STATE = 0x0002
    RESERVOIR_STATUS = 0x0004
    ANNUNCIATION_STATUS = 0x0008
    TOTAL_DAILY_INSULIN_STATUS = 0x0010
    ACTIVE_BASAL_RATE_STATUS = 0x0020
    ACTIVE_BOLUS_STATUS = 0x0040
    HISTORY_EVENT_RECORDED = 0x0080


@dataclass(frozen=True, slots=True)
class IDDStatusChanged(Layout):
    uuid = 0x2B20

    changed: Annotated[Changed, U16]
    protection: Annotated[Protection | None, PROTECTION] = None


class TherapyControlState(IntEnum):
    UNDETERMINED = 0x0F
    STOP = 0x33
    PAUSE = 0x3C
    RUN = 0x55


class OperationalState(IntEnum):
    UNDETERMINED = 0x0F
    OFF = 0x33
    STANDBY = 0x3C
    PREPARING = 0x55
    PRIMING = 0x5A
    WAITING = 0x66
    READY = 0x96


class StatusFlags(IntFlag):
    RESERVOIR_ATTACHED = 0x01


@dataclass(frozen=True, slots=True)
class IDDStatus(Layout):
    """What is left in the reservoir is in IU."""

    uuid = 0x2B21

    therapy_control_state: Annotated[TherapyControlState | int, U8]
    operational_state: Annotated[OperationalState | int, U8]
    reservoir_remaining: Annotated[Value, SFLOAT]
    flags: Annotated[StatusFlags, U8]
    protection: Annotated[Protection | None, PROTECTION] = None


class AnnunciationFlags(IntFlag):
    ANNUNCIATION = 0x01
    AUXILIARY_1 = 0x02
    AUXILIARY_2 = 0x04
    AUXILIARY_3 = 0x08
    AUXILIARY_4 = 0x10
    AUXILIARY_5 = 0x20


class AnnunciationType(IntEnum):
    SYSTEM_ISSUE = 0x000F
    MECHANICAL_ISSUE = 0x0033
    OCCLUSION_DETECTED = 0x003C
    RESERVOIR_ISSUE = 0x0055
    RESERVOIR_EMPTY = 0x005A
    RESERVOIR_LOW = 0x0066
    PRIMING_ISSUE = 0x0069
    INFUSION_SET_INCOMPLETE = 0x0096
    INFUSION_SET_DETACHED = 0x0099
    POWER_SOURCE_INSUFFICIENT = 0x00A5
    BATTERY_EMPTY = 0x00AA
    BATTERY_LOW = 0x00C3
    BATTERY_MEDIUM = 0x00CC
    BATTERY_FULL = 0x00F0
    TEMPERATURE_OUT_OF_RANGE = 0x00FF
    AIR_PRESSURE_OUT_OF_RANGE = 0x0303
    BOLUS_CANCELED = 0x030C
    TBR_OVER = 0x0330
    TBR_CANCELED = 0x033F
    MAX_DELIVERY = 0x0356
    DATE_TIME_ISSUE = 0x0359
    TEMPERATURE = 0x0365


class AnnunciationState(IntEnum):
    UNDETERMINED = 0x0F
    PENDING = 0x33
    SNOOZED = 0x3C
    CONFIRMED = 0x55


@dataclass(frozen=True, slots=True)
class IDDAnnunciationStatus(Layout):
    uuid = 0x2B22

    flags: Annotated[AnnunciationFlags, U8]
    instance_id: Annotated[int | None, U16, AnnunciationFlags.ANNUNCIATION] = None
    type: Annotated[AnnunciationType | int | None, U16, AnnunciationFlags.ANNUNCIATION] = None
    state: Annotated[AnnunciationState | int | None, U8, AnnunciationFlags.ANNUNCIATION] = None
    auxiliary_1: Annotated[int | None, U16, AnnunciationFlags.AUXILIARY_1] = None
    auxiliary_2: Annotated[int | None, U16, AnnunciationFlags.AUXILIARY_2] = None
    auxiliary_3: Annotated[int | None, U16, AnnunciationFlags.AUXILIARY_3] = None
    auxiliary_4: Annotated[int | None, U16, AnnunciationFlags.AUXILIARY_4] = None
    auxiliary_5: Annotated[int | None, U16, AnnunciationFlags.AUXILIARY_5] = None
    protection: Annotated[Protection | None, PROTECTION] = None


class Feature(IntFlag):
    E2E_PROTECTION = 1 << 0
    BASAL_RATE = 1 << 1
    TBR_TYPE_ABSOLUTE = 1 << 2
    TBR_TYPE_RELATIVE = 1 << 3
    TBR_TEMPLATE = 1 << 4
    FAST_BOLUS = 1 << 5
    EXTENDED_BOLUS = 1 << 6
    MULTIWAVE_BOLUS = 1 << 7
    BOLUS_DELAY_TIME = 1 << 8
    BOLUS_TEMPLATE = 1 << 9
    BOLUS_ACTIVATION_TYPE = 1 << 10
    MULTIPLE_BONDS = 1 << 11
    ISF_PROFILE_TEMPLATE = 1 << 12
    I2CHO_RATIO_PROFILE_TEMPLATE = 1 << 13
    TARGET_GLUCOSE_RANGE_PROFILE_TEMPLATE = 1 << 14
    INSULIN_ON_BOARD = 1 << 15
    EXTENSION = 1 << 23


@dataclass(frozen=True, slots=True)
class IDDFeatures(Layout):
    """CRC 0xFFFF and counter 0 where there is no protection. The concentration is in IU/mL."""

    uuid = 0x2B23

    e2e_crc: Annotated[int, U16]
    e2e_counter: Annotated[int, U8]
    insulin_concentration: Annotated[Value, SFLOAT]
    features: Annotated[Feature, U24]
    extension: Annotated[bytes, REST] = b""

    def problem(self) -> tuple[str, str] | None:
        if self.features & Feature.E2E_PROTECTION and self.e2e_crc != e2e_crc(self.encode()[2:]):
            return "e2e_crc", "the E2E-CRC in front does not fit"
        return None


class HistoryEvent(IntEnum):
    REFERENCE_TIME = 0x000F
    REFERENCE_TIME_BASE_OFFSET = 0x0033
    BOLUS_CALCULATED_PART_1 = 0x003C
    BOLUS_CALCULATED_PART_2 = 0x0055
    BOLUS_PROGRAMMED_PART_1 = 0x005A
    BOLUS_PROGRAMMED_PART_2 = 0x0066
    BOLUS_DELIVERED_PART_1 = 0x0069
    BOLUS_DELIVERED_PART_2 = 0x0096
    DELIVERED_BASAL_RATE_CHANGED = 0x0099
    TBR_ADJUSTMENT_STARTED = 0x00A5
    TBR_ADJUSTMENT_ENDED = 0x00AA
    TBR_ADJUSTMENT_CHANGED = 0x00C3
    PROFILE_TEMPLATE_ACTIVATED = 0x00CC
    BASAL_RATE_PROFILE_TEMPLATE_TIME_BLOCK_CHANGED = 0x00F0
    TOTAL_DAILY_INSULIN_DELIVERY = 0x00FF
    THERAPY_CONTROL_STATE_CHANGED = 0x0303
    OPERATIONAL_STATE_CHANGED = 0x030C
    RESERVOIR_REMAINING_AMOUNT_CHANGED = 0x0330
    ANNUNCIATION_STATUS_CHANGED_PART_1 = 0x033F
    ANNUNCIATION_STATUS_CHANGED_PART_2 = 0x0356
    ISF_PROFILE_TEMPLATE_TIME_BLOCK_CHANGED = 0x0359
    I2CHO_RATIO_PROFILE_TEMPLATE_TIME_BLOCK_CHANGED = 0x0365
    TARGET_GLUCOSE_RANGE_PROFILE_TEMPLATE_TIME_BLOCK_CHANGED = 0x036A
    PRIMING_STARTED = 0x0395
    PRIMING_DONE = 0x039A
    DATA_CORRUPTION = 0x03A6
    POINTER_EVENT = 0x03A9
    BOLUS_TEMPLATE_CHANGED_PART_1 = 0x03C0
    BOLUS_TEMPLATE_CHANGED_PART_2 = 0x03CF
    TBR_TEMPLATE_CHANGED = 0x03F3
    MAX_BOLUS_AMOUNT_CHANGED = 0x03FC


@dataclass(frozen=True, slots=True)
class IDDHistoryData(Layout):
    """One event of the history, so many seconds behind the reference time. Its octets end in the protection, if there is one."""

    uuid = 0x2B28

    event_type: Annotated[HistoryEvent | int, U16]
    sequence_number: Annotated[int, U32]
    relative_offset: Annotated[int, U16]
    event_data: Annotated[bytes, REST] = b""


class ReaderOpCode(IntEnum):
    RESPONSE_CODE = 0x0303
    RESET_STATUS = 0x030C
    GET_ACTIVE_BOLUS_IDS = 0x0330
    GET_ACTIVE_BOLUS_IDS_RESPONSE = 0x033F
    GET_ACTIVE_BOLUS_DELIVERY = 0x0356
    GET_ACTIVE_BOLUS_DELIVERY_RESPONSE = 0x0359
    GET_ACTIVE_BASAL_RATE_DELIVERY = 0x0365
    GET_ACTIVE_BASAL_RATE_DELIVERY_RESPONSE = 0x036A
    GET_TOTAL_DAILY_INSULIN_STATUS = 0x0395
    GET_TOTAL_DAILY_INSULIN_STATUS_RESPONSE = 0x039A
    GET_COUNTER = 0x03A6
    GET_COUNTER_RESPONSE = 0x03A9
    GET_DELIVERED_INSULIN = 0x03C0
    GET_DELIVERED_INSULIN_RESPONSE = 0x03CF
    GET_INSULIN_ON_BOARD = 0x03F3
    GET_INSULIN_ON_BOARD_RESPONSE = 0x03FC


@dataclass(frozen=True, slots=True)
class IDDStatusReaderControlPoint(Layout):
    uuid = 0x2B24

    opcode: Annotated[ReaderOpCode | int, U16]
    parameter: Annotated[bytes, REST] = b""


class RecordOpCode(IntEnum):
    RESPONSE_CODE = 0x0F
    REPORT_STORED_RECORDS = 0x33
    DELETE_STORED_RECORDS = 0x3C
    ABORT_OPERATION = 0x55
    REPORT_NUMBER_OF_STORED_RECORDS = 0x5A
    NUMBER_OF_STORED_RECORDS_RESPONSE = 0x66


class RecordOperator(IntEnum):
    NULL = 0x0F
    ALL_RECORDS = 0x33
    LESS_THAN_OR_EQUAL_TO = 0x3C
    GREATER_THAN_OR_EQUAL_TO = 0x55
    WITHIN_RANGE_OF = 0x5A
    FIRST_RECORD = 0x66
    LAST_RECORD = 0x69


@dataclass(frozen=True, slots=True)
class IDDRecordAccessControlPoint(Layout):
    uuid = 0x2B27

    opcode: Annotated[RecordOpCode | int, U8]
    operator: Annotated[RecordOperator | int, U8]
    operand: Annotated[bytes, REST] = b""

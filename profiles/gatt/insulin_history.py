"""What the events of an insulin device's history hold, and its record access in the terms of the others. Source: IDS 1.0.1, 4.8 and 4.9.

The layouts of the events are written down from the specification's tables as they are known to us, without octets of any device: the
clauses are to be read again before conformance is claimed. Amounts in IU, durations in minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated

from profiles.crc import append_crc, strip_crc
from profiles.floats import SFLOAT, Value
from profiles.gatt.insulin_delivery import (
    HistoryEvent,
    IDDHistoryData,
    IDDRecordAccessControlPoint,
    RecordOpCode,
    RecordOperator,
)
from profiles.gatt.record_access import OpCode, Operator, RecordAccessControlPoint, ResponseCode
from profiles.times import DATE_TIME, DateTime
from profiles.wire import S8, U8, U16, Layout

PROTECTION_OCTETS = 3
SEQUENCE_NUMBER = 0x0F
"""The filter of its record access."""
SUCCESS = 0xF0


class BolusType(IntEnum):
    UNDETERMINED = 0x0F
    FAST = 0x33
    EXTENDED = 0x3C
    MULTIWAVE = 0x55


class RecordingReason(IntEnum):
    UNDETERMINED = 0x0F
    SET_DATE_TIME = 0x33
    PERIODIC_RECORDING = 0x3C
    DATE_TIME_LOSS = 0x55


@dataclass(frozen=True, slots=True)
class ReferenceTime(Layout):
    """The events behind it count their seconds from here. Zone and daylight saving in quarters of an hour."""

    recording_reason: Annotated[RecordingReason | int, U8]
    date_time: Annotated[DateTime, DATE_TIME]
    time_zone: Annotated[int, S8]
    dst_offset: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class BolusDelivered(Layout):
    """Part 1. The extended amount was spread over the duration."""

    bolus_id: Annotated[int, U16]
    bolus_type: Annotated[BolusType | int, U8]
    fast_amount: Annotated[Value, SFLOAT]
    extended_amount: Annotated[Value, SFLOAT]
    duration: Annotated[int, U16]


EVENTS: dict[int, type[Layout]] = {
    HistoryEvent.REFERENCE_TIME: ReferenceTime,
    HistoryEvent.BOLUS_DELIVERED_PART_1: BolusDelivered,
}


def event(history: IDDHistoryData) -> Layout | None:
    """What the event says; None for one without a table. Raises `DecodeError`."""
    table = EVENTS.get(history.event_type)
    return table.decode(history.event_data) if table is not None else None


def unprotected(data: bytes) -> tuple[bytes, int]:
    """A value without its protection, and its counter. Raises `ValueError` if the CRC does not fit."""
    if len(data) < PROTECTION_OCTETS:
        raise ValueError("too short for a counter and a CRC")
    plain = strip_crc(data)
    return plain[:-1], plain[-1]


def protected(data: bytes, counter: int) -> bytes:
    return append_crc(data + bytes((counter,)))


_OPCODES = {
    OpCode.REPORT_STORED_RECORDS: RecordOpCode.REPORT_STORED_RECORDS,
    OpCode.DELETE_STORED_RECORDS: RecordOpCode.DELETE_STORED_RECORDS,
    OpCode.ABORT_OPERATION: RecordOpCode.ABORT_OPERATION,
    OpCode.REPORT_NUMBER_OF_STORED_RECORDS: RecordOpCode.REPORT_NUMBER_OF_STORED_RECORDS,
    OpCode.NUMBER_OF_STORED_RECORDS_RESPONSE: RecordOpCode.NUMBER_OF_STORED_RECORDS_RESPONSE,
    OpCode.RESPONSE_CODE: RecordOpCode.RESPONSE_CODE,
}
_OPERATORS = {operator: RecordOperator[operator.name] for operator in Operator}
_PLAIN_OPCODES = {theirs: ours for ours, theirs in _OPCODES.items()}
_PLAIN_OPERATORS = {theirs: ours for ours, theirs in _OPERATORS.items()}
_RESPONSE_OCTETS = 2


def to_device(command: bytes) -> bytes:
    """A request of record access in this service's codes; its filter stands in front of the operand as there."""
    said = RecordAccessControlPoint.decode(command)
    operand = bytes((SEQUENCE_NUMBER,)) + said.operand[1:] if said.operand else b""
    return bytes((_OPCODES[OpCode(said.opcode)], _OPERATORS[Operator(said.operator)])) + operand


def from_device(said: IDDRecordAccessControlPoint) -> RecordAccessControlPoint:
    """Its answer in the codes of the others. Raises `DecodeError` and `ValueError` for what is none."""
    if said.opcode not in _PLAIN_OPCODES:
        raise ValueError(f"opcode {int(said.opcode):#04x} is no answer")
    opcode, operand = _PLAIN_OPCODES[RecordOpCode(said.opcode)], said.operand
    if opcode == OpCode.RESPONSE_CODE and len(operand) == _RESPONSE_OCTETS:
        request = _PLAIN_OPCODES.get(RecordOpCode(operand[0]), operand[0]) if operand[0] in set(RecordOpCode) else operand[0]
        operand = bytes((request, ResponseCode.SUCCESS if operand[1] == SUCCESS else operand[1]))
    return RecordAccessControlPoint.decode(bytes((opcode, Operator.NULL)) + operand)

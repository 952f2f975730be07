"""Record Access Control Point, 0x2A52: the conversation by which a collector asks for stored records.

Source: Glucose Service 1.0.1, 3.4, and Glucose Profile 1.0.1, 5.4; the same opcodes serve the oximeter and others. The conversation is
in `profiles.download`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, NamedTuple

from profiles.wire import REST, U8, Layout


class OpCode(IntEnum):
    REPORT_STORED_RECORDS = 1
    DELETE_STORED_RECORDS = 2
    ABORT_OPERATION = 3
    REPORT_NUMBER_OF_STORED_RECORDS = 4
    NUMBER_OF_STORED_RECORDS_RESPONSE = 5
    RESPONSE_CODE = 6
    COMBINED_REPORT = 7
    COMBINED_REPORT_RESPONSE = 8


class Operator(IntEnum):
    NULL = 0
    ALL_RECORDS = 1
    LESS_THAN_OR_EQUAL_TO = 2
    GREATER_THAN_OR_EQUAL_TO = 3
    WITHIN_RANGE_OF = 4
    FIRST_RECORD = 5
    LAST_RECORD = 6


class Filter(IntEnum):
    SEQUENCE_NUMBER = 1
    USER_FACING_TIME = 2


class ResponseCode(IntEnum):
    SUCCESS = 1
    OP_CODE_NOT_SUPPORTED = 2
    INVALID_OPERATOR = 3
    OPERATOR_NOT_SUPPORTED = 4
    INVALID_OPERAND = 5
    NO_RECORDS_FOUND = 6
    ABORT_UNSUCCESSFUL = 7
    PROCEDURE_NOT_COMPLETED = 8
    OPERAND_NOT_SUPPORTED = 9


class Response(NamedTuple):
    request_opcode: OpCode | int
    code: ResponseCode | int


_FILTER_SIZES: dict[int, tuple[int, ...]] = {Filter.SEQUENCE_NUMBER: (2, 4), Filter.USER_FACING_TIME: (7,)}
"""A sensor of the generic kind numbers its records with 32 bits, the others with 16."""
_VALUES: dict[int, int] = {Operator.LESS_THAN_OR_EQUAL_TO: 1, Operator.GREATER_THAN_OR_EQUAL_TO: 1, Operator.WITHIN_RANGE_OF: 2}
_NUMBER_SIZES = (1, 2, 4)


@dataclass(frozen=True, slots=True)
class RecordAccessControlPoint(Layout):
    uuid = 0x2A52
    derived = ("number_of_records", "request_opcode", "response_code")

    opcode: Annotated[OpCode | int, U8]
    operator: Annotated[Operator | int, U8]
    operand: Annotated[bytes, REST] = b""

    def problem(self) -> tuple[str, str] | None:
        size = len(self.operand)
        if self.opcode in (OpCode.RESPONSE_CODE, OpCode.NUMBER_OF_STORED_RECORDS_RESPONSE) and self.operator != Operator.NULL:
            return "operator", "a response has operator null"
        if self.opcode == OpCode.RESPONSE_CODE and size != 2:  # noqa: PLR2004 - request and code
            return "operand", f"a response has 2 bytes, not {size}"
        if self.opcode in (OpCode.NUMBER_OF_STORED_RECORDS_RESPONSE, OpCode.COMBINED_REPORT_RESPONSE) and size not in _NUMBER_SIZES:
            return "operand", f"a number of records has 1, 2 or 4 bytes, not {size}"
        values = _VALUES.get(self.operator)
        if values:
            each = _FILTER_SIZES.get(self.operand[0]) if size else None
            if size <= values or (each is not None and size not in {1 + values * one for one in each}):
                return "operand", f"{size} bytes do not hold a filter and {values} of its values"
        return None

    @property
    def number_of_records(self) -> int | None:
        if self.opcode in (OpCode.NUMBER_OF_STORED_RECORDS_RESPONSE, OpCode.COMBINED_REPORT_RESPONSE):
            return int.from_bytes(self.operand, "little")
        return None

    @property
    def response(self) -> Response | None:
        if self.opcode != OpCode.RESPONSE_CODE:
            return None
        request, code = self.operand
        return Response(
            OpCode(request) if request in set(OpCode) else request,
            ResponseCode(code) if code in set(ResponseCode) else code,
        )

    @property
    def request_opcode(self) -> OpCode | int | None:
        return self.response.request_opcode if self.response else None

    @property
    def response_code(self) -> ResponseCode | int | None:
        return self.response.code if self.response else None


def report_all() -> bytes:
    return bytes((OpCode.REPORT_STORED_RECORDS, Operator.ALL_RECORDS))


def report_last() -> bytes:
    return bytes((OpCode.REPORT_STORED_RECORDS, Operator.LAST_RECORD))


def report_from(sequence_number: int, width: int = 2) -> bytes:
    """`width`: octets of a record's number."""
    return _by_sequence(OpCode.REPORT_STORED_RECORDS, Operator.GREATER_THAN_OR_EQUAL_TO, sequence_number, width)


def delete_up_to(sequence_number: int) -> bytes:
    """Makes the device forget: the caller must hold what it forgets."""
    return _by_sequence(OpCode.DELETE_STORED_RECORDS, Operator.LESS_THAN_OR_EQUAL_TO, sequence_number)


def abort() -> bytes:
    return bytes((OpCode.ABORT_OPERATION, Operator.NULL))


def number_of(report: bytes) -> bytes:
    """How many records this request would report."""
    return bytes((OpCode.REPORT_NUMBER_OF_STORED_RECORDS,)) + report[1:]


def combined(report: bytes) -> bytes:
    """The same as a combined report, whose answer says how many records were sent."""
    return bytes((OpCode.COMBINED_REPORT,)) + report[1:]


def _by_sequence(opcode: OpCode, operator: Operator, sequence_number: int, width: int = 2) -> bytes:
    """Behind the largest number there is none: a device that has counted so far is asked for its last one again."""
    largest = (1 << 8 * width) - 1
    return bytes((opcode, operator, Filter.SEQUENCE_NUMBER)) + min(sequence_number, largest).to_bytes(width, "little")

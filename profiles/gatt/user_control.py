"""User Control Point, 0x2A9F, and Registered User, 0x2B37: who may see which user's data. Source: UDS 1.1, 3.2 and 3.3.

A device lists data of its users only after `consent` with the code that the user chose at `register`. The codes are secrets.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, ClassVar

from profiles.operations import Operation, Tables
from profiles.segments import Segmented
from profiles.wire import REST, U8, U16, Layout

NO_USER = 0xFF
LARGEST_CONSENT_CODE = 9999


class OpCode(IntEnum):
    REGISTER_NEW_USER = 0x01
    CONSENT = 0x02
    DELETE_USER_DATA = 0x03
    LIST_ALL_USERS = 0x04
    DELETE_USERS = 0x05
    RESPONSE_CODE = 0x20


class ResponseValue(IntEnum):
    SUCCESS = 1
    OP_CODE_NOT_SUPPORTED = 2
    INVALID_PARAMETER = 3
    OPERATION_FAILED = 4
    USER_NOT_AUTHORIZED = 5


@dataclass(frozen=True, slots=True)
class Registration(Layout):
    consent_code: Annotated[int, U16]


@dataclass(frozen=True, slots=True)
class Consent(Layout):
    user_index: Annotated[int, U8]
    consent_code: Annotated[int, U16]


@dataclass(frozen=True, slots=True)
class OneUser(Layout):
    user_index: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class Response(Layout):
    request_opcode: Annotated[OpCode | int, U8]
    response_value: Annotated[ResponseValue | int, U8]
    response_parameter: Annotated[bytes, REST] = b""


@dataclass(frozen=True, slots=True)
class UserControlPoint(Operation):
    """UDS 3.2. Some writers leave the parameter out; what is too short for its table is shown as octets."""

    uuid = 0x2A9F
    tables: ClassVar[Tables] = {OpCode.RESPONSE_CODE: Response}

    opcode: Annotated[OpCode | int, U8]
    parameter: Annotated[bytes, REST] = b""

    @property
    def response(self) -> Response | None:
        said = self.parameters
        return said if isinstance(said, Response) else None


def register(consent_code: int) -> bytes:
    return bytes((OpCode.REGISTER_NEW_USER,)) + Registration(_checked(consent_code)).encode()


def consent(user_index: int, consent_code: int) -> bytes:
    return bytes((OpCode.CONSENT,)) + Consent(user_index, _checked(consent_code)).encode()


def _checked(code: int) -> int:
    if not 0 <= code <= LARGEST_CONSENT_CODE:
        raise ValueError("a consent code has at most four digits")
    return code


@dataclass(frozen=True, slots=True)
class RegisteredUser(Segmented, Layout):
    """UDS 1.1, 3.3: one segment of what the device tells of a user. The segmentation octet is that of blood pressure records.

    The clause is to be read again: that the user index comes second is another implementation's reading.
    """

    uuid = 0x2B37
    derived = ("first_segment", "last_segment", "segment_counter")

    segmentation: Annotated[int, U8]
    user_index: Annotated[int, U8]
    body: Annotated[bytes, REST] = b""

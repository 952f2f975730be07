"""Reconnection Configuration Service, 0x1829. Source: RCS 1.0.1, 3.1 to 3.3."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Annotated, ClassVar

from profiles.crc import E2E_CRC, e2e_crc
from profiles.operations import Operation, Tables
from profiles.wire import REST, U8, U16, U24, Layout

SERVICE = 0x1829


class Feature(IntFlag):
    E2E_CRC = 1 << 0
    ENABLE_DISCONNECT = 1 << 1
    READY_FOR_DISCONNECT = 1 << 2
    PROPOSE_RECONNECTION_TIMEOUT = 1 << 3
    PROPOSE_CONNECTION_INTERVAL = 1 << 4
    PROPOSE_PERIPHERAL_LATENCY = 1 << 5
    PROPOSE_SUPERVISION_TIMEOUT = 1 << 6
    PROPOSE_ADVERTISEMENT_INTERVAL = 1 << 7
    PROPOSE_ADVERTISEMENT_COUNT = 1 << 8
    PROPOSE_ADVERTISEMENT_REPETITION_TIME = 1 << 9
    ADVERTISEMENT_CONFIGURATION_1 = 1 << 10
    ADVERTISEMENT_CONFIGURATION_2 = 1 << 11
    ADVERTISEMENT_CONFIGURATION_3 = 1 << 12
    ADVERTISEMENT_CONFIGURATION_4 = 1 << 13
    UPGRADE_TO_LESC_ONLY = 1 << 14
    NEXT_PAIRING_OOB = 1 << 15
    FILTER_ACCEPT_LIST = 1 << 16
    LIMITED_ACCESS = 1 << 17


@dataclass(frozen=True, slots=True)
class RCFeature(Layout):
    """RCS 3.1. The CRC is in front, over what follows; 0xFFFF where the device uses none."""

    uuid = 0x2B1D

    e2e_crc: Annotated[int, U16]
    features: Annotated[Feature, U24]
    extension: Annotated[bytes, REST] = b""

    def problem(self) -> tuple[str, str] | None:
        if self.features & Feature.E2E_CRC and self.e2e_crc != e2e_crc(self.encode()[2:]):
            return "e2e_crc", "the E2E-CRC in front does not fit"
        return None


class Settings(IntFlag):
    LESC_ONLY = 0x0002
    USE_OOB_PAIRING = 0x0004
    READY_FOR_DISCONNECT = 0x0010
    LIMITED_ACCESS = 0x0020
    ACCESS_PERMITTED = 0x0040
    ADVERTISEMENT_MODE = 0x0300


@dataclass(frozen=True, slots=True)
class RCSettings(Layout):
    """RCS 3.2. `READY_FOR_DISCONNECT`: the device has nothing more to say."""

    uuid = 0x2B1E

    length: Annotated[int, U8]
    settings: Annotated[Settings, U16]
    e2e_crc: Annotated[int | None, E2E_CRC] = None


class OpCode(IntEnum):
    ENABLE_DISCONNECT = 0x00
    GET_ACTUAL_COMMUNICATION_PARAMETERS = 0x01
    PROPOSE_SETTINGS = 0x02
    ACTIVATE_STORED_SETTINGS = 0x03
    GET_MAX_VALUES = 0x04
    GET_MIN_VALUES = 0x05
    GET_STORED_VALUES = 0x06
    SET_FILTER_ACCEPT_LIST_TIMER = 0x07
    GET_FILTER_ACCEPT_LIST_TIMER = 0x08
    SET_ADVERTISEMENT_CONFIGURATION = 0x09
    UPGRADE_TO_LESC_ONLY = 0x0A
    SWITCH_OOB_PAIRING = 0x0B
    LIMITED_ACCESS = 0x0C
    PROCEDURE_RESPONSE = 0x0E
    COMMUNICATION_PARAMETER_RESPONSE = 0x0F
    FILTER_ACCEPT_LIST_TIMER_RESPONSE = 0x10
    CLIENT_PARAMETER_INDICATION = 0x11


class Result(IntEnum):
    SUCCESS = 0x01
    OPCODE_NOT_SUPPORTED = 0x02
    INVALID_OPERAND = 0x03
    OPERATION_FAILED = 0x04
    COMMUNICATION_PARAMETER_OUT_OF_RANGE = 0x05
    INVALID_PARAMETER_COMBINATION = 0x06
    DEVICE_BUSY = 0x07
    COMMUNICATION_PARAMETERS_REJECTED = 0x08
    PROPOSAL_ACCEPTED = 0x09


@dataclass(frozen=True, slots=True)
class Response(Layout):
    request_opcode: Annotated[OpCode | int, U8]
    result: Annotated[Result | int, U8]
    more: Annotated[bytes, REST] = b""


@dataclass(frozen=True, slots=True)
class ReconnectionConfigurationControlPoint(Operation):
    """RCS 3.3."""

    uuid = 0x2B1F
    tables: ClassVar[Tables] = {OpCode.PROCEDURE_RESPONSE: Response}

    opcode: Annotated[OpCode | int, U8]
    parameter: Annotated[bytes, REST] = b""

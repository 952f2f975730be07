"""Messages of a Dexcom G5 transmitter: an opcode, fields, and a CRC-16 (XMODEM) over them, least significant octet first.

Source: messages: LoopKit/CGMBLEKit@4eb3c940 CGMBLEKitTests; what is asked is from memory of LoopKit/CGMBLEKit.
"""

from __future__ import annotations

import struct
from binascii import crc_hqx
from typing import NamedTuple

from profiles.wire import DecodeError

TIME_ASKED, TIME, GLUCOSE_ASKED, GLUCOSE = 0x24, 0x25, 0x30, 0x31
NO_SESSION = 0xFFFFFFFF
_TIME, _GLUCOSE = struct.Struct("<BBII4x"), struct.Struct("<BBIIHBb")
_CRC_OCTETS, _VALUE, _DISPLAY_ONLY = 2, 0x0FFF, 0xF000


class Time(NamedTuple):
    """Seconds since the transmitter was activated."""

    status: int
    now: int
    session_start: int | None


class Glucose(NamedTuple):
    """`milligrams`: per decilitre. `display_only`: from before a calibration took effect. `trend`: tenths of mg/dL/min."""

    status: int
    sequence: int
    time: int
    milligrams: int
    display_only: bool
    state: int
    trend: int


def asked(opcode: int) -> bytes:
    return _with_crc(bytes((opcode,)))


def _with_crc(data: bytes) -> bytes:
    return data + crc_hqx(data, 0).to_bytes(_CRC_OCTETS, "little")


def told(data: bytes) -> Time | Glucose | None:
    """None for a message of another kind. Raises `DecodeError`."""
    layout = {TIME: _TIME, GLUCOSE: _GLUCOSE}.get(data[0] if data else -1)
    if layout is None:
        return None
    if len(data) != layout.size + _CRC_OCTETS:
        raise DecodeError("Dexcom message", "length", 0, "does not fit", data)
    if _with_crc(data[:-_CRC_OCTETS]) != data:
        raise DecodeError("Dexcom message", "crc", layout.size, "does not fit", data)
    _, *fields = layout.unpack(data[: layout.size])
    if layout is _TIME:
        status, now, start = fields
        return Time(status, now, None if start == NO_SESSION else start)
    status, sequence, time, value, state, trend = fields
    return Glucose(status, sequence, time, value & _VALUE, bool(value & _DISPLAY_ONLY), state, trend)

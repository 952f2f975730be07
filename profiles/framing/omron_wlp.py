"""Omron's frames over four characteristics: length, kind, address, count, octets, a zero, and a XOR over all, sixteen octets to each.

Source: frames: oliexdev/openScale@f7a733b2 OmronLibTest.kt, which are also those of the cuffs; how a frame is spread, and the kinds, are
from memory of userx14/omblepy.
"""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

from profiles.wire import DecodeError

START, READ, END = 0x0000, 0x0100, 0x0F00
ANSWER = 0x8000
PIECE, HEAD, FRAME = 16, 6, 8
"""Octets of a characteristic, of what stands before the data, and of a frame without any."""
FROM_START = 0x10


class Told(NamedTuple):
    kind: int
    address: int
    data: bytes


def _folded(data: bytes) -> int:
    return reduce(int.__xor__, data, 0)


def asked(kind: int, address: int = 0, count: int = 0) -> bytes:
    octets = bytes((FRAME,)) + kind.to_bytes(2, "big") + address.to_bytes(2, "big") + bytes((count, 0))
    return octets + bytes((_folded(octets),))


def told(kind: int, address: int, data: bytes) -> bytes:
    """What a device says."""
    octets = bytes((FRAME + len(data),)) + kind.to_bytes(2, "big") + address.to_bytes(2, "big") + bytes((len(data),)) + data + b"\0"
    return octets + bytes((_folded(octets),))


def parse(frame: bytes) -> Told:
    """Raises `DecodeError`."""
    if len(frame) < FRAME or frame[0] != len(frame):
        raise DecodeError("Omron frame", "length", 0, "does not fit", frame)
    if _folded(frame):
        raise DecodeError("Omron frame", "xor", len(frame) - 1, "does not fit", frame)
    kind, address = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    data = frame[HEAD : HEAD + frame[5]]
    if kind == READ | ANSWER and len(data) != frame[5]:
        raise DecodeError("Omron frame", "count", 5, "is more than there is", frame)
    return Told(kind, address, data)


class Joiner:
    """Pieces by their channel, 0 to 3; they may come in any order."""

    def __init__(self) -> None:
        self._pieces: dict[int, bytes] = {}

    def feed(self, channel: int, data: bytes) -> bytes | None:
        """The frame, once it is whole. One that begins anew before the last was whole takes its place."""
        if channel in self._pieces:
            self._pieces = {}
        self._pieces[channel] = data
        first = self._pieces.get(0)
        if not first:
            return None
        wanted = range(-(-first[0] // PIECE))
        if any(place not in self._pieces for place in wanted):
            return None
        whole = b"".join(self._pieces[place] for place in wanted)[: first[0]]
        self._pieces = {}
        return whole

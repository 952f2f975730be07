"""The binary protocol of LifeScan's meters: a frame with its length, a link control octet, a payload and a CRC.

Source: glucometers-tech/glucometer-protocols (OneTouch UltraEasy, Verio 2015), and glucometerutils' tests.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from enum import IntFlag
from typing import NamedTuple

from profiles.wire import DecodeError

STX, ETX = 0x02, 0x03
LEAST = 6


class Link(IntFlag):
    """`SEQUENCE`: number of this frame. `EXPECT`: number of the frame that is wanted next."""

    SEQUENCE = 0x01
    EXPECT = 0x02
    ACK = 0x04
    DISCONNECT = 0x08
    MORE = 0x10


class Frame(NamedTuple):
    link: Link
    payload: bytes


def crc(data: bytes) -> int:
    """CRC-16, polynomial 0x1021, start 0xFFFF."""
    return binascii.crc_hqx(data, 0xFFFF)


def written(payload: bytes, link: Link | int = 0) -> bytes:
    body = bytes((STX, LEAST + len(payload), link)) + payload + bytes((ETX,))
    return body + crc(body).to_bytes(2, "little")


def frame(data: bytes) -> Frame:
    """Of a frame alone; what follows it is padding. Raises `DecodeError`."""
    found = next(Framer().feed(data), None)
    if found is None:
        raise DecodeError("lifescan frame", "length", 1, "is not all there", data)
    return found


class Framer:
    def __init__(self) -> None:
        self._kept = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Raises `DecodeError` at a frame that is damaged: it is passed over, and what follows is read when it is fed again."""
        self._kept += data
        while self._kept:
            start = self._kept.find(STX)
            del self._kept[: start if start >= 0 else len(self._kept)]
            if len(self._kept) < 2 or len(self._kept) < self._kept[1]:  # noqa: PLR2004 - the length itself
                return
            size = self._kept[1]
            if size < LEAST:
                del self._kept[:1]
                continue
            whole = bytes(self._kept[:size])
            if whole[-3] != ETX or int.from_bytes(whole[-2:], "little") != crc(whole[:-2]):
                del self._kept[:1]
                raise DecodeError("lifescan frame", "crc", size - 2, "does not fit", whole)
            del self._kept[:size]
            yield Frame(Link(whole[2]), whole[3:-3])

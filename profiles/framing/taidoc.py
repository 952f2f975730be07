"""Eight octets that end in their sum, of TaiDoc's meters (GlucoRx Nexus, Fora, GlucoCheck and others).

Source: glucometers-tech/glucometer-protocols (TD-42xx), glucometerutils.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from profiles.times import DateTime
from profiles.wire import DecodeError

START, TO_METER, FROM_METER, SIZE = 0x51, 0xA3, 0xA5, 8


class Message(NamedTuple):
    command: int
    data: bytes


def written(command: int, data: bytes = b"", *, direction: int = TO_METER) -> bytes:
    body = bytes((START, command)) + data.ljust(4, b"\0") + bytes((direction,))
    return body + bytes((sum(body) & 0xFF,))


class Framer:
    def __init__(self) -> None:
        self._kept = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """Raises `DecodeError` at a message that is damaged, which is passed over."""
        self._kept += data
        while self._kept:
            start = self._kept.find(START)
            del self._kept[: start if start >= 0 else len(self._kept)]
            if len(self._kept) < SIZE:
                return
            whole = bytes(self._kept[:SIZE])
            if whole[6] not in (FROM_METER, TO_METER) or whole[7] != sum(whole[:7]) & 0xFF:
                del self._kept[:1]
                raise DecodeError("taidoc message", "sum", 7, "does not fit", whole)
            del self._kept[:SIZE]
            yield Message(whole[1], whole[2:6])


def stamp(data: bytes) -> DateTime:
    """Year, month and day in 16 bits, minute, hour. Raises `DecodeError`."""
    packed = int.from_bytes(data[:2], "little")
    moment = DateTime(2000 + (packed >> 9), packed >> 5 & 0x0F, packed & 0x1F, data[3] & 0x1F, data[2] & 0x3F, 0)
    if moment.naive() is None:
        raise DecodeError("taidoc time", "date", 0, "is none", data)
    return moment


def packed(moment: DateTime) -> bytes:
    day = ((moment.year or 2000) - 2000) << 9 | (moment.month or 1) << 5 | (moment.day or 1)
    return day.to_bytes(2, "little") + bytes((moment.minutes, moment.hours))

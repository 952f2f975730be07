"""Frames of Viatom and Lepu: AA 55 or 55 and a command with its complement, a count, octets, and a CRC-8 (polynomial 0x07) over all before
it.

Source: CRCs and frames: dmattox-sparkcodelabs/O2Monitor OximeterProtocolTest.kt; the rest is from memory of MackeyStingray/o2r and
sza2/viatom_pc60fw.
"""

from __future__ import annotations

from collections.abc import Iterator

from profiles.wire import DecodeError

ANSWER, HEAD = 0x55, 7
COMMAND = 0xAA
LONGEST = 512


def _table() -> tuple[int, ...]:
    entries = []
    for octet in range(256):
        value = octet
        for _ in range(8):
            value = (value << 1 ^ 0x07 if value & 0x80 else value << 1) & 0xFF
        entries.append(value)
    return tuple(entries)


_TABLE = _table()


def crc8(data: bytes) -> int:
    value = 0
    for octet in data:
        value = _TABLE[value ^ octet]
    return value


def asked(command: int) -> bytes:
    octets = bytes((COMMAND, command, command ^ 0xFF, 0, 0, 0, 0))
    return octets + bytes((crc8(octets),))


def told(command: int, data: bytes) -> bytes:
    octets = bytes((ANSWER, command, command ^ 0xFF, 0, 0)) + len(data).to_bytes(2, "little") + data
    return octets + bytes((crc8(octets),))


class Framer:
    """Answers, out of pieces of any size. Octets between them are passed over."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The data of each. Raises `DecodeError` at one whose CRC does not fit, and goes on behind it when fed again."""
        self._kept += data
        while True:
            at = self._kept.find(ANSWER)
            del self._kept[: at if at >= 0 else len(self._kept)]
            if len(self._kept) < HEAD:
                return
            size = int.from_bytes(self._kept[5:7], "little")
            if self._kept[1] ^ 0xFF != self._kept[2] or size > LONGEST:  # a command and its complement
                del self._kept[0]
                continue
            if len(self._kept) < HEAD + size + 1:
                return
            frame = bytes(self._kept[: HEAD + size + 1])
            del self._kept[: len(frame)]
            if crc8(frame[:-1]) != frame[-1]:
                raise DecodeError("Viatom frame", "crc", len(frame) - 1, "does not fit", frame)
            yield frame[HEAD:-1]

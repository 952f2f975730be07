"""ASTM E1381 frames, as Ascensia's meters carry them in HID reports or over a serial line, and the E1394 records in them.

Source: the protocol of Contour USB by glucometers-tech/glucometerutils and tidepool-org/uploader; ASTM E1381-95, E1394-97.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from profiles.times import DateTime
from profiles.wire import DecodeError

ENQ, ACK, NAK, EOT, STX, ETX, ETB, CR = 0x05, 0x06, 0x15, 0x04, 0x02, 0x03, 0x17, 0x0D
REPORT, PREFIX = 64, b"ABC"
MOST = 60


def report(text: bytes) -> bytes:
    """A HID report with some octets of the conversation."""
    return (PREFIX + bytes((len(text),)) + text).ljust(REPORT, b"\0")


def carried(data: bytes) -> bytes:
    """What a HID report carries; some models send reports that are shorter. Raises `DecodeError`."""
    if data[:3] != PREFIX or len(data) < 4 or len(data) < 4 + data[3] or data[3] > MOST:  # noqa: PLR2004 - the prefix and a length
        raise DecodeError("contour report", "prefix", 0, "is no report of this protocol", data)
    return data[4 : 4 + data[3]]


class Frame(NamedTuple):
    number: int
    text: str
    is_last: bool


Piece = Frame | int
"""A frame, or one of the control characters ENQ and EOT."""


def checksum(data: bytes) -> bytes:
    return b"%02X" % (sum(data) & 0xFF)


def written(number: int, text: str, *, is_last: bool = True) -> bytes:
    body = b"%d%s\r" % (number % 8, text.encode()) + bytes((ETX if is_last else ETB,))
    return bytes((STX,)) + body + checksum(body) + b"\r\n"


class Framer:
    def __init__(self) -> None:
        self._kept = bytearray()

    def feed(self, data: bytes) -> Iterator[Piece]:
        """Raises `DecodeError` at a frame that is damaged: it is passed over, and asked for again by a NAK."""
        self._kept += data
        while self._kept:
            first = self._kept[0]
            if first in (ENQ, EOT):
                del self._kept[:1]
                yield first
                continue
            if first != STX:
                del self._kept[:1]
                continue
            end = next((at for at, octet in enumerate(self._kept) if octet in (ETX, ETB)), -1)
            if end < 0 or len(self._kept) < end + 5:
                if len(self._kept) > 1024:  # noqa: PLR2004 - no frame is longer than 247 octets
                    lost = bytes(self._kept)
                    self._kept.clear()
                    raise DecodeError("astm frame", "end", len(lost), "does not come to its end", lost)
                return
            whole = bytes(self._kept[: end + 5])
            del self._kept[: end + 5]
            if whole[end + 1 : end + 3].upper() != checksum(whole[1 : end + 1]) or not whole[1:2].isdigit():
                raise DecodeError("astm frame", "checksum", end + 1, "does not fit", whole)
            text = whole[2:end].rstrip(b"\r").decode("latin-1")
            yield Frame(whole[1] - ord("0"), text, whole[end] == ETX)


class Result(NamedTuple):
    """An R record."""

    sequence: int
    test: str
    value: str
    unit: str
    method: str
    """P plasma, B whole blood, D Deci."""
    markers: tuple[str, ...]
    time: DateTime | None


def result(text: str) -> Result:
    """`R|8|^^^Glucose|133|mg/dL^P||B/X||201202052034`. Raises `DecodeError`."""
    fields = text.split("|")
    try:
        kind, sequence, test, value, unit = fields[:5]
        if kind != "R":
            raise ValueError("not R")
        unit, _, method = unit.partition("^")
        markers = tuple(mark for mark in fields[6].split("/") if mark) if len(fields) > 6 else ()  # noqa: PLR2004 - the sixth
        time = stamp(fields[8]) if len(fields) > 8 else None  # noqa: PLR2004 - the eighth
        return Result(int(sequence), test.split("^")[-1], value, unit, method, markers, time)
    except ValueError as error:
        raise DecodeError("E1394 result", "fields", 0, "are not those of a result", text.encode()) from error


def stamp(text: str) -> DateTime | None:
    """yyyymmddhhmm, with seconds where there are any. Raises `ValueError`."""
    if not text:
        return None
    if not text.isdecimal() or len(text) not in (12, 14):
        raise ValueError(f"{len(text)} characters are no time")
    parts = [int(text[:4]), *(int(text[at : at + 2]) for at in range(4, len(text), 2))]
    return DateTime(parts[0], parts[1], parts[2], parts[3], parts[4], parts[5] if len(parts) > 5 else 0)  # noqa: PLR2004 - seconds

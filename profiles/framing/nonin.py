"""Nonin's data formats 2 and 7: five octets, seventy-five times a second, of which twenty-five say everything once; and 8: four octets,
once a second.

Source: Nonin 7970-000 OEM specification (Xpod, 3012LP, 3150, 9550).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

FRAME, FRAMES = 5, 25
SLOW, SLOW_FORMAT = 4, 8
NO_RATE, NO_SPO2 = 511, 127
_SYNC, _DISCONNECTED, _ARTIFACT, _OUT_OF_TRACK = 0x01, 0x40, 0x20, 0x10


class Packet(NamedTuple):
    """A third of a second."""

    pulse_rate: int | None
    spo2: int | None
    is_disconnected: bool
    is_out_of_track: bool
    has_artifact: bool

    @property
    def is_valid(self) -> bool:
        return not (self.is_disconnected or self.is_out_of_track) and self.pulse_rate is not None and self.spo2 is not None


def _status_at(frame: bytes) -> int | None:
    """Format 2 begins with a one, format 7 with the status. None: it is neither, or its sum is wrong."""
    at = 1 if frame[0] == 1 else 0
    return at if frame[at] & 0x80 and sum(frame[:4]) & 0xFF == frame[4] else None


class Framer:
    """Formats 2 and 7. A frame whose sum is wrong costs the packet that it belongs to, and no other: the next begins with its sync bit."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._frames: list[bytes] = []
        self._status: int | None = None
        """Where it stands, as the first whole packet said."""
        self.damaged = 0

    @property
    def data_format(self) -> int | None:
        return {None: None, 0: 7, 1: 2}[self._status]

    def feed(self, data: bytes) -> Iterator[Packet]:
        self._kept += data
        while len(self._kept) >= FRAME:
            frame = bytes(self._kept[:FRAME])
            at = _status_at(frame)
            if at is None or self._status not in (None, at):
                del self._kept[0]
                if self._frames or frame[0] == 1:
                    self.damaged += 1
                self._frames = []
                continue
            del self._kept[:FRAME]
            if frame[at] & _SYNC:
                self._frames = [frame]
            elif self._frames and _status_at(self._frames[0]) == at:
                self._frames.append(frame)
            if len(self._frames) == FRAMES:
                self._status = at
                yield packet(self._frames)
                self._frames = []


def packet(frames: list[bytes]) -> Packet:
    """Frame 1 and 2 have the pulse rate in nine bits, frame 3 the saturation; the status bits are of any of them."""
    rate = (frames[0][3] & 0x03) << 7 | frames[1][3] & 0x7F
    spo2 = frames[2][3] & 0x7F
    status = 0
    for frame in frames:
        status |= frame[1 if frame[0] == 1 else 0]
    return _packet(rate, spo2, status)


def _packet(rate: int, spo2: int, status: int) -> Packet:
    return Packet(
        pulse_rate=None if rate == NO_RATE else rate,
        spo2=None if spo2 == NO_SPO2 else spo2,
        is_disconnected=bool(status & _DISCONNECTED),
        is_out_of_track=bool(status & _OUT_OF_TRACK),
        has_artifact=bool(status & _ARTIFACT),
    )


class SlowFramer:
    """Format 8: status, pulse rate, saturation, a second status. Only the first octet has its highest bit set."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self.damaged = 0

    def feed(self, data: bytes) -> Iterator[Packet]:
        self._kept += data
        while len(self._kept) >= SLOW:
            first, rate, spo2, _ = said = self._kept[:SLOW]
            if not first & 0x80 or any(octet & 0x80 for octet in said[1:]):
                del self._kept[0]
                self.damaged += 1
                continue
            del self._kept[:SLOW]
            yield _packet((first & 0x03) << 7 | rate, spo2, first)


def written(pulse_rate: int, spo2: int, status: int = 0, data_format: int = 2) -> bytes:
    """A whole packet, as a device sends it."""
    if data_format == SLOW_FORMAT:
        return bytes((0x80 | status | pulse_rate >> 7 & 0x03, pulse_rate & 0x7F, spo2, 0))
    values = {0: pulse_rate >> 7 & 0x03, 1: pulse_rate & 0x7F, 2: spo2}
    frames = bytearray()
    for number in range(FRAMES):
        said = 0x80 | status | (_SYNC if number == 0 else 0)
        head = bytes((1, said, number)) if data_format == 2 else bytes((said, number, 0x55))  # noqa: PLR2004 - the name of the format
        body = head + bytes((values.get(number, 0),))
        frames += body + bytes((sum(body) & 0xFF,))
    return bytes(frames)

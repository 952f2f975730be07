"""Nonin's data format 2 (and 7): five octets, seventy-five times a second; twenty-five of them say everything once.

Source: Nonin 7970-000 OEM specification (Xpod, 3012LP, 3150, 9550).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

FRAME, FRAMES = 5, 25
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


class Framer:
    """A frame whose sum is wrong costs the packet that it belongs to, and no other: the next begins with its sync bit."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._frames: list[bytes] = []
        self.damaged = 0

    def feed(self, data: bytes) -> Iterator[Packet]:
        self._kept += data
        while len(self._kept) >= FRAME:
            frame = bytes(self._kept[:FRAME])
            if frame[0] != 1 or not frame[1] & 0x80 or sum(frame[:4]) & 0xFF != frame[4]:
                del self._kept[0]
                if self._frames or frame[0] == 1:
                    self.damaged += 1
                self._frames = []
                continue
            del self._kept[:FRAME]
            if frame[1] & _SYNC:
                self._frames = [frame]
            elif self._frames:
                self._frames.append(frame)
            if len(self._frames) == FRAMES:
                yield packet(self._frames)
                self._frames = []


def packet(frames: list[bytes]) -> Packet:
    """Frame 1 and 2 have the pulse rate in nine bits, frame 3 the saturation; the status bits are of any of them."""
    rate = (frames[0][3] & 0x03) << 7 | frames[1][3] & 0x7F
    spo2 = frames[2][3] & 0x7F
    status = 0
    for frame in frames:
        status |= frame[1]
    return Packet(
        pulse_rate=None if rate == NO_RATE else rate,
        spo2=None if spo2 == NO_SPO2 else spo2,
        is_disconnected=bool(status & _DISCONNECTED),
        is_out_of_track=bool(status & _OUT_OF_TRACK),
        has_artifact=bool(status & _ARTIFACT),
    )


def written(pulse_rate: int, spo2: int, status: int = 0) -> bytes:
    """A whole packet, as a device sends it."""
    values = {0: pulse_rate >> 7 & 0x03, 1: pulse_rate & 0x7F, 2: spo2}
    frames = bytearray()
    for number in range(FRAMES):
        body = bytes((1, 0x80 | status | (_SYNC if number == 0 else 0), number, values.get(number, 0)))
        frames += body + bytes((sum(body) & 0xFF,))
    return bytes(frames)

"""Contec's oximeters with the newer firmware: packets of a kind, an octet with the highest bits of what follows, and up to seven octets
that have theirs set instead.

Source: timegrid/CMS50Dplus7, tobac/cms50ew.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

MOST, LIVE_LEAST = 7, 5
LIVE = 0x01
NO_PULSE = 255
START, STOP, STAY = 0xA1, 0xA2, 0xAF


class Packet(NamedTuple):
    kind: int
    data: bytes


class Live(NamedTuple):
    spo2: int
    pulse_rate: int

    @property
    def is_valid(self) -> bool:
        return 0 < self.spo2 <= 100 and 0 < self.pulse_rate < NO_PULSE  # noqa: PLR2004 - percent


def written(command: int) -> bytes:
    return bytes((0x7D, 0x81, command)).ljust(9, b"\x80")


def packed(kind: int, data: bytes) -> bytes:
    """As a device sends it."""
    highest = sum(1 << at for at, octet in enumerate(data) if octet & 0x80)
    return bytes((kind, 0x80 | highest)) + bytes(octet | 0x80 for octet in data)


def live(data: bytes) -> Live | None:
    """Behind three octets that say how the finger is: pulse rate and saturation. None: it is too short."""
    return Live(data[4], data[3]) if len(data) >= LIVE_LEAST else None


class Framer:
    """A packet is whole when it has seven octets, or when another begins."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self.damaged = 0

    def feed(self, data: bytes) -> Iterator[Packet]:
        for octet in data:
            if not octet & 0x80:
                yield from self._taken()
                self._kept = bytearray((octet,))
            elif not self._kept:
                self.damaged += 1
            else:
                self._kept.append(octet)
                if len(self._kept) == 2 + MOST:
                    yield from self._taken()

    def _taken(self) -> Iterator[Packet]:
        kept, self._kept = self._kept, bytearray()
        if len(kept) > 1:
            said = bytes(octet & 0x7F | (0x80 if kept[1] >> at & 1 else 0) for at, octet in enumerate(kept[2:]))
            yield Packet(kept[0], said)
        else:
            self.damaged += len(kept)

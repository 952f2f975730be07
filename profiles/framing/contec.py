"""Contec's oximeters with the older firmware: five octets sixty times a second, and three octets a second out of the memory.

Only the first octet of each has its highest bit set. Source: atbrask/CMS50Dplus and its tests; the same is BCI's protocol.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from profiles.wire import DecodeError

LIVE, RECORDED = 5, 3
NO_SPO2, NO_PULSE = 127, 255


class Live(NamedTuple):
    signal_strength: int
    finger_out: bool
    dropping_spo2: bool
    beep: bool
    pulse_waveform: int
    bar_graph: int
    probe_error: bool
    searching: bool
    pulse_rate_bpm: int
    spo2_pct: int

    @property
    def is_valid(self) -> bool:
        troubled = self.finger_out or self.probe_error or self.searching
        return not troubled and 0 < self.spo2_pct <= 100 and 0 < self.pulse_rate_bpm < NO_PULSE  # noqa: PLR2004 - percent


class Recorded(NamedTuple):
    pulse_rate_bpm: int
    spo2_pct: int

    @property
    def is_valid(self) -> bool:
        return 0 < self.spo2_pct <= 100 and 0 < self.pulse_rate_bpm < NO_PULSE  # noqa: PLR2004 - percent


def live(data: bytes) -> Live:
    """Raises `DecodeError`."""
    _check("contec live", data, LIVE)
    first, waveform, third, pulse, spo2 = data
    return Live(
        signal_strength=first & 0x0F,
        finger_out=bool(first & 0x10),
        dropping_spo2=bool(first & 0x20),
        beep=bool(first & 0x40),
        pulse_waveform=waveform & 0x7F,
        bar_graph=third & 0x0F,
        probe_error=bool(third & 0x10),
        searching=bool(third & 0x20),
        pulse_rate_bpm=(third & 0x40) << 1 | pulse & 0x7F,
        spo2_pct=spo2 & 0x7F,
    )


def recorded(data: bytes) -> Recorded:
    """Raises `DecodeError`."""
    if len(data) != RECORDED or data[0] not in (0xF0, 0xF1) or not data[1] & 0x80:
        raise DecodeError("contec recorded", "sync", 0, "is not where it should be", data)
    return Recorded((data[0] & 1) << 7 | data[1] & 0x7F, data[2] & 0x7F)


def _check(layout: str, data: bytes, size: int) -> None:
    if len(data) != size or not data[0] & 0x80 or any(octet & 0x80 for octet in data[1:]):
        raise DecodeError(layout, "sync", 0, "the first octet alone begins a packet", data)


class Framer:
    """Live packets: what does not begin with a sync bit is passed over."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self.damaged = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._kept += data
        while self._kept:
            if not self._kept[0] & 0x80:
                del self._kept[0]
                continue
            following = next((at for at in range(1, min(LIVE, len(self._kept))) if self._kept[at] & 0x80), None)
            if following is not None:
                del self._kept[:following]  # an octet was lost
                self.damaged += 1
                continue
            if len(self._kept) < LIVE:
                return
            yield bytes(self._kept[:LIVE])
            del self._kept[:LIVE]

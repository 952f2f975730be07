"""Beurer BF700, BF710 and BF800, Sanitas SBF70, Runtastic Libra.

Flow: it is listened to on FFE1; nothing is sent. The frames are those of other people's tests: no recording of a whole
conversation was at hand.
Source: frames: KristianP26/ble-scale-sync@3cce0090 tests/scales/beurer-sanitas.test.ts;
service, characteristic and names are from memory of openScale (oliexdev/openScale), and wait for a capture to confirm them.
"""

from __future__ import annotations

from datetime import UTC, datetime

from drivers import GattDriver, Match
from drivers.kit.weighing import Weighed, ohm, weighing, weight
from profiles.times import DateTime

START, LIVE, DONE = 0xE7, 0x58, 0x59


class Understood:
    """A finished measurement comes in parts: E7 59, how many, which one, and eleven octets of it."""

    def __init__(self) -> None:
        self._parts: dict[int, bytes] = {}

    def __call__(self, data: bytes) -> Weighed | None:
        if data[:1] == bytes((START,)):
            return self._live(data) if data[1:2] == bytes((LIVE,)) else self._part(data)
        found = weight(data, 4, 20) if len(data) >= 6 else None
        return Weighed(*found, impedance=ohm(data, 6)) if found else None

    @staticmethod
    def _live(data: bytes) -> Weighed | None:
        found = weight(data, 3, 20) if len(data) == 5 else None
        return Weighed(*found) if found else None

    def _part(self, data: bytes) -> Weighed | None:
        if len(data) < 5 or data[1] != DONE:
            return None
        self._parts[data[3]] = data[4:]
        if data[3] != data[2]:
            return None
        whole, self._parts = b"".join(self._parts.get(number, b"") for number in range(2, data[2] + 1)), {}
        found, impedance = weight(whole, 4, 20), ohm(whole, 6)
        if found is None or impedance is None:
            return None  # of one whom it does not know it makes nothing, and has said the weight before
        moment = datetime.fromtimestamp(int.from_bytes(whole[:4], "big"), UTC)
        return Weighed(*found, impedance=impedance, time=DateTime.of(moment.replace(tzinfo=None)))


DRIVER = GattDriver(
    name="beurer-sanitas",
    label="Beurer BF700 family, Sanitas SBF70",
    match=Match(service=0xFFE0, local_name="BEURER BF7*"),
    read=weighing(0xFFE1, each=Understood),
)

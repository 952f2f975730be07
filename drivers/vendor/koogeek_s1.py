"""Koogeek S1, whose services nobody has written down: it is read where the configuration names this driver.

Flow: it is listened to wherever such boards speak; nothing is sent. Frames of kind 2 move, those of kind 3 are final; each has the
impedance. No recording of a whole conversation was at hand.
Source: frames: KristianP26/ble-scale-sync@3cce0090 tests/scales/koogeek-s1.test.ts.
"""

from __future__ import annotations

from drivers import GattDriver, Match
from drivers.kit.weighing import USUAL, Weighed, checked, ohm, weighing, weight

START, OCTETS, KIND = b"\x55\xaa\x55\xaa", 14, 4
MOVING, FINAL = 0x02, 0x03


def understand(data: bytes) -> Weighed | None:
    if data[:4] != START or len(data) != OCTETS or data[KIND] not in (MOVING, FINAL):
        return None
    checked(data, since=4, xor=True)
    found = weight(data, 9, 10)
    return Weighed(*found, impedance=ohm(data, 11), is_final=data[KIND] == FINAL) if found else None


DRIVER = GattDriver(name="koogeek-s1", label="Koogeek S1", match=Match(), read=weighing(USUAL, understand))

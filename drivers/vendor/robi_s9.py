"""Robi S9, whose services nobody has written down: it is read where the configuration names this driver.

Flow: final weights (A3) come on FFB3, in grams; what moves (A2, on FFB2) is passed over. Nothing is sent. No recording of a whole
conversation was at hand.
Source: frames, the final one of a real scale: KristianP26/ble-scale-sync@3cce0090 tests/scales/robi-s9.test.ts;
oliexdev/openScale@f7a733b2 RobiS9HandlerTest.kt.
"""

from __future__ import annotations

from drivers import GattDriver, Match
from drivers.kit.weighing import Weighed, weighing, weight

OCTETS, KIND, FINAL, LAST = 20, 3, 0xA3, 0x13


def understand(data: bytes) -> Weighed | None:
    if len(data) != OCTETS or data[KIND] != FINAL or data[-1] != LAST:
        return None
    found = weight(data, 5, 1000, size=3)
    return Weighed(*found) if found else None


DRIVER = GattDriver(name="robi-s9", label="Robi S9", match=Match(), read=weighing((0xFFB3, 0xFFB2), understand))

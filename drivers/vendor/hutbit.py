"""Hutbit scales, whose name in the air nobody has written down: they are read where the configuration names this driver.

Flow: it is listened to on FFB2; nothing is sent. A final weight (CA) may be followed by the impedance (CB), and is preceded by weights
that move (CE). No recording of a whole conversation was at hand.
Source: frames, some of a real scale: KristianP26/ble-scale-sync@3cce0090 tests/scales/hutbit.test.ts.
"""

from __future__ import annotations

from decimal import Decimal

from drivers import GattDriver, Match
from drivers.kit.weighing import Impedance, Said, Weighed, checked, ohm, weighing, weight

START, OCTETS, KIND = b"\xac\x02", 8, 6
MOVING, FINAL, BODY = 0xCE, 0xCA, 0xCB
MEASURED = b"\xfd\x01"
MOST_OHM = Decimal(2000)
"""More is no body between the electrodes."""


def understand(data: bytes) -> Said | None:
    if data[:2] != START or len(data) != OCTETS:
        return None
    checked(data, since=2)
    if data[KIND] == BODY:
        resistance = ohm(data, 4) if data[2:4] == MEASURED else None
        return Impedance(resistance) if resistance and resistance <= MOST_OHM else None
    found = weight(data, 2, 10) if data[KIND] in (MOVING, FINAL) else None
    return Weighed(*found, is_final=data[KIND] == FINAL) if found else None


DRIVER = GattDriver(name="hutbit", label="Hutbit scale", match=Match(), read=weighing(0xFFB2, understand))

"""Trisa Body Analyze 4.0, and ADE's scales of the same make (names that begin with 01257B or 11257B).

Flow: weights come on 8A21, or on 8A24 of ADE's: flags, a 11073 FLOAT in kg, the time where there is one, and resistances. It is listened
to; nothing is sent, so the pairing, by which a hub would be known to it, is not done. No recording of a whole conversation was at hand.
Source: frames: KristianP26/ble-scale-sync@3cce0090 tests/scales/trisa.test.ts;
service, characteristic, names and the impedance of a resistance are from memory of openScale (oliexdev/openScale).
"""

from __future__ import annotations

from decimal import Decimal

from drivers import GattDriver, Match
from drivers.kit.weighing import Weighed, is_weight, medfloat, weighing

TIME, FIRST, SECOND = (0x01, 7), (0x02, 4), (0x04, 4)
"""Bits, and how many octets follow for each, in this order."""
BASE, LEAST, STEP = Decimal(400), Decimal(3), Decimal("0.3")


def understand(data: bytes) -> Weighed | None:
    value = medfloat(data, 1)
    if value is None or not is_weight(value):
        return None
    at = 5
    for bit, octets in (TIME, FIRST):
        at += octets if data[0] & bit else 0
    resistance = medfloat(data, at) if data[0] & SECOND[0] else None
    return Weighed(value, data[1:5], impedance=_impedance(resistance) if resistance is not None else None)


def _impedance(resistance: Decimal) -> Decimal:
    return LEAST if resistance < BASE + 10 else STEP * (resistance - BASE)


DRIVER = GattDriver(
    name="trisa",
    label="Trisa Body Analyze, ADE scale",
    match=Match(service=0x7802, local_name="?1257B*"),
    read=weighing((0x8A21, 0x8A24), understand),
)

"""Vitafit VT701, whose services nobody has written down: it is read where the configuration names this driver.

Flow: it is listened to wherever such boards speak; nothing is sent. A final weight is followed by the impedance. No recording of a whole
conversation was at hand.
Source: frames, of a real scale: oliexdev/openScale@f7a733b2 VitafitVT701HandlerTest.kt.
"""

from __future__ import annotations

from drivers import GattDriver, Match
from drivers.kit.weighing import USUAL, Impedance, Said, Weighed, checked, ohm, weighing, weight

START, END, SHORTEST = 0x5A, 0xAA, 12
KIND, WEIGHT, BODY = 3, 0x10, 0x11
STATE, FINAL = 4, 0x02


def understand(data: bytes) -> Said | None:
    if len(data) < SHORTEST or data[0] != START or data[-1] != END or data[1] != len(data) - 2:
        return None
    checked(data, since=1, until=-2, xor=True)
    if data[KIND] == BODY:
        resistance = ohm(data, 9)
        return Impedance(resistance) if resistance else None
    found = weight(data, 8, 100) if data[KIND] == WEIGHT else None
    return Weighed(*found, is_final=data[STATE] == FINAL) if found else None


DRIVER = GattDriver(name="vitafit-vt701", label="Vitafit VT701", match=Match(), read=weighing(USUAL, understand))

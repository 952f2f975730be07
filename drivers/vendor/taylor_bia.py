"""Taylor's body scales, whose services nobody has written down: they are read where the configuration names this driver.

Flow: it is listened to wherever such boards speak; nothing is sent. Weights are grams in seventeen bits. It is not known how it says that
one is final: the last before it falls silent counts. No recording of a whole conversation was at hand.
Source: the weight's place: oliexdev/openScale@f7a733b2 TaylorBIAHandlerTest.kt.
"""

from __future__ import annotations

from drivers import GattDriver, Match
from drivers.kit.weighing import USUAL, Weighed, weighing, weight

START = b"\xac\x27"
PLACE, HIGHEST = 3, 0x01


def understand(data: bytes) -> Weighed | None:
    if data[:2] != START or len(data) < PLACE + 3:
        return None
    found = weight(bytes((data[PLACE] & HIGHEST,)) + data[PLACE + 1 : PLACE + 3], 0, 1000, size=3)
    return Weighed(*found) if found else None


DRIVER = GattDriver(name="taylor-bia", label="Taylor body scale", match=Match(), read=weighing(USUAL, understand))

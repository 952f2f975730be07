"""Renpho ES-26BB. Weights that it kept while nobody listened (0x15) are not read: they say how long ago, and the seconds pass.

Flow: it is listened to on 2A10; nothing is sent. The frames are those of other people's tests: no recording of a whole
conversation was at hand.
Source: frames: KristianP26/ble-scale-sync@3cce0090 tests/scales/renpho-es26bb.test.ts;
service, characteristic and names are from memory of openScale (oliexdev/openScale), and wait for a capture to confirm them.
"""

from __future__ import annotations

from drivers import GattDriver, Match
from drivers.kit.weighing import Weighed, checked, ohm, weighing, weight

LIVE, FINAL = 0x14, 0x01


def understand(data: bytes) -> Weighed | None:
    if len(data) < 13 or data[2] != LIVE:
        return None
    checked(data, since=2)
    found = weight(data, 8, 100)
    return Weighed(*found, impedance=ohm(data, 10), is_final=data[5] == FINAL) if found else None


DRIVER = GattDriver(
    name="renpho-es26bb",
    label="Renpho ES-26BB scale",
    match=Match(service=0x1A10, local_name="ES-26BB*"),
    read=weighing(0x2A10, understand),
)

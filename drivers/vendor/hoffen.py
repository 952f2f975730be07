"""Hoffen BBS-8107.

Flow: it is listened to on FFB2; nothing is sent. The frames are those of other people's tests: no recording of a whole
conversation was at hand.
Source: frames: KristianP26/ble-scale-sync@3cce0090 tests/scales/hoffen.test.ts;
service, characteristic and names are from memory of openScale (oliexdev/openScale), and wait for a capture to confirm them.
"""

from __future__ import annotations

from drivers import GattDriver, Match
from drivers.kit.weighing import Weighed, weighing, weight

START = 0xFA


def understand(data: bytes) -> Weighed | None:
    if len(data) < 7 or data[0] != START:
        return None
    found = weight(data, 3, 10, big=False)
    return Weighed(*found) if found else None


DRIVER = GattDriver(
    name="hoffen",
    label="Hoffen BBS-8107 scale",
    match=Match(service=0xFFB0, local_name="Hoffen BS-8107"),
    read=weighing(0xFFB2, understand),
)

"""Digoo DG-SO38H, which advertises as Mengii.

Flow: it is listened to on FFF1; nothing is sent. The frames are those of other people's tests: no recording of a whole
conversation was at hand.
Source: frames: KristianP26/ble-scale-sync@3cce0090 tests/scales/digoo.test.ts;
service, characteristic and names are from memory of openScale (oliexdev/openScale), and wait for a capture to confirm them.
"""

from __future__ import annotations

from drivers import GattDriver, Match
from drivers.kit.weighing import Weighed, weighing, weight

SETTLED = 0x01


def understand(data: bytes) -> Weighed | None:
    if len(data) < 19:
        return None
    found = weight(data, 3, 100)
    return Weighed(*found, is_final=bool(data[5] & SETTLED)) if found else None


DRIVER = GattDriver(
    name="digoo",
    label="Digoo DG-SO38H scale",
    match=Match(service=0xFFF0, local_name="Mengii"),
    read=weighing(0xFFF1, understand),
)

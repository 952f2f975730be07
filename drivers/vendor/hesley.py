"""Hesley, which advertises as YunChen.

Flow: it is listened to on FFF4; nothing is sent. The frames are those of other people's tests: no recording of a whole
conversation was at hand.
Source: frames: KristianP26/ble-scale-sync@3cce0090 tests/scales/hesley.test.ts;
service, characteristic and names are from memory of openScale (oliexdev/openScale), and wait for a capture to confirm them.
"""

from __future__ import annotations

from drivers import GattDriver, Match
from drivers.kit.weighing import Weighed, weighing, weight


def understand(data: bytes) -> Weighed | None:
    if len(data) < 14:
        return None
    found = weight(data, 2, 100)
    return Weighed(*found) if found else None


DRIVER = GattDriver(
    name="hesley",
    label="Hesley scale",
    match=Match(service=0xFFF0, local_name="YunChen"),
    read=weighing(0xFFF4, understand),
)

"""Senssun Fat. What it makes of the impedance (0xB0, 0xC0, 0xD0) is not read.

Flow: it is listened to on FFF1; nothing is sent. The frames are those of other people's tests: no recording of a whole
conversation was at hand.
Source: frames: KristianP26/ble-scale-sync@3cce0090 tests/scales/senssun.test.ts;
service, characteristic and names are from memory of openScale (oliexdev/openScale), and wait for a capture to confirm them.
"""

from __future__ import annotations

from drivers import GattDriver, Match
from drivers.kit.weighing import Weighed, weighing, weight

WEIGHT, SETTLED = 0xA5, 0xAA


def understand(data: bytes) -> Weighed | None:
    if len(data) < 6 or data[0] != WEIGHT:
        return None
    found = weight(data, 1, 10)
    return Weighed(*found, is_final=data[5] == SETTLED) if found else None


DRIVER = GattDriver(
    name="senssun",
    label="Senssun Fat scale",
    match=Match(service=0xFFF0, local_name="SENSSUN FAT*"),
    read=weighing(0xFFF1, understand),
)

"""Scales with an MGB board, sold as SWAN, ICOMON and YG.

Flow: it is listened to on FFB2; nothing is sent. The frames are those of other people's tests: no recording of a whole
conversation was at hand.
Source: frames: KristianP26/ble-scale-sync@3cce0090 tests/scales/mgb.test.ts;
service, characteristic and names are from memory of openScale (oliexdev/openScale), and wait for a capture to confirm them.
"""

from __future__ import annotations

from drivers import GattDriver, Match
from drivers.kit.weighing import Weighed, weighing, weight

FIRST, WEIGHT = (0x02, 0x03), 0xFF


def understand(data: bytes) -> Weighed | None:
    if len(data) < 18 or data[:1] != b"\xac" or data[1] not in FIRST or data[2] != WEIGHT:
        return None
    found = weight(data, 12, 10)
    return Weighed(*found) if found else None


DRIVER = GattDriver(
    name="mgb",
    label="MGB scale (SWAN, ICOMON, YG)",
    match=Match(service=0xFFB0, local_name="SWAN*"),
    read=weighing(0xFFB2, understand),
)

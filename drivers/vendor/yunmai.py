"""Yunmai Premium and SE (names that begin with YUNMAI-ISM).

Flow: it is listened to on FFE4; nothing is sent. The frames are those of other people's tests: no recording of a whole
conversation was at hand.
Source: frames: KristianP26/ble-scale-sync@3cce0090 tests/scales/yunmai.test.ts;
service, characteristic and names are from memory of openScale (oliexdev/openScale), and wait for a capture to confirm them.
"""

from __future__ import annotations

from drivers import GattDriver, Match
from drivers.kit.weighing import Weighed, weighing, weight

START, FINAL = 0x0D, 0x02


def understand(data: bytes) -> Weighed | None:
    if len(data) < 18 or data[0] != START or data[3] != FINAL:
        return None
    found = weight(data, 13, 100)
    return Weighed(*found) if found else None


DRIVER = GattDriver(
    name="yunmai",
    label="Yunmai scale",
    match=Match(service=0xFFE0, local_name="YUNMAI-ISM*"),
    read=weighing(0xFFE4, understand),
)

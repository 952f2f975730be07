"""Inlife and Fatscale (000FatScale01, 042FatScale01).

Flow: it is listened to on FFF1; nothing is sent. The frames are those of other people's tests: no recording of a whole
conversation was at hand.
Source: frames: KristianP26/ble-scale-sync@3cce0090 tests/scales/inlife.test.ts;
service, characteristic and names are from memory of openScale (oliexdev/openScale), and wait for a capture to confirm them.
"""

from __future__ import annotations

from drivers import GattDriver, Match
from drivers.kit.weighing import Weighed, ohm, weighing, weight

START, WITH_IMPEDANCE = 0x02, (0x80, 0x81)


def understand(data: bytes) -> Weighed | None:
    if len(data) < 14 or data[0] != START:
        return None
    found = weight(data, 2, 10)
    if found is None:
        return None
    return Weighed(*found, impedance=ohm(data, 4, size=4) if data[11] in WITH_IMPEDANCE else None)


DRIVER = GattDriver(
    name="inlife",
    label="Inlife scale",
    match=Match(service=0xFFF0, local_name="*FatScale*"),
    read=weighing(0xFFF1, understand),
)

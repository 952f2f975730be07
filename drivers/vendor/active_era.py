"""Active Era BS-06.

Flow: it is listened to on FFB2; nothing is sent. The frames are those of other people's tests: no recording of a whole
conversation was at hand.
Source: frames: KristianP26/ble-scale-sync@3cce0090 tests/scales/active-era.test.ts;
service, characteristic and names are from memory of openScale (oliexdev/openScale), and wait for a capture to confirm them.
"""

from __future__ import annotations

from drivers import GattDriver, Match
from drivers.kit.weighing import Impedance, Said, Weighed, ohm, weighing, weight

START, WEIGHT, IMPEDANCE, HIGHEST = 0xAC, 0xD5, 0xD6, 0x03


def understand(data: bytes) -> Said | None:
    if len(data) < 20 or data[0] != START:
        return None
    if data[18] == IMPEDANCE:
        resistance = ohm(data, 4)
        return Impedance(resistance) if resistance else None
    found = weight(bytes((data[3] & HIGHEST,)) + data[4:6], 0, 1000, size=3) if data[18] == WEIGHT else None
    return Weighed(*found) if found else None


DRIVER = GattDriver(
    name="active-era",
    label="Active Era BS-06 scale",
    match=Match(service=0xFFB0, local_name="AE BS-06"),
    read=weighing(0xFFB2, understand),
)

"""1byone, the newer board. Its history (type 0x00) is not read.

Flow: it is listened to on FFB2; nothing is sent. The frames are those of other people's tests: no recording of a whole
conversation was at hand.
Source: frames: KristianP26/ble-scale-sync@3cce0090 tests/scales/one-byone.test.ts;
service, characteristic and names are from memory of openScale (oliexdev/openScale), and wait for a capture to confirm them.
"""

from __future__ import annotations

from drivers import GattDriver, Match
from drivers.kit.weighing import Impedance, Said, Weighed, ohm, weighing, weight

START = b"\xab\x2a"
IMPEDANCE, WEIGHT, HIGHEST = 0x01, 0x80, 0x03


def understand(data: bytes) -> Said | None:
    if data[:2] != START or len(data) < 6:
        return None
    if data[2] == IMPEDANCE:
        resistance = ohm(data, 4)
        return Impedance(resistance) if resistance else None
    found = weight(bytes((data[3] & HIGHEST,)) + data[4:6], 0, 1000, size=3) if data[2] == WEIGHT else None
    return Weighed(*found) if found else None


DRIVER = GattDriver(
    name="one-byone-new",
    label="1byone scale (new)",
    match=Match(service=0xFFB0, local_name="1byone scale"),
    read=weighing(0xFFB2, understand),
)

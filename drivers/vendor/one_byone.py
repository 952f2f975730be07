"""1byone and Eufy C1 (names Health Scale, t9146 to t9150).

Flow: it is listened to on FFF4; nothing is sent. The frames are those of other people's tests: no recording of a whole
conversation was at hand.
Source: frames: KristianP26/ble-scale-sync@3cce0090 tests/scales/one-byone.test.ts;
service, characteristic and names are from memory of openScale (oliexdev/openScale), and wait for a capture to confirm them.
"""

from __future__ import annotations

from drivers import GattDriver, Match
from drivers.kit.weighing import Weighed, ohm, weighing, weight

START = 0xCF


def understand(data: bytes) -> Weighed | None:
    if len(data) < 10 or data[0] != START:
        return None
    found = weight(data, 3, 100, big=False)
    impedance = ohm(data, 1, big=False)
    return Weighed(*found, impedance=impedance / 10 if impedance else None) if found else None


DRIVER = GattDriver(
    name="one-byone",
    label="1byone scale",
    match=Match(service=0xFFF0, local_name="Health Scale"),
    read=weighing(0xFFF4, understand),
)

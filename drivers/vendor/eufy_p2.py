"""Eufy P2 and P2 Pro (T9148, T9149).

Flow: it is listened to on FFF2; nothing is sent, so that one which wants its app's key first stays silent. It never says that a weight is
final: the last before it falls silent counts. Its advertisement has the weight as it moves. No recording of a whole conversation was at
hand.
Source: frames: KristianP26/ble-scale-sync@3cce0090 tests/scales/eufy-p2.test.ts; service, characteristic and names are from memory of
openScale (oliexdev/openScale), and wait for a capture to confirm them.
"""

from __future__ import annotations

from drivers import GattDriver, Match
from drivers.kit.weighing import Weighed, weighing, weight

MEASUREMENT, SAID = b"\xcf\x0e", 0xCF
OCTETS, ADVERTISED = 16, 19
PLACE, ADVERTISED_PLACE = 6, 9


def understand(data: bytes) -> Weighed | None:
    if len(data) == ADVERTISED and data[PLACE] == SAID:
        found = weight(data, ADVERTISED_PLACE, 100, big=False)
        return Weighed(*found, is_final=False) if found else None
    if len(data) != OCTETS or data[:2] != MEASUREMENT:
        return None
    found = weight(data, PLACE, 100, big=False)
    return Weighed(*found) if found else None


DRIVER = GattDriver(
    name="eufy-p2",
    label="Eufy P2, P2 Pro",
    match=Match(service=0xFFF0, local_name="eufy T914[89]"),
    read=weighing(0xFFF2, understand),
)

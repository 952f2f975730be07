"""Exingtech Y1, which calls itself VScale.

Flow: it is listened to; nothing is sent, so it does not know whose body it measures, and what it makes of that is not read. A weight that
moves has FF in the place of the body's fat. No recording of a whole conversation was at hand.
Source: frames: KristianP26/ble-scale-sync@3cce0090 tests/scales/exingtech-y1.test.ts; service, characteristic and name are from memory of
openScale (oliexdev/openScale), and wait for a capture to confirm them.
"""

from __future__ import annotations

from drivers import GattDriver, Match
from drivers.kit.weighing import Weighed, weighing, weight
from profiles.gatt import identifier

OCTETS, BODY, MOVING = 15, 6, 0xFF
MEASURED = identifier("1a2ea400-75b9-11e2-be05-0002a5d5c51b")


def understand(data: bytes) -> Weighed | None:
    if len(data) != OCTETS:
        return None
    found = weight(data, 4, 10)
    return Weighed(*found, is_final=data[BODY] != MOVING) if found else None


DRIVER = GattDriver(
    name="exingtech-y1",
    label="Exingtech Y1 (VScale)",
    match=Match(service="f433bd80-75b8-11e2-97d9-0002a5d5c51b", local_name="VScale"),
    read=weighing(MEASURED, understand),
)

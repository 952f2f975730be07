"""Excelvan CF369BLE, which advertises as Electronic Scale.

Flow: it is listened to on FFF4; nothing is sent. The frames are those of other people's tests: no recording of a whole
conversation was at hand.
Source: frames: KristianP26/ble-scale-sync@3cce0090 tests/scales/excelvan-cf369.test.ts;
service, characteristic and names are from memory of openScale (oliexdev/openScale), and wait for a capture to confirm them.
"""

from __future__ import annotations

from drivers import GattDriver, Match
from drivers.kit.weighing import Weighed, weighing, weight

START = 0xCF


def understand(data: bytes) -> Weighed | None:
    if len(data) < 14 or data[0] != START:
        return None
    found = weight(data, 4, 10)
    return Weighed(*found) if found else None


DRIVER = GattDriver(
    name="excelvan-cf369",
    label="Excelvan CF369BLE scale",
    match=Match(service=0xFFF0, local_name="Electronic Scale"),
    read=weighing(0xFFF4, understand),
)

"""Medisana BS430 and BS440 (names that begin with 013197 or 013198).

Flow: weights come on 8A21: flags, a 11073 FLOAT in kg, the seconds since 2010 and a resistance. It is listened to; nothing is sent, so its
clock stays as it is. What it makes of the resistance (8A22) is not read. No recording of a whole conversation was at hand.
Source: frames: KristianP26/ble-scale-sync@3cce0090 tests/scales/medisana-bs44x.test.ts, and of a real device those of its vector;
service, characteristic and names are from memory of openScale (oliexdev/openScale), and wait for a capture to confirm them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from drivers import GattDriver, Match
from drivers.kit.weighing import Weighed, is_weight, medfloat, weighing
from profiles.times import DateTime

EPOCH = datetime(2010, 1, 1, tzinfo=UTC)
HAS_TIME, HAS_RESISTANCE = 0x01, 0x04
SHORT = 4
"""Octets of one that says its weight alone, in steps of 10 g."""


def understand(data: bytes) -> Weighed | None:
    if len(data) < SHORT:
        return None
    value = Decimal(int.from_bytes(data[1:3], "little")) / 100 if len(data) == SHORT else medfloat(data, 1)
    if value is None or not is_weight(value):
        return None
    time = None
    if data[0] & HAS_TIME and len(data) >= 9:
        time = DateTime.of((EPOCH + timedelta(seconds=int.from_bytes(data[5:9], "little"))).replace(tzinfo=None))
    resistance = medfloat(data, 9) if data[0] & HAS_TIME and data[0] & HAS_RESISTANCE else None
    return Weighed(value, data[1:5], impedance=resistance if resistance is not None and resistance > 0 else None, time=time)


DRIVER = GattDriver(
    name="medisana-bs44x",
    label="Medisana BS430, BS440",
    match=Match(service=0x78B2, local_name="01319[78]*"),
    read=weighing(0x8A21, understand),
)

"""Soehnle's connected scales: Shape Sense and Style Sense.

Flow: it is listened to; nothing is sent, so it does not know its people and tells no history. A frame of kind 09 is a measurement: the
weight, and the impedance at 50 kHz. No recording of a whole conversation was at hand.
Source: frames that hold no measurement: KristianP26/ble-scale-sync@3cce0090 tests/scales/soehnle.test.ts; the rest is from memory of
openScale (oliexdev/openScale), and waits for a capture to confirm it.
"""

from __future__ import annotations

from drivers import GattDriver, Match
from drivers.kit.weighing import Weighed, ohm, weighing, weight
from profiles.gatt import identifier

OCTETS, KIND = 15, 0x09
MEASURED = identifier("352e3001-28e9-40b8-a361-6db4cca4147c")


def understand(data: bytes) -> Weighed | None:
    if len(data) != OCTETS or data[0] != KIND:
        return None
    found = weight(data, 9, 10)
    return Weighed(*found, impedance=ohm(data, 13)) if found else None


DRIVER = GattDriver(
    name="soehnle",
    label="Soehnle Shape Sense, Style Sense",
    match=Match(service="352e3000-28e9-40b8-a361-6db4cca4147c"),
    read=weighing(MEASURED, understand),
)

"""Nonin 3230 and 3231 with Nonin's own service: one value a second.

Flow: it is listened to for as long as a finger is in it, and its values are summed up by the minute. Nothing is sent. Its standard
profile, where its firmware has one, is `pulse-oximeter`. No recording of one was at hand.
Source: from memory of Nonin's specification of the Bluetooth Smart oximeter (characteristic 0AAD7EA0).
"""

from __future__ import annotations

from drivers import Frame, GattDriver, Match
from drivers.standard.minutes import Values, listening
from profiles.gatt import identifier

TELL = identifier("0aad7ea0-0d60-11e2-8e3c-0002a5d5c51b")
OCTETS = 10
STATUS, SPO2, PULSE = 1, 7, 8
SEARCHING, NO_SPO2, NO_PULSE = 0x08, 127, 511


def values(frame: Frame) -> Values:
    data = frame.data
    if len(data) < OCTETS or data[0] != OCTETS:
        return []
    spo2, pulse = data[SPO2], int.from_bytes(data[PULSE : PULSE + 2], "big")
    sound = not data[STATUS] & SEARCHING and 0 < spo2 < NO_SPO2 and 0 < pulse < NO_PULSE
    return [(spo2, pulse) if sound else (None, None)]


DRIVER = GattDriver(
    name="nonin-3230",
    label="Nonin 3230, 3231",
    match=Match(service="46a970e0-0d5f-11e2-8b5e-0002a5d5c51b"),
    read=listening(TELL, lambda: values),
    streams=True,
)

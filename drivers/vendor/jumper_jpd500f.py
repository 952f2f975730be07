"""Jumper JPD-500F, which calls itself My Oximeter.

Flow: it is listened to for as long as a finger is in it, and its values are summed up by the minute; the waveform (80) is passed over.
Nothing is sent. No recording of one was at hand.
Source: from memory of several programs that read it; nobody has published a capture with its meaning.
"""

from __future__ import annotations

from drivers import Frame, GattDriver, Match
from drivers.standard.minutes import Values, listening
from profiles.gatt import identifier

TELL = identifier("cdeacb81-5235-4c07-8846-93a37ee6b86d")
VALUES, OCTETS, NO_PULSE = 0x81, 4, 255


def values(frame: Frame) -> Values:
    data = frame.data
    if len(data) != OCTETS or data[0] != VALUES:
        return []
    pulse, spo2 = data[1], data[2]
    return [(spo2, pulse) if 0 < spo2 <= 100 and 0 < pulse < NO_PULSE else (None, None)]


DRIVER = GattDriver(
    name="jumper-jpd500f",
    label="Jumper JPD-500F (My Oximeter)",
    match=Match(service="cdeacb80-5235-4c07-8846-93a37ee6b86d"),
    read=listening(TELL, lambda: values),
    streams=True,
)

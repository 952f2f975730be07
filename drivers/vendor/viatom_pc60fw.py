"""Viatom, Lepu and Creative PC-60FW, and Wellue FS20F: a fingertip oximeter that says its values once a second.

Flow: it is listened to for as long as a finger is in it, and its values are summed up by the minute. Nothing is sent. No recording of one
was at hand.
Source: from memory of sza2/viatom_pc60fw; the CRC is that of dmattox-sparkcodelabs/O2Monitor OximeterProtocolTest.kt.
"""

from __future__ import annotations

from drivers import Frame, GattDriver, Match
from drivers.standard.minutes import Values, listening
from profiles.framing.viatom import crc8
from profiles.gatt import identifier
from profiles.wire import DecodeError

TELL = identifier("6e400003-b5a3-f393-e0a9-e50e24dcca9e")
START, SHORTEST = b"\xaa\x55\x0f\x08\x01", 12
SPO2, PULSE = 5, 6


def values(frame: Frame) -> Values:
    data = frame.data
    if data[:5] != START or len(data) < SHORTEST:
        return []
    if crc8(data[: SHORTEST - 1]) != data[SHORTEST - 1]:
        raise DecodeError("PC-60FW frame", "crc", SHORTEST - 1, "does not fit", data)
    spo2, pulse = data[SPO2], int.from_bytes(data[PULSE : PULSE + 2], "little")
    return [(spo2, pulse) if 0 < spo2 <= 100 and pulse else (None, None)]


DRIVER = GattDriver(
    name="viatom-pc60fw",
    label="Viatom, Lepu PC-60FW, Wellue FS20F",
    match=Match(service="6e400001-b5a3-f393-e0a9-e50e24dcca9e", local_name="PC-60*"),
    read=listening(TELL, lambda: values),
    streams=True,
)

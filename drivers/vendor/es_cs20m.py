"""Renpho ES-CS20M, also sold by others.

Flow: it is listened to on 2A10; nothing is sent. The frames are those of other people's tests: no recording of a whole
conversation was at hand.
Source: frames: KristianP26/ble-scale-sync@3cce0090 tests/scales/es-cs20m.test.ts;
service, characteristic and names are from memory of openScale (oliexdev/openScale), and wait for a capture to confirm them.
"""

from __future__ import annotations

from drivers import GattDriver, Match
from drivers.kit.weighing import Impedance, Said, Settled, Weighed, ohm, weighing, weight

HEADER = b"\x55\xaa"
STATE, WEIGHT, EXTENDED = 0x11, 0x14, 0x15
SETTLED, STOPPED = 1, 0


def understand(data: bytes) -> Said | None:
    data = data.removeprefix(HEADER)
    kind = data[0] if data else None
    if kind == EXTENDED and len(data) >= 11:
        resistance = ohm(data, 9)
        return Impedance(resistance) if resistance else None
    if kind == STATE and len(data) >= 6 and data[5] == STOPPED:
        return Settled()
    found = weight(data, 8, 100) if kind == WEIGHT else None
    if found is None:
        return None
    return Weighed(*found, impedance=ohm(data, 10), is_final=data[5] == SETTLED)


DRIVER = GattDriver(
    name="es-cs20m",
    label="Renpho ES-CS20M scale",
    match=Match(service=0x1A10, local_name="ES-CS20M*"),
    read=weighing(0x2A10, understand),
)

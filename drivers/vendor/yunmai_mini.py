"""Yunmai Mini (names that begin with YUNMAI-SIGNAL), which also says the impedance.

Flow: it is listened to on FFE4; nothing is sent. The frames are those of other people's tests: no recording of a whole
conversation was at hand.
Source: frames: KristianP26/ble-scale-sync@3cce0090 tests/scales/yunmai.test.ts;
service, characteristic and names are from memory of openScale (oliexdev/openScale), and wait for a capture to confirm them.
"""

from __future__ import annotations

from dataclasses import replace

from drivers import GattDriver, Match
from drivers.kit.weighing import Weighed, ohm, weighing
from drivers.vendor.yunmai import understand as without_impedance


def understand(data: bytes) -> Weighed | None:
    said = without_impedance(data)
    return replace(said, impedance=ohm(data, 15)) if said else None


DRIVER = GattDriver(
    name="yunmai-mini",
    label="Yunmai Mini scale",
    match=Match(service=0xFFE0, local_name="YUNMAI-SIGNAL*"),
    read=weighing(0xFFE4, understand),
)

"""Renpho MSC04, whose services nobody has written down: it is read where the configuration names this driver.

Flow: weights that move come on 2A10 (command 21), final ones on 2A12 (24), numbers that are the SIG's for something else; nothing is sent.
No recording of a whole conversation was at hand.
Source: frames and characteristics: KristianP26/ble-scale-sync@3cce0090 tests/scales/renpho-msc04.test.ts.
"""

from __future__ import annotations

from drivers import GattDriver, Match
from drivers.kit.weighing import Weighed, checked, weighing, weight

START, COMMAND, HEAD = b"\x55\xaa", 2, 5
MOVING, FINAL = 0x21, 0x24
LIVE, RESULT = 0x2A10, 0x2A12


def understand(data: bytes) -> Weighed | None:
    if data[:2] != START or len(data) < HEAD or data[COMMAND] not in (MOVING, FINAL):
        return None
    whole = data[: HEAD + int.from_bytes(data[3:HEAD], "big") + 1]
    if len(whole) <= HEAD or len(whole) < HEAD + int.from_bytes(data[3:HEAD], "big") + 1:
        return None  # cut off
    checked(whole)
    found = weight(whole, len(whole) - 3, 100)
    return Weighed(*found, is_final=whole[COMMAND] == FINAL) if found else None


DRIVER = GattDriver(name="renpho-msc04", label="Renpho MSC04", match=Match(), read=weighing((RESULT, LIVE), understand))

"""The name by which a server finds a measurement that it has already, whoever brings it: the guide's conditional-create identifier.

`device-patient-type-timestamp[-duration][-supplemental…]`, all of it as the device says it and nothing of the gateway's. STU2 counts
seconds since 2000, STU1 wrote the date; the guide's text is followed where its examples differ from it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal

Algorithm = Literal["stu2", "stu1"]

SYSTEM = "http://hl7.org/fhir/uv/phd/StructureDefinition/PhdBaseObservation"
_EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 - the device knows no zone
_HEX = frozenset("0123456789ABCDEF")


def eui(text: str, bits: Literal[48, 64]) -> str | None:
    """Its hexadecimal digits in capitals, if it is one."""
    digits = text.replace(":", "").upper()
    return digits if len(digits) == bits // 4 and set(digits) <= _HEX else None


def device_part(identity: str, address: str) -> str:
    """System id or Bluetooth address, without dashes. A device that has neither: 16 digits that stand for what it is known by."""
    known = eui(identity.removeprefix("system-id:"), 64) or eui(address, 48)
    return known or hashlib.sha256(identity.encode()).hexdigest()[:16].upper()


def observation(
    device: str,
    patient: str,
    code: int,
    device_time: str | None,
    *,
    seconds: Decimal | None = None,
    supplemental: Sequence[int] = (),
    algorithm: Algorithm = "stu2",
) -> str | None:
    """None where the device has not said a whole date: then nothing of the kind can be made."""
    try:
        stamp = datetime.fromisoformat(device_time or "")
    except ValueError:
        return None
    moment = f"{stamp:%Y%m%d%H%M%S}.00" if algorithm == "stu1" else str(int((stamp - _EPOCH).total_seconds()))
    if seconds is not None:
        moment += f"..{seconds:f}"
    return "-".join((device, patient, str(code), moment, *map(str, supplemental)))

"""A capture that may be shown to strangers: what the device said stays, whose it is goes.

Readings and their times stay, for they are what a driver's author needs. Replaced are addresses, names, serial numbers and identities,
consent codes and keys, and what a scale knows of a person. A maker who hides such a thing in a value of its own escapes this: look at the
file before you show it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from drivers.kit.capture import Record
from profiles.gatt import device_information as dis
from profiles.gatt import user_data as uds
from profiles.gatt.user_control import UserControlPoint

DEVICE_NAME = 0x2A00
_PERSONAL = {
    DEVICE_NAME,
    dis.SerialNumber.uuid,
    dis.SystemId.uuid,
    dis.UdiForMedicalDevices.uuid,
    dis.RegulatoryCertificationDataList.uuid,
    *(getattr(layout, "uuid", DEVICE_NAME) for layout in vars(uds).values() if isinstance(layout, type)),
} - {uds.DatabaseChangeIncrement.uuid, uds.UserIndex.uuid}
"""A replay needs the two, and they say nothing of anybody."""
_OPCODE_ONLY = {UserControlPoint.uuid}
"""Of these the first two octets stay (what is asked, and of which user); consent codes follow them."""
_KEPT = {"source", "drv", "label", "boot", "trusted", "sim", "mark", "chars", "why"}
"""Of what the records say beside their octets."""


def redacted(records: Iterable[Record]) -> Iterator[Record]:
    numbers: dict[str, str] = {}
    for record in records:
        extra = {name: value for name, value in record.extra.items() if name in _KEPT}
        if record.kind == "open":
            address = str(record.extra.get("a", ""))
            number = numbers.setdefault(address, f"{len(numbers) + 1:02X}")
            extra |= {"a": f"C0:00:00:00:00:{number}", "settings": None, "policy": {}}
        elif record.kind == "id":
            extra["identity"] = "redacted"
        yield replace(record, extra=extra, data=_octets(record))


def _octets(record: Record) -> bytes:
    if record.characteristic in _PERSONAL:
        return b"0" * len(record.data)
    if record.characteristic in _OPCODE_ONLY:
        return record.data[:2] + bytes(len(record.data[2:]))
    return record.data

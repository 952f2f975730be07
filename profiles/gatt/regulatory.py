"""IEEE 11073-20601 RegCertDataList, as DIS 3.8 and the MDS attribute of a cable device hold it: what Continua says of a device."""

from __future__ import annotations

from dataclasses import dataclass

CONTINUA = 2
VERSION, REGULATION = 1, 2
UNREGULATED = 0x8000
"""Bit 0 in ASN.1's order, the highest: set where the device is not regulated."""


@dataclass(frozen=True, slots=True)
class Certification:
    version: tuple[int, int] | None = None
    """Of the Continua guidelines."""
    interfaces: tuple[int, ...] = ()
    """Certified device classes: transport in the upper 3 bits, device specialization below."""
    regulated: bool | None = None


def certification(data: bytes) -> Certification | None:
    """None where there is nothing of Continua's, or nothing that can be read; other bodies' entries are passed over."""
    version: tuple[int, int] | None = None
    interfaces: tuple[int, ...] = ()
    regulated: bool | None = None
    try:
        for kind, body in _entries(data):
            if kind == VERSION:
                version = body[0], body[1]
                count = int.from_bytes(body[2:4], "big")
                listed = body[6 : 6 + 2 * count]
                interfaces = tuple(int.from_bytes(listed[at : at + 2], "big") for at in range(0, len(listed) - 1, 2))
            elif kind == REGULATION:
                regulated = not int.from_bytes(body[:2], "big") & UNREGULATED if len(body) > 1 else None
    except IndexError:
        return None
    return Certification(version, interfaces, regulated) if version or regulated is not None else None


def _entries(data: bytes) -> list[tuple[int, bytes]]:
    """Continua's: structure type and body."""
    found, at = [], 4  # behind count and length
    for _ in range(int.from_bytes(data[:2], "big")):
        if at + 4 > len(data):
            break
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at] == CONTINUA:
            found.append((data[at + 1], data[at + 4 : at + 4 + length]))
        at += 4 + length
    return found

"""What an advertisement holds, and what in it is sealed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """Service data by 16-bit identifier, manufacturer data by company; `address` as `C1:00:…`, empty where it is not known."""

    address: str = ""
    name: str | None = None
    service_data: Mapping[int, bytes] = field(default_factory=dict)
    manufacturer_data: Mapping[int, bytes] = field(default_factory=dict)

    @property
    def address_octets(self) -> bytes:
        """The first octet first, as it is written down; empty where the address is not known."""
        return bytes.fromhex(self.address.replace(":", ""))

    @property
    def octets(self) -> bytes:
        """As AD structures (Core 6.0, Vol 3, Part C, 11; types of the Core Specification Supplement), in a fixed order."""
        parts = [(_NAME, self.name.encode()[:_LONGEST])] if self.name else []
        parts += [(_SERVICE_DATA, uuid.to_bytes(2, "little") + data) for uuid, data in sorted(self.service_data.items())]
        parts += [(_MANUFACTURER, company.to_bytes(2, "little") + data) for company, data in sorted(self.manufacturer_data.items())]
        if self.address:
            parts.append((_ADDRESS, self.address_octets[::-1] + b"\x01"))
        return b"".join(bytes((len(data) + 1, kind)) + data for kind, data in parts if len(data) <= _LONGEST)

    @classmethod
    def of(cls, octets: bytes) -> Sighting:
        """Structures that are cut off, or that nobody reads here, are passed over."""
        name, address = None, ""
        service: dict[int, bytes] = {}
        companies: dict[int, bytes] = {}
        at = 0
        while at + 1 < len(octets):
            size, kind, data = octets[at], octets[at + 1], octets[at + 2 : at + 1 + octets[at]]
            at += size + 1
            if len(data) != size - 1:
                break
            if kind == _NAME:
                name = data.decode(errors="replace")
            elif kind == _ADDRESS and len(data) == _ADDRESS_OCTETS:
                address = data[5::-1].hex(":").upper()
            elif kind in (_SERVICE_DATA, _MANUFACTURER) and len(data) >= _IDENTIFIER_OCTETS:
                (service if kind == _SERVICE_DATA else companies)[int.from_bytes(data[:2], "little")] = data[2:]
        return cls(address=address, name=name, service_data=service, manufacturer_data=companies)


_NAME, _SERVICE_DATA, _ADDRESS, _MANUFACTURER = 0x09, 0x16, 0x1B, 0xFF
_LONGEST, _ADDRESS_OCTETS, _IDENTIFIER_OCTETS = 254, 7, 2


@dataclass(frozen=True, slots=True)
class Sealed:
    """AES-128-CCM with a tag of four octets."""

    nonce: bytes
    ciphertext: bytes
    tag: bytes
    associated: bytes = b""


Open = Callable[[Sealed], bytes]
"""The plain octets. Raises `Locked` without a key, or if the key does not fit."""


class Locked(ValueError):
    """It is encrypted, and cannot be opened."""


def no_key(_sealed: Sealed) -> bytes:
    raise Locked("it is encrypted, and no key is given")

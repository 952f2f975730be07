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

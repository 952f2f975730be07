"""Device Information Service, 0x180A. Source: DIS 1.2 and the GATT Specification Supplement."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Annotated, Any

from profiles.wire import REST, TEXT, U8, U16, Layout, Octets, Wire

SERVICE = 0x180A


@dataclass(frozen=True, slots=True)
class SystemId(Layout):
    """DIS 3.7: an EUI-64, least significant octet first. Both parts are kept in the order sent."""

    uuid = 0x2A23
    exact = True
    derived = ("eui64",)

    manufacturer_id: Annotated[bytes, Octets(5)]
    oui: Annotated[bytes, Octets(3)]

    @property
    def eui64(self) -> str:
        """Sixteen capital hexadecimal digits, most significant first."""
        return (self.manufacturer_id + self.oui)[::-1].hex().upper()


@dataclass(frozen=True, slots=True)
class Text(Layout):
    """What the six texts of the service have in common."""

    text: Annotated[str, TEXT]


class ModelNumber(Text):
    __slots__ = ()
    uuid = 0x2A24


class SerialNumber(Text):
    __slots__ = ()
    uuid = 0x2A25


class FirmwareRevision(Text):
    __slots__ = ()
    uuid = 0x2A26


class HardwareRevision(Text):
    __slots__ = ()
    uuid = 0x2A27


class SoftwareRevision(Text):
    __slots__ = ()
    uuid = 0x2A28


class ManufacturerName(Text):
    __slots__ = ()
    uuid = 0x2A29


@dataclass(frozen=True, slots=True)
class RegulatoryCertificationDataList(Layout):
    """DIS 3.8: an IEEE 11073-20601 structure, big-endian; opaque here."""

    uuid = 0x2A2A

    certification_data: Annotated[bytes, REST]


class VendorIdSource(IntEnum):
    BLUETOOTH_SIG = 1
    USB_IMPLEMENTERS_FORUM = 2


@dataclass(frozen=True, slots=True)
class PnpId(Layout):
    uuid = 0x2A50
    exact = True

    vendor_id_source: Annotated[VendorIdSource | int, U8]
    vendor_id: Annotated[int, U16]
    product_id: Annotated[int, U16]
    product_version: Annotated[int, U16]


class UdiFlags(IntFlag):
    LABEL = 0x01
    DEVICE_IDENTIFIER = 0x02
    ISSUER = 0x04
    AUTHORITY = 0x08


class _Strings(Wire):
    """NUL-terminated UTF-8 strings to the end."""

    fmt, size = "", -1

    def read_rest(self, data: bytes, at: int) -> tuple[str, ...]:
        if at == len(data):
            return ()
        if data[-1]:
            raise ValueError("a string is not terminated")
        return tuple(part.decode("utf-8") for part in bytes(data[at:-1]).split(b"\0"))

    def write(self, value: tuple[str, ...]) -> bytes:
        return b"".join(part.encode() + b"\0" for part in value)


@dataclass(frozen=True, slots=True)
class UdiForMedicalDevices(Layout):
    """DIS 1.2, 3.10: the strings that the flags announce, in the order of the flags."""

    uuid = 0x2BFF
    derived = ("label", "device_identifier", "issuer", "authority")

    flags: Annotated[UdiFlags, U8]
    strings: Annotated[tuple[str, ...], _Strings()]

    def _part(self, wanted: UdiFlags) -> str | None:
        present: dict[Any, str] = dict(zip((flag for flag in UdiFlags if flag in self.flags), self.strings, strict=False))
        return present.get(wanted)

    @property
    def label(self) -> str | None:
        return self._part(UdiFlags.LABEL)

    @property
    def device_identifier(self) -> str | None:
        return self._part(UdiFlags.DEVICE_IDENTIFIER)

    @property
    def issuer(self) -> str | None:
        return self._part(UdiFlags.ISSUER)

    @property
    def authority(self) -> str | None:
        return self._part(UdiFlags.AUTHORITY)

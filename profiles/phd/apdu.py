"""The six envelopes of IEEE 11073-20601 and what is in them; and how they are cut from a stream.

Source: IEEE 11073-20601, annex A, by the ASN.1 in Jeepend/OpenhealthManager and the recordings of signove/antidote's agents.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from profiles.phd import mder
from profiles.phd.codes import Abort, Associated, Choice, Release
from profiles.phd.mder import Reader
from profiles.wire import DecodeError


class Type(IntEnum):
    AARQ = 0xE200
    AARE = 0xE300
    RLRQ = 0xE400
    RLRE = 0xE500
    ABRT = 0xE600
    PRST = 0xE700


HEADER = 4
IEEE_20601 = 20601
VERSION_1 = 0x80000000
MDER_RULES = 0x8000
MANAGER, AGENT = 0x80000000, 0x00800000
PREAMBLE = b"PhdcQoSSignature"


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """PhdAssociationInformation: who asks or answers, and which versions it means. Bits stand as in the octets."""

    protocol_version: int = VERSION_1
    encoding_rules: int = MDER_RULES
    nomenclature_version: int = 0x80000000
    functional_units: int = 0
    system_type: int = AGENT
    system_id: bytes = b""
    dev_config_id: int = 0
    data_req_mode_flags: int = 0
    init_agent_count: int = 0
    init_manager_count: int = 0

    @classmethod
    def read(cls, reader: Reader) -> Association:
        return cls(
            protocol_version=reader.u32("protocol-version"),
            encoding_rules=reader.u16("encoding-rules"),
            nomenclature_version=reader.u32("nomenclature-version"),
            functional_units=reader.u32("functional-units"),
            system_type=reader.u32("system-type"),
            system_id=reader.octets("system-id"),
            dev_config_id=reader.u16("dev-config-id"),
            data_req_mode_flags=reader.u16("data-req-mode-flags"),
            init_agent_count=reader.u8("data-req-init-agent-count"),
            init_manager_count=reader.u8("data-req-init-manager-count"),
        )

    def written(self) -> bytes:
        return b"".join(
            (
                mder.u32(self.protocol_version),
                mder.u16(self.encoding_rules),
                mder.u32(self.nomenclature_version, self.functional_units, self.system_type),
                mder.octets(self.system_id),
                mder.u16(self.dev_config_id, self.data_req_mode_flags),
                bytes((self.init_agent_count, self.init_manager_count)),
                mder.sequence(),
            )
        )


@dataclass(frozen=True, slots=True)
class Aarq:
    assoc_version: int
    protocols: tuple[tuple[int, Association | None], ...]
    """Each with its number; of those but 20601 only that it was offered."""

    @property
    def ieee_20601(self) -> Association | None:
        return next((info for number, info in self.protocols if number == IEEE_20601), None)


@dataclass(frozen=True, slots=True)
class Aare:
    result: int
    protocol: int
    association: Association | None


@dataclass(frozen=True, slots=True)
class Rlrq:
    reason: int


@dataclass(frozen=True, slots=True)
class Rlre:
    reason: int


@dataclass(frozen=True, slots=True)
class Abrt:
    reason: int


@dataclass(frozen=True, slots=True)
class Prst:
    invoke_id: int
    choice: int
    body: bytes

    def reader(self) -> Reader:
        return Reader(self.body, Choice(self.choice).name.lower() if self.choice in set(Choice) else "prst")


Apdu = Aarq | Aare | Rlrq | Rlre | Abrt | Prst


def read(data: bytes) -> Apdu:
    """One APDU; octets behind its end are none of its business. Raises `DecodeError`."""
    outer = Reader(data, "apdu")
    number = outer.u16("choice")
    if number not in set(Type):
        raise DecodeError("apdu", "choice", 0, f"0x{number:04X} is no APDU of IEEE 11073-20601", data)
    kind = Type(number)
    size = outer.u16("length")
    if size > outer.left:
        raise DecodeError(kind.name.lower(), "length", 2, f"says {size} octets, {outer.left} are there", data)
    reader = Reader(data, kind.name.lower(), HEADER, HEADER + size)
    if kind is Type.AARQ:
        version = reader.u32("assoc-version")
        protocols: list[tuple[int, Association | None]] = []
        for item in reader.items("data-proto-list"):
            number, info = item.u16("data-proto-id"), item.within("data-proto-info")
            protocols.append((number, Association.read(info) if number == IEEE_20601 else None))
        return Aarq(version, tuple(protocols))
    if kind is Type.AARE:
        result, number = reader.u16("result"), reader.u16("data-proto-id")
        info = reader.within("data-proto-info")
        return Aare(result, number, Association.read(info) if number == IEEE_20601 else None)
    if kind is Type.PRST:
        inner = reader.within("apdu")
        return _data(inner)
    reason = reader.u16("reason")
    return Rlrq(reason) if kind is Type.RLRQ else Rlre(reason) if kind is Type.RLRE else Abrt(reason)


def read_data(data: bytes) -> Prst:
    """A DATA APDU without the envelope around it."""
    return _data(Reader(data, "prst"))


def _data(reader: Reader) -> Prst:
    invoke_id, choice = reader.u16("invoke-id"), reader.u16("choice")
    reader.u16("length")  # some have it wrong: the envelope says where the message ends
    return Prst(invoke_id, choice, reader.rest())


def aarq(association: Association, version: int = VERSION_1) -> bytes:
    proto = mder.u16(IEEE_20601) + mder.octets(association.written())
    return _envelope(Type.AARQ, mder.u32(version) + mder.sequence(proto))


def aare(result: Associated, association: Association | None) -> bytes:
    """With no protocol at all where there is nothing to agree upon."""
    info = association.written() if association is not None else b""
    return _envelope(Type.AARE, mder.u16(result, IEEE_20601 if association else 0) + mder.octets(info))


def rlrq(reason: Release) -> bytes:
    return _envelope(Type.RLRQ, mder.u16(reason))


def rlre() -> bytes:
    return _envelope(Type.RLRE, mder.u16(Release.NORMAL))


def abrt(reason: Abort) -> bytes:
    return _envelope(Type.ABRT, mder.u16(reason))


def prst(invoke_id: int, choice: int, body: bytes) -> bytes:
    return _envelope(Type.PRST, mder.octets(mder.u16(invoke_id, choice) + mder.octets(body)))


def _envelope(kind: Type, body: bytes) -> bytes:
    return mder.u16(kind) + mder.octets(body)


class Stream:
    """Cuts a stream, or the transfers of a bulk pipe, into whole APDUs by their own length.

    The metadata preamble of USB PHDC is passed over: we never switch it on, but a device may send it.
    """

    def __init__(self) -> None:
        self._kept = bytearray()

    @property
    def waiting(self) -> int:
        """Octets of an APDU that is not whole yet."""
        return len(self._kept)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Raises `DecodeError` at what can be no beginning of an APDU; all that has come is dropped then, for nothing says where the
        next one begins.
        """
        self._kept += data
        while len(self._kept) >= HEADER:
            if self._kept.startswith(PREAMBLE[: len(self._kept)]):
                size = len(PREAMBLE) + 4
                if len(self._kept) < size or len(self._kept) < size + self._kept[size - 1]:
                    return
                del self._kept[: size + self._kept[size - 1]]
                continue
            if int.from_bytes(self._kept[:2], "big") not in _TYPES:
                lost = bytes(self._kept)
                self._kept.clear()
                raise DecodeError("apdu", "choice", 0, f"0x{lost[:2].hex().upper()} begins no APDU of IEEE 11073-20601", lost)
            size = HEADER + int.from_bytes(self._kept[2:4], "big")
            if len(self._kept) < size:
                return
            whole = bytes(self._kept[:size])
            del self._kept[:size]
            yield whole


_TYPES = frozenset(Type)

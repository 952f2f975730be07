"""What a phone or btmon has recorded of a device, as a capture: a btsnoop file's ATT traffic into the records of the intake log.

Sources: the btsnoop format as Wireshark's wiretap/btsnoop.c and BlueZ's src/shared/btsnoop.c have it (big-endian; microseconds since the
year 0); Core Specification 5.4, Vol 4 Part E (HCI), Vol 3 Part A (L2CAP) and Part F (ATT), Vol 3 Part G for discovery.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from drivers.kit.capture import Record
from profiles.gatt import identifier

MAGIC = b"btsnoop\x00"
EPOCH_MICROSECONDS = 0x00DCDDB30F2F8000
"""1970-01-01 as btsnoop counts."""
H1, H4, MONITOR = 1001, 1002, 2001
"""Datalinks: bare HCI, HCI behind an octet that says what it is (Android), BlueZ's monitor (btmon)."""

EVENT, ACL = 0x04, 0x02
_MONITOR = {3: (EVENT, True), 4: (ACL, False), 5: (ACL, True)}
ATT_CHANNEL = 4
CONTINUED = 1

LE_META, DISCONNECTION = 0x3E, 0x05
CONNECTION_COMPLETE, ENHANCED_CONNECTION_COMPLETE, ENHANCED_CONNECTION_COMPLETE_2 = 0x01, 0x0A, 0x29

READ_BY_TYPE, READ_BY_TYPE_ANSWER = 0x08, 0x09
READ, READ_ANSWER, BLOB, BLOB_ANSWER = 0x0A, 0x0B, 0x0C, 0x0D
WRITE, WRITE_COMMAND = 0x12, 0x52
NOTIFICATION, INDICATION = 0x1B, 0x1D
ERROR = 0x01
CHARACTERISTIC = 0x2803


class SnoopError(Exception):
    """It is no btsnoop file, or of a kind that nobody has met."""


@dataclass(slots=True)
class _Link:
    """One connection. `handles` are its device's, by attribute handle: known from a discovery, in this connection or an earlier one."""

    session: str
    address: str
    handles: dict[int, int]
    parts: dict[bool, bytes] = field(default_factory=dict)
    asked: tuple[int, int] | None = None
    """The request that is open: its opcode and handle (or, for discovery, its type)."""
    value: bytes = b""


def packets(octets: bytes) -> Iterator[tuple[float, int, bool, bytes]]:
    """Unix time, `EVENT` or `ACL`, whether the host received it, and the packet. Raises `SnoopError`."""
    if not octets.startswith(MAGIC) or len(octets) < 16:  # noqa: PLR2004 - the file's head
        raise SnoopError("this is no btsnoop file; Android keeps it as btsnoop_hci.log, and `btmon -w FILE` writes one")
    version, datalink = struct.unpack_from(">II", octets, 8)
    if version != 1 or datalink not in (H1, H4, MONITOR):
        raise SnoopError(f"btsnoop version {version}, datalink {datalink}: known are version 1 and {H1}, {H4}, {MONITOR}")
    at = 16
    while at + 24 <= len(octets):
        _, size, flags, _, microseconds = struct.unpack_from(">IIIIQ", octets, at)
        data = octets[at + 24 : at + 24 + size]
        at += 24 + size
        time = (microseconds - EPOCH_MICROSECONDS) / 1e6
        if datalink == MONITOR:
            if flags & 0xFFFF in _MONITOR:
                kind, received = _MONITOR[flags & 0xFFFF]
                yield time, kind, received, data
        elif datalink == H4:
            if data[:1] in (b"\x02", b"\x04"):
                yield time, data[0], bool(flags & 1), data[1:]
        else:
            yield time, EVENT if flags & 2 else ACL, bool(flags & 1), data


class Conversion:
    """Feed it a file; `unknown` counts by address the values of attributes that no discovery has named."""

    def __init__(self, driver: str, address: str | None = None) -> None:
        self._driver, self._only = driver, address
        self._links: dict[int, _Link] = {}
        self._handles: dict[str, dict[int, int]] = {}
        self._count = 0
        self._began: float | None = None
        self.unknown: dict[str, int] = {}
        self.addresses: set[str] = set()

    def records(self, octets: bytes) -> Iterator[Record]:
        """In order; each connection is a session. Raises `SnoopError`."""
        for time, kind, received, data in packets(octets):
            self._began = time if self._began is None else self._began
            try:
                if kind == EVENT:
                    yield from self._event(time, data)
                else:
                    yield from self._acl(time, data, received=received)
            except (struct.error, IndexError):
                continue  # cut off by the recorder (Android's filtered log does that)

    # -- HCI -----------------------------------------------------------------------------------------------------

    def _event(self, time: float, data: bytes) -> Iterator[Record]:
        code, body = data[0], data[2:]
        if code == LE_META and body[0] in (CONNECTION_COMPLETE, ENHANCED_CONNECTION_COMPLETE, ENHANCED_CONNECTION_COMPLETE_2):
            status, handle = struct.unpack_from("<BH", body, 1)
            address = ":".join(f"{octet:02X}" for octet in body[6:12][::-1])
            if status == 0:
                yield from self._connected(time, handle & 0xFFF, address)
        elif code == DISCONNECTION:
            _, handle = struct.unpack_from("<BH", body)
            if (link := self._links.pop(handle & 0xFFF, None)) is not None:
                yield self._record("end", link, time)

    def _connected(self, time: float, handle: int, address: str) -> Iterator[Record]:
        self.addresses.add(address)
        if self._only not in (None, address):
            return
        self._count += 1
        link = _Link(f"snoop{self._count}", address, self._handles.setdefault(address, {}))
        self._links[handle] = link
        extra = {"a": address, "drv": self._driver, "label": "", "boot": "", "trusted": True, "sim": False, "mark": {}, "policy": {}}
        yield self._record("open", link, time, extra=extra)

    def _acl(self, time: float, data: bytes, *, received: bool) -> Iterator[Record]:
        handle, size = struct.unpack_from("<HH", data)
        link = self._links.get(handle & 0xFFF)
        if link is None:
            return
        begun = link.parts.get(received, b"") if handle >> 12 & 3 == CONTINUED else b""
        whole = link.parts[received] = begun + data[4 : 4 + size]
        length, channel = struct.unpack_from("<HH", whole)
        if len(whole) >= 4 + length and channel == ATT_CHANNEL:
            yield from self._att(time, link, whole[4 : 4 + length], received=received)

    # -- ATT -----------------------------------------------------------------------------------------------------

    def _att(self, time: float, link: _Link, pdu: bytes, *, received: bool) -> Iterator[Record]:
        opcode, body = pdu[0], pdu[1:]
        if received:
            yield from self._from_device(time, link, opcode, body)
        elif opcode == READ_BY_TYPE:
            kind = struct.unpack_from("<H", body, 4)[0] if len(body) == 6 else 0  # noqa: PLR2004 - two handles and a short type
            link.asked = (opcode, kind)
        elif opcode in (READ, BLOB):
            [handle] = struct.unpack_from("<H", body)
            if opcode == READ:
                link.value = b""
            link.asked = (opcode, handle)
        elif opcode in (WRITE, WRITE_COMMAND):
            [handle] = struct.unpack_from("<H", body)
            if handle in link.handles:  # else a descriptor's, which switches a value on
                yield self._record("wr", link, time, characteristic=link.handles[handle], data=body[2:])

    def _from_device(self, time: float, link: _Link, opcode: int, body: bytes) -> Iterator[Record]:
        if opcode in (NOTIFICATION, INDICATION):
            [handle] = struct.unpack_from("<H", body)
            yield from self._named("rx", link, time, handle, body[2:])
        elif opcode == READ_BY_TYPE_ANSWER and link.asked == (READ_BY_TYPE, CHARACTERISTIC):
            self._discovered(link, body)
        elif opcode in (READ_ANSWER, BLOB_ANSWER) and link.asked is not None and link.asked[0] in (READ, BLOB):
            # A long value comes in pieces; each gives the whole so far, and a driver takes the last.
            link.value += body
            yield from self._named("rd", link, time, link.asked[1], link.value)
        elif opcode == ERROR:
            link.asked = None

    @staticmethod
    def _discovered(link: _Link, body: bytes) -> None:
        size = body[0]
        for at in range(1, len(body) - size + 1, size):
            _, _, handle = struct.unpack_from("<HBH", body, at)
            uuid = body[at + 5 : at + size]
            link.handles[handle] = int.from_bytes(uuid, "little") if len(uuid) == 2 else identifier(_text(uuid))  # noqa: PLR2004 - octets

    def _named(self, kind: str, link: _Link, time: float, handle: int, data: bytes) -> Iterator[Record]:
        if handle in link.handles:
            yield self._record(kind, link, time, characteristic=link.handles[handle], data=data)
        elif kind == "rx":
            self.unknown[link.address] = self.unknown.get(link.address, 0) + 1

    def _record(
        self, kind: str, link: _Link, time: float, *, characteristic: int = 0, data: bytes = b"", extra: dict[str, Any] | None = None
    ) -> Record:
        boottime = time - (self._began or time)
        return Record(
            kind=kind, session=link.session, characteristic=characteristic, data=data, time=time, boottime=boottime, extra=extra or {}
        )


def _text(uuid: bytes) -> str:
    text = uuid[::-1].hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

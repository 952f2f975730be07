"""What phones and btmon record, as captures. The virtual machine's test holds a real recording against the intake log."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from drivers.kit.capture import Record, line, parse
from gateway.btsnoop import Conversion, SnoopError

ADDRESS = "C1:22:33:44:55:66"
HANDLE = 0x0040
MEASUREMENT = bytes.fromhex("16880058006800e4070a1e0a1e2d480000000000")[:19]
"""As octets go: what they mean is none of this module's business."""
EPOCH = 0x00DCDDB30F2F8000


def complete(address: str = ADDRESS, handle: int = HANDLE, status: int = 0) -> bytes:
    """LE Enhanced Connection Complete, version 1 (Vol 4 Part E, 7.7.65.10)."""
    peer = bytes(int(part, 16) for part in address.split(":"))[::-1]
    body = struct.pack("<BBHBB6s6s6sHHHB", 0x0A, status, handle, 0, 1, peer, bytes(6), bytes(6), 24, 0, 72, 0)
    return bytes((0x3E, len(body))) + body


def gone(handle: int = HANDLE) -> bytes:
    return bytes((0x05, 4, 0)) + struct.pack("<HB", handle, 0x13)


def att(pdu: bytes, *, first: bool = True, size: int | None = None, handle: int = HANDLE) -> bytes:
    """An ACL packet with (the beginning of) one ATT PDU."""
    flags = 2 if first else 1
    payload = (struct.pack("<HH", size or len(pdu), 4) if first else b"") + pdu
    return struct.pack("<HH", handle | flags << 12, len(payload)) + payload


def discovery() -> list[tuple[str, bytes]]:
    """2A35 at handle 0x12, 2A49 at 0x15, a vendor's own at 0x18."""
    short = struct.pack("<HBHH", 0x11, 0x20, 0x12, 0x2A35) + struct.pack("<HBHH", 0x14, 0x02, 0x15, 0x2A49)
    long = struct.pack("<HBH", 0x17, 0x10, 0x18) + bytes.fromhex("f3641400-00b0-4240-ba50-05ca45bf8abc".replace("-", ""))[::-1]
    return [
        (">", b"\x08" + struct.pack("<HHH", 1, 0xFFFF, 0x2803)),
        ("<", b"\x09\x07" + short),
        (">", b"\x08" + struct.pack("<HHH", 0x15, 0xFFFF, 0x2803)),
        ("<", b"\x09\x15" + long),
        (">", b"\x08" + struct.pack("<HHH", 0x18, 0xFFFF, 0x2803)),
        ("<", b"\x01\x08" + struct.pack("<HB", 0x18, 0x0A)),
    ]


def written(packets: list[tuple[str, bytes]], datalink: int) -> bytes:
    """A file of these: `E` an event, `<` from the device, `>` to it; a second apart from 2026-03-01T08:00:00Z on."""
    found = b"btsnoop\0" + struct.pack(">II", 1, datalink)
    for number, (way, packet) in enumerate(packets):
        framed = packet
        if datalink == 1002:
            flags = (1 if way in "E<" else 0) | (2 if way == "E" else 0)
            framed = (b"\x04" if way == "E" else b"\x02") + packet
        elif datalink == 2001:
            flags = {"E": 3, ">": 4, "<": 5}[way]
        else:
            flags = (1 if way in "E<" else 0) | (2 if way == "E" else 0)
        when = EPOCH + (1772352000 + number) * 1_000_000
        found += struct.pack(">IIIIQ", len(framed), len(framed), flags, 0, when) + framed
    return found


def conversation() -> list[tuple[str, bytes]]:
    return [
        ("E", complete()),
        *((way, att(pdu)) for way, pdu in discovery()),
        (">", att(b"\x12" + struct.pack("<HH", 0x13, 2))),  # switches the measurement on
        ("<", att(b"\x13")),
        (">", att(b"\x0a" + struct.pack("<H", 0x15))),
        ("<", att(b"\x0b\x3f\x00")),
        ("<", att(b"\x1d" + struct.pack("<H", 0x12) + MEASUREMENT[:10], size=3 + len(MEASUREMENT))),
        ("<", att(MEASUREMENT[10:], first=False)),
        (">", att(b"\x1e")),
        ("E", gone()),
    ]


def short(records: list[Record]) -> list[tuple[str, int, bytes]]:
    return [(record.kind, record.characteristic, record.data) for record in records]


@pytest.mark.parametrize("datalink", [1001, 1002, 2001])
def test_a_conversation_comes_out_as_it_went_in(datalink: int) -> None:
    records = list(Conversion("blood-pressure").records(written(conversation(), datalink)))
    assert short(records) == [("open", 0, b""), ("rd", 0x2A49, b"\x3f\x00"), ("rx", 0x2A35, MEASUREMENT), ("end", 0, b"")]
    assert records[0].extra["a"] == ADDRESS
    assert records[0].extra["drv"] == "blood-pressure"
    assert records[2].time == 1772352000 + 12
    assert records[2].boottime == 12


def test_a_makers_own_characteristic_is_called_by_all_its_bits() -> None:
    said = [*conversation()[:-1], ("<", att(b"\x1b" + struct.pack("<H", 0x18) + b"\x07")), ("E", gone())]
    records = list(Conversion("x").records(written(said, 1002)))
    assert short(records)[-2] == ("rx", 0xF364140000B04240BA5005CA45BF8ABC, b"\x07")
    assert b'"u":"F364140000B04240BA5005CA45BF8ABC"' in line(records[-2])
    assert parse(line(records[-2])).characteristic == records[-2].characteristic


def test_handles_are_known_from_an_earlier_connection() -> None:
    """Phones keep what they have discovered."""
    later = [("E", complete(handle=0x41)), ("<", att(b"\x1b" + struct.pack("<H", 0x12) + b"\x01", handle=0x41))]
    records = list(Conversion("x").records(written(conversation() + later, 1002)))
    assert short(records)[-1] == ("rx", 0x2A35, b"\x01")
    assert records[-1].session != records[0].session


def test_what_no_discovery_has_named_is_counted() -> None:
    conversion = Conversion("x")
    packets = [("E", complete()), ("<", att(b"\x1b" + struct.pack("<H", 0x12) + b"\x01"))] * 2
    assert short(list(conversion.records(written(packets, 1002)))) == [("open", 0, b"")] * 2
    assert conversion.unknown == {ADDRESS: 2}


def test_a_long_value_is_read_in_pieces() -> None:
    packets = [
        *conversation()[:-1],
        (">", att(b"\x0a" + struct.pack("<H", 0x15))),
        ("<", att(b"\x0b" + b"a" * 22)),
        (">", att(b"\x0c" + struct.pack("<HH", 0x15, 22))),
        ("<", att(b"\x0d" + b"b" * 3)),
    ]
    assert short(list(Conversion("x").records(written(packets, 1002))))[-1] == ("rd", 0x2A49, b"a" * 22 + b"b" * 3)


def test_writes_are_kept_and_descriptors_are_not() -> None:
    packets = [*conversation()[:-1], (">", att(b"\x12" + struct.pack("<H", 0x15) + b"\x01\x01"))]
    records = short(list(Conversion("x").records(written(packets, 1002))))
    assert [record for record in records if record[0] == "wr"] == [("wr", 0x2A49, b"\x01\x01")]


def test_others_are_left_out() -> None:
    other = "C1:00:00:00:00:99"
    conversion = Conversion("x", other)
    assert list(conversion.records(written(conversation(), 1002))) == []
    assert conversion.addresses == {ADDRESS}


def test_a_connection_that_did_not_come_about_is_none() -> None:
    assert list(Conversion("x").records(written([("E", complete(status=0x3E))], 1002))) == []


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_a_file_that_is_cut_off_gives_what_is_whole(cut: int) -> None:
    whole = written(conversation(), 1002)
    records = short(list(Conversion("x").records(whole[: len(whole) - cut])))
    assert records == short(list(Conversion("x").records(whole)))[: len(records)]


@pytest.mark.parametrize(
    "octets", [b"", b"btsnoop", b"btsnoop\0" + struct.pack(">II", 2, 1002), b"btsnoop\0" + struct.pack(">II", 1, 1003), b"pcap" * 9]
)
def test_what_is_no_such_file_is_told(octets: bytes) -> None:
    with pytest.raises(SnoopError, match=r"btsnoop"):
        list(Conversion("x").records(octets))


def test_packets_that_a_recorder_has_cut_do_no_harm(tmp_path: Path) -> None:
    packets = [("E", b""), ("E", b"\x3e"), ("<", b"\x40"), *conversation(), ("<", att(b"")), ("<", att(b"\x1b"))]
    assert len(list(Conversion("x").records(written(packets, 1002)))) == 4

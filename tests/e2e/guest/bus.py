"""How long a frame is under way from the controller to the intake log: the kernel's own time stamps in btmon's file against ours."""

from __future__ import annotations

import statistics
import struct
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from drivers.kit.capture import CaptureError, Record
from gateway.btsnoop import EPOCH_MICROSECONDS, Conversion

RECEIVED_DATA = 5
"""BlueZ's monitor opcode for an ACL packet towards the host."""
ATTRIBUTE_PROTOCOL = 4
NOTIFICATION, INDICATION = 0x1B, 0x1D
CONTINUED = 1


def packets(path: Path) -> Iterator[tuple[float, bytes]]:
    """Unix time and ACL data (the packet's header, then what it holds) of each packet that the host received."""
    octets = path.read_bytes()
    assert octets.startswith(b"btsnoop\0")
    at = 16
    while at + 24 <= len(octets):
        _, size, flags, _, microseconds = struct.unpack_from(">IIIIQ", octets, at)
        at += 24
        if flags & 0xFFFF == RECEIVED_DATA:
            yield (microseconds - EPOCH_MICROSECONDS) / 1e6, octets[at : at + size]
        at += size


def values(path: Path) -> dict[bytes, list[float]]:
    """When each value was notified or indicated, oldest first."""
    found: dict[bytes, list[float]] = defaultdict(list)
    parts: dict[int, bytes] = {}
    for when, packet in packets(path):
        [handle] = struct.unpack_from("<H", packet)
        connection, boundary = handle & 0xFFF, handle >> 12 & 3
        whole = (parts.get(connection, b"") if boundary == CONTINUED else b"") + packet[4:]
        parts[connection] = whole
        size, channel = struct.unpack_from("<HH", whole)
        if len(whole) == 4 + size and channel == ATTRIBUTE_PROTOCOL and whole[4] in (NOTIFICATION, INDICATION):
            found[whole[7:]].append(when)
    return found


def under_way(path: Path, intake: Iterable[Record | CaptureError]) -> str:
    """How long, as a sentence; the frame is taken for the last one of the same octets before it."""
    air, seconds = values(path), []
    for record in intake:
        if isinstance(record, Record) and record.kind == "rx":
            times = air.get(record.data, [])
            before = bisect_right(times, record.time)
            if before:
                seconds.append(record.time - times[before - 1])
    assert seconds, "no frame of the intake log is in btmon's file"
    ordered = sorted(seconds)
    return (
        f"from the controller to the intake log: median {statistics.median(ordered) * 1e3:.1f} ms, "
        f"longest {ordered[-1] * 1e3:.1f} ms ({len(ordered)} frames of {sum(map(len, air.values()))} over the air)"
    )


Value = tuple[str, str, int]
"""Address, kind and characteristic."""


def not_converted(path: Path, intake: Iterable[Record | CaptureError]) -> tuple[Counter[Value], int]:
    """What the intake log has from connections and the converted file has not, and how much the log has. The other way round there is
    more: bluetoothd reads, too.
    """
    ours = _values(record for record in intake if isinstance(record, Record))
    theirs = _values(Conversion("").records(path.read_bytes()))
    # What was written down before it was sent may not have been sent.
    said = {value: octets for value, octets in ours.items() if value[1] != "wr"}
    lacking = {value: (octets - theirs[value]).total() for value, octets in said.items()}
    return +Counter(lacking), sum(octets.total() for octets in said.values())


def _values(records: Iterable[Record]) -> dict[Value, Counter[bytes]]:
    addresses: dict[str, str] = {}
    found: dict[Value, Counter[bytes]] = defaultdict(Counter)
    for record in records:
        if record.kind == "open":
            addresses[record.session] = record.extra["a"]
        elif record.kind in ("rx", "rd", "wr") and record.characteristic:
            found[addresses[record.session], record.kind, record.characteristic][record.data] += 1
    return found

"""A cuff, a scale, an oximeter and a disk with a report."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from profiles.framing import nonin

Pressure = tuple[datetime, int, int, int, int]
"""Time, systolic, diastolic, pulse, user."""


@dataclass
class Bm58:
    records: list[Pressure]

    def begin(self) -> list[bytes]:
        return []

    def receive(self, data: bytes) -> list[bytes]:
        command = data[0]
        if command == 0xAA:  # noqa: PLR2004 - hello
            return [b"\x55".ljust(8, b"\xf4")]
        if command == 0xA4:  # noqa: PLR2004 - who it is
            text = b"BM58 SIMULATED".ljust(32, b"\xf4")
            return [text[at : at + 8] for at in range(0, 32, 8)]
        if command == 0xA2:  # noqa: PLR2004 - how many
            return [bytes((len(self.records),)).ljust(8, b"\xf4")]
        if command == 0xA3:  # noqa: PLR2004 - one of them
            time, systolic, diastolic, pulse, user = self.records[data[1] - 1]
            day = time.day | (0x80 if user == 2 else 0)  # noqa: PLR2004 - the second
            return [bytes((systolic - 25, diastolic - 25, pulse, time.month, day, time.hour, time.minute, time.year - 2000))]
        return []


@dataclass
class PosScale:
    """Says everything three times, as the real one does: empty, in motion, stable, empty."""

    weights: list[int]
    """In tenths of a pound."""

    def begin(self) -> list[bytes]:
        reports: list[bytes] = []
        for weight in self.weights:
            for status in (2, 3, 4, 4, 4, 2):
                raw = weight if status == 4 else 0  # noqa: PLR2004 - stable
                reports.append(bytes((3, status, 12, 0xFF)) + raw.to_bytes(2, "little"))
        return reports

    def receive(self, _data: bytes) -> list[bytes]:
        return []


@dataclass
class Cms50:
    """So many seconds of measuring; what comes of one second is one frame."""

    seconds: int
    spo2: int = 97
    pulse: int = 143

    def begin(self) -> list[bytes]:
        third = 0x05 | (0x40 if self.pulse & 0x80 else 0)
        packets = [bytes((0x84, number % 60, third, self.pulse & 0x7F, self.spo2)) for number in range(60 * self.seconds)]
        return [b"".join(packets[at : at + 60]) for at in range(0, len(packets), 60)]

    def receive(self, _data: bytes) -> list[bytes]:
        return []


@dataclass
class Nonin:
    """So many seconds of measuring, in the last of which the finger is out."""

    seconds: int
    spo2: int = 96
    pulse: int = 301
    """Beyond what eight bits hold."""

    def begin(self) -> list[bytes]:
        measured = nonin.written(self.pulse, self.spo2) * 3
        without = nonin.written(nonin.NO_RATE, nonin.NO_SPO2, 0x40) * 3
        return [measured] * (self.seconds - 1) + [without]

    def receive(self, _data: bytes) -> list[bytes]:
        return []


@dataclass
class ReportDisk:
    records: list[tuple[datetime, int]]
    blocks: tuple[int, ...] = (1,)
    _none: list[bytes] = field(default_factory=list)

    def begin(self) -> list[bytes]:
        return []

    def receive(self, _data: bytes) -> list[bytes]:
        return []

    def text(self) -> str:
        head = (
            "Serial number;Download\nU100000001;now\nDate;Time;Result;Unit;Temperature warning;Out of target range;Before meal;After meal\n"
        )
        return head + "".join(f"{time:%d.%m.%Y};{time:%H:%M};{value};mg/dL;;;X;\n" for time, value in self.records)

    def read_block(self, _block: int) -> bytes:
        return self.text().encode()

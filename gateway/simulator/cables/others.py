"""A cuff, a scale, an oximeter and a disk with a report."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from profiles.framing import contec_wide, nonin, omron_hid

STAY_SECONDS = 4
"""For so long an oximeter measures without being asked to go on."""
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
class BeurerSerial(Bm58):
    """Says the same, as octets come over a wire."""

    def receive(self, data: bytes) -> list[bytes]:
        said = b"".join(super().receive(data))
        sizes = {0xAA: 1, 0xA4: 32, 0xA2: 1, 0xA3: 8}
        whole = (b"\xac" if data[0] == 0xA3 else b"") + said[: sizes.get(data[0], 0)]  # noqa: PLR2004 - a record
        return [piece for piece in (whole[:5], whole[5:]) if piece]


@dataclass
class OmronHem790:
    """Two users, a bank for each. It is awake when it was told nothing for the second time, and says NO to every fifth question."""

    records: list[Pressure]
    _asked: bytes = b""
    _woken: int = 0
    _questions: int = 0

    def begin(self) -> list[bytes]:
        return []

    def receive(self, data: bytes) -> list[bytes]:
        self._asked += data[1 : 1 + data[0]]
        if self._asked == bytes(12):
            self._asked, self._woken = b"", self._woken + 1
            return self._reports(b"OK") if self._woken > 1 else []
        sizes = {b"SRL": 5, b"GDC": 8, b"GME": 8}
        if len(self._asked) < sizes.get(self._asked[:3], 12):
            return []
        asked, self._asked = self._asked, b""
        self._questions += 1
        if self._questions % 5 == 0:
            return self._reports(b"NO")
        return [bytes((omron_hid.NOT_READY,)) * 8, *self._reports(self._answer(asked))]

    def _answer(self, asked: bytes) -> bytes:
        bank = [record for record in self.records if record[4] == asked[4] + 1] if len(asked) > 5 else []  # noqa: PLR2004 - its serial number
        if asked == b"SRL00":
            return b"OK\x0012345678"
        if asked.startswith(b"GDC"):
            said = bytes((0, 0, 0, 0, len(bank)))
        else:
            time, systolic, diastolic, pulse, _ = bank[asked[6]]
            said = bytes((0, time.year - 2000, time.month, time.day, time.hour, time.minute, time.second, 0, 0, systolic, diastolic, pulse))
            said += (asked[6] % 4).to_bytes(2, "big")
        return b"OK" + said + bytes((omron_hid.folded(said),))

    def _reports(self, said: bytes) -> list[bytes]:
        pieces = [said[at : at + omron_hid.ROOM] for at in range(0, len(said), omron_hid.ROOM)]
        return [bytes((len(piece),)) + piece.ljust(omron_hid.ROOM, b"\0") for piece in pieces]


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
class Cms50New:
    """Measures while it is asked to: so many seconds for each time that it is asked."""

    seconds: int
    spo2: int = 97
    pulse: int = 143
    asked: list[int] = field(default_factory=list)

    def begin(self) -> list[bytes]:
        return []

    def receive(self, data: bytes) -> list[bytes]:
        self.asked.append(data[2])
        if data[2] == contec_wide.STOP or not self.seconds:
            return []
        now = min(self.seconds, STAY_SECONDS)
        self.seconds -= now
        second = b"".join(
            contec_wide.packed(contec_wide.LIVE, bytes((0x07, number, 5, self.pulse, self.spo2, 0x80, 0))) for number in range(60)
        )
        return [second] * now


@dataclass
class Nonin:
    """So many seconds of measuring, in the last of which the finger is out."""

    seconds: int
    spo2: int = 96
    pulse: int = 301
    """Beyond what eight bits hold."""
    data_format: int = 2

    def begin(self) -> list[bytes]:
        a_second = 1 if self.data_format == nonin.SLOW_FORMAT else 3
        measured = nonin.written(self.pulse, self.spo2, data_format=self.data_format) * a_second
        without = nonin.written(nonin.NO_RATE, nonin.NO_SPO2, 0x40, self.data_format) * a_second
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

"""Glucose meters with a cable. `records`: time and value, newest first; `now`: the meter's clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from profiles.framing import astm, lifescan, taidoc
from profiles.framing.lifescan import Link
from profiles.times import DateTime

Record = tuple[datetime, int]


@dataclass
class Meter:
    records: list[Record]
    now: Callable[[], datetime]
    clock_set: datetime | None = None
    erased: bool = False


@dataclass
class UltraEasy(Meter):
    """Numbers its frames, and says each again until it is acknowledged."""

    _framer: lifescan.Framer = field(default_factory=lifescan.Framer)
    _sent: bool = False
    _expected: bool = False

    def begin(self) -> list[bytes]:
        self._framer = lifescan.Framer()
        return []

    def receive(self, data: bytes) -> list[bytes]:
        answers: list[bytes] = []
        for frame in self._framer.feed(data):
            if frame.link & Link.DISCONNECT:
                self._sent = self._expected = False
                answers.append(lifescan.written(b"", Link.DISCONNECT | Link.ACK))
            elif frame.link & Link.ACK:
                self._sent = bool(frame.link & Link.EXPECT)
            elif bool(frame.link & Link.SEQUENCE) == self._expected:
                self._expected = not self._expected
                state = Link(self._expected * Link.EXPECT | self._sent * Link.SEQUENCE)
                answers += [lifescan.written(b"", Link.ACK | state), lifescan.written(self._answer(frame.payload), state)]
        return answers

    def _answer(self, asked: bytes) -> bytes:
        if asked[:3] == b"\x05\x20\x01":
            self.clock_set = datetime.fromtimestamp(int.from_bytes(asked[3:7], "little"), UTC).replace(tzinfo=None)
        self.erased = self.erased or asked[:2] == b"\x05\x1a"
        answers = {
            b"\x05\x0d\x02": b"\x11P02.00.00/30/08/06",
            b"\x05\x0b\x02": b"C176SA0ZX",
            b"\x05\x20\x02": _seconds(self.now()),
            b"\x05\x20\x01": asked[3:7],
        }
        if asked[:2] != b"\x05\x1f":
            return b"\x05\x06" + answers.get(asked[:3], b"")
        index = int.from_bytes(asked[2:4], "little")
        if index >= len(self.records):
            return b"\x05\x0f" + len(self.records).to_bytes(2, "little")
        time, value = self.records[index]
        return b"\x05\x06" + _seconds(time) + value.to_bytes(4, "little")


def _seconds(moment: datetime) -> bytes:
    return int(moment.replace(tzinfo=UTC).timestamp()).to_bytes(4, "little")


@dataclass
class Verio(Meter):
    """A disk of which one block is a mailbox."""

    vendor: str = "LifeScan"
    blocks: tuple[int, ...] = (3, 4, 5)
    _answer: bytes = b""

    def begin(self) -> list[bytes]:
        return []

    def receive(self, _data: bytes) -> list[bytes]:
        return []

    def read_block(self, _block: int) -> bytes:
        return self._answer.ljust(512, b"\0")

    def write_block(self, _block: int, data: bytes) -> None:
        asked = lifescan.frame(data).payload
        epoch = datetime(2000, 1, 1)  # noqa: DTZ001 - the meter knows no zone
        said = b""
        if asked[:2] == b"\x03\xe6":
            said = ("VERIO-SIM" if asked[3] == 0 else "OneTouch Verio").encode("utf-16-le") + b"\0\0"
        elif asked[:3] == b"\x03\x20\x02":
            said = int((self.now() - epoch).total_seconds()).to_bytes(4, "little")
        elif asked[:3] == b"\x03\x27\x00":
            said = len(self.records).to_bytes(2, "little")
        elif asked[:3] == b"\x03\x31\x02":
            index = int.from_bytes(asked[3:5], "little")
            time, value = self.records[index]
            counter = (len(self.records) - index).to_bytes(2, "little")
            stamp = int((time - epoch).total_seconds()).to_bytes(4, "little")
            said = (
                (0xFFFF - index).to_bytes(2, "little")
                + b"\0"
                + counter
                + stamp
                + value.to_bytes(2, "little")
                + bytes((index % 3, 0, 0, 0, 0))
            )
        self._answer = lifescan.written(b"\x03\x06" + said)


@dataclass
class Contour(Meter):
    """Says a frame again until it is acknowledged."""

    _frames: list[bytes] = field(default_factory=list)
    _at: int = 0

    def begin(self) -> list[bytes]:
        texts = [rf"H|\^&||xyz|Bayer7390^01.10\01.04^7396-1234567^7403-|A=1|{len(self.records)}||||||P|1|{self.now():%Y%m%d%H%M}"]
        texts += ["P|1"]
        texts += [f"R|{number}|^^^Glucose|{value}|mg/dL^P||B||{time:%Y%m%d%H%M}" for number, (time, value) in enumerate(self.records, 1)]
        texts += [f"L|1||N|{len(self.records)}"]
        self._frames = [astm.written(number, text) for number, text in enumerate(texts, 1)]
        self._at = -1
        return [astm.report(bytes((astm.ENQ,)))]

    def receive(self, data: bytes) -> list[bytes]:
        if astm.carried(data)[0] == astm.EOT:
            self._at = -1
            return [astm.report(bytes((astm.ENQ,)))]
        if astm.carried(data)[0] == astm.ACK:
            self._at += 1
        if self._at >= len(self._frames):
            return [astm.report(bytes((astm.EOT,)))]
        text = self._frames[max(self._at, 0)]
        return [astm.report(text[at : at + astm.MOST]) for at in range(0, len(text), astm.MOST)]


@dataclass
class Taidoc(Meter):
    model: int = 0x4277
    _framer: taidoc.Framer = field(default_factory=taidoc.Framer)

    def begin(self) -> list[bytes]:
        self._framer = taidoc.Framer()
        return []

    def receive(self, data: bytes) -> list[bytes]:
        answers: list[bytes] = []
        for message in self._framer.feed(data):
            said = self._answer(message)
            answers.append(taidoc.written(message.command, said, direction=taidoc.FROM_METER))
        return answers

    def _answer(self, message: taidoc.Message) -> bytes:
        index = int.from_bytes(message.data[:2], "little")
        answers: dict[int, Callable[[], bytes]] = {
            0x24: lambda: self.model.to_bytes(2, "little"),
            0x27: lambda: bytes.fromhex("12345678"),
            0x28: lambda: bytes.fromhex("9abcdef0"),
            0x23: lambda: taidoc.packed(DateTime.of(self.now())),
            0x2B: lambda: len(self.records).to_bytes(2, "little"),
            0x25: lambda: taidoc.packed(DateTime.of(self.records[index][0])),
            0x26: lambda: self.records[index][1].to_bytes(2, "little") + bytes((0, (index % 3) << 6)),
        }
        if message.command == 0x52:  # noqa: PLR2004 - clear
            self.erased = True
        if message.command == 0x33:  # noqa: PLR2004 - the clock
            at = taidoc.stamp(message.data).naive()
            self.clock_set = at
        return answers.get(message.command, lambda: b"")()


@dataclass
class Ultra2(Meter):
    def begin(self) -> list[bytes]:
        return []

    def receive(self, data: bytes) -> list[bytes]:
        command = data.removeprefix(b"\x11\r")
        if command.startswith(b"DM?"):
            return [_summed("?P02.00.00  10/14/09")]
        if command.startswith(b"DM@"):
            return [_summed('@ "PVD12345Z"')]
        if command.startswith(b"DMF"):
            return [_summed(f'F "MON","{self.now():%m/%d/%y}","{self.now():%H:%M:%S}   "')]
        if command.startswith(b"DMT"):
            self.clock_set = datetime.strptime(command[3:20].decode(), "%m/%d/%y %H:%M:%S")  # noqa: DTZ007 - the meter knows no zone
            return [_summed(f'T "MON","{self.now():%m/%d/%y}","{self.now():%H:%M:%S}   "')]
        if command.startswith(b"DMP"):
            lines = [f'P {len(self.records):03},"PVD12345Z","MG/DL "']
            lines += [f'P "MON","{time:%m/%d/%y}","{time:%H:%M:%S}   ","  {value:03} ","N","00", 00' for time, value in self.records]
            return [_summed(line) for line in lines]
        self.erased = self.erased or command.startswith(b"DMZ")
        return []


def _summed(text: str) -> bytes:
    data = text.encode()
    return data + b" %04X\r\n" % (sum(data) & 0xFFFF)

"""FreeStyle meters. `ketones`: as `records`, times eighteen, as the meters keep them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from gateway.simulator.cables.meters import Meter, Record
from profiles.framing import freestyle_hid, freestyle_text
from profiles.framing.freestyle_hid import TEXT, written


@dataclass
class FreeStyleLite(Meter):
    def begin(self) -> list[bytes]:
        return []

    def receive(self, data: bytes) -> list[bytes]:
        if data != b"mem":
            return []
        lines = self._head() + [f"{value:03}  {time:%b  %d %Y %H:%M} 00 0x00" for time, value in self.records]
        return _pieces(_summed(lines))

    def _head(self, more: int = 0) -> list[str]:
        return ["", "CJMV154-D0083", "1.43 -P  ", f"{self.now():%b  %d %Y %H:%M:%S}", f"{len(self.records) + more:03}"]


@dataclass
class FreeStyleOptium(FreeStyleLite):
    """Passes over the first command after it was switched on."""

    ketones: list[Record] = field(default_factory=list)
    _is_awake: bool = False

    def receive(self, data: bytes) -> list[bytes]:
        if not self._is_awake:
            self._is_awake = True
            return []
        if data != b"$xmem\r\n":
            return [b"CMD Fail!\r\n"]
        lines = self._head(len(self.ketones))
        for kind, records in (("G", self.records), ("K", self.ketones)):
            lines += [f"{value:03}  {time:%b  %d %Y %H:%M} {kind} 0x00" for time, value in records]
        return _pieces(_summed(lines) + b"CMD OK\r\n")


def _summed(lines: list[str]) -> bytes:
    return freestyle_text.summed("".join(f"{line}\r\n" for line in lines).encode())


def _pieces(text: bytes) -> list[bytes]:
    return [text[at : at + 60] for at in range(0, len(text), 60)]


@dataclass
class FreeStyleUsb(Meter):
    kind: Literal["neo", "insulinx", "libre"] = "neo"
    ketones: list[Record] = field(default_factory=list)
    _date: tuple[int, ...] = ()

    def begin(self) -> list[bytes]:
        return [written(freestyle_hid.KEEP_ALIVE, b"\x05").ljust(64, b"\0")]

    def receive(self, data: bytes) -> list[bytes]:
        kind, said = data[0], data[2 : 2 + data[1]]
        if kind != TEXT:
            answers = {0x04: 0x34, 0x05: 0x06, 0x15: 0x35, 0x01: 0x71}
            return [written(answers[kind], b"\x01").ljust(64, b"\0")]
        keep_alive = written(freestyle_hid.KEEP_ALIVE).ljust(64, b"\0")
        reports = freestyle_hid.reported(freestyle_hid.ended(self._answer(said.decode())))
        return [*reports[:1], keep_alive, *reports[1:]]

    def _answer(self, asked: str) -> bytes:
        word, *values = asked.split(",")
        if word == "$date":
            self._date = (2000 + int(values[2]), int(values[0]), int(values[1]))
        if word == "$time":
            self.clock_set = datetime(*self._date, *(int(value) for value in values))  # type: ignore[arg-type]  # noqa: DTZ001 - the meter knows no zone
        self.erased = self.erased or word not in ("$date", "$time", "$serlnum?", "$sn?", "$swver?", "$date?", "$time?", *self._lists())
        now = self.now()
        plain = {
            "$serlnum?": "LAGM231-S0042",
            "$sn?": "JCMV123-T0815",
            "$swver?": "2.1.2",
            "$date?": f"{now.month},{now.day},{now.year - 2000}",
            "$time?": f"{now.hour},{now.minute}",
        }
        if asked in self._lists():
            return freestyle_hid.listed(self._lists()[asked])
        return f"{plain[asked]}\r\n".encode() if asked in plain else b""

    def _lists(self) -> dict[str, list[str]]:
        if self.kind == "libre":
            return {"$history?": self._history(), "$arresult?": self._scanned()}
        kinds = {"neo": ("7", 1, "9"), "insulinx": ("0", 6, "")}
        glucose, unknown, ketone = kinds[self.kind]
        told = [(glucose, *record) for record in self.records] + [(ketone, *record) for record in self.ketones]
        lines = [f"6,{len(told)},1,1,26,0,0,1"]  # the clock was changed
        for number, (kind, time, value) in enumerate(told):
            fields = (kind, number, *_stamp(time), *[0] * unknown, value, 0, 0)
            lines.append(",".join(str(one) for one in fields))
        return {"$result?": lines}

    def _history(self) -> list[str]:
        lines = []
        for number, (time, value) in enumerate(self.records[::2]):
            fields = [number, 0, *_stamp(time), time.second, 1, 0, 0, 0, 0, value, 0, 0]
            lines.append(",".join(str(one) for one in fields))
        failed = [900, 0, *_stamp(self.now()), 0, 1, 0, 0, 0, 0, 77, 0, 32]  # the sensor was too warm
        return [*lines, ",".join(str(one) for one in failed)]

    def _scanned(self) -> list[str]:
        told = [(2 if number % 2 else 0, *record) for number, record in enumerate(self.records[1::2])]
        told += [(1, *record) for record in self.ketones]
        lines = ["900,5,1,1,26,0,0,0,1,1,1,26,0,0"]  # the clock was changed
        for number, (kind, time, value) in enumerate(told):
            fields = [1000 + number, 2, *_stamp(time), time.second, 1, kind, 0, 0, value, *[0] * 32]
            lines.append(",".join(str(one) for one in fields))
        return lines


def _stamp(time: datetime) -> tuple[int, ...]:
    return (time.month, time.day, time.year - 2000, time.hour, time.minute)

"""USB devices of Python for the kernel's vhci-hcd: a process of its own, told on its standard input what to plug and to pull.

    {"do": "plug", "device": "phd"}   {"do": "pull", "device": "phd"}

Each answers as the virtual devices of the simulator do. Source of the wire format: Documentation/usb/usbip_protocol.rst of Linux.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import struct
import sys
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.simulator.cables.meters import Contour
from gateway.simulator.phd_agent import Agent, Entry
from profiles.phd import apdu as apdus
from profiles.times import DateTime

SYSTEM = Path("/sys/devices/platform/vhci_hcd.0")
_HEADER, _SUBMIT, _RETURN = struct.Struct(">IIIII"), struct.Struct(">IiiiI8s"), struct.Struct(">iiiii8x")
_CMD_UNLINK, _RET_SUBMIT, _RET_UNLINK = 2, 3, 4
FULL_SPEED = 2
RECORDS = 25


def now() -> datetime:
    return datetime.now()  # noqa: DTZ005 - a meter knows no zone


def records() -> list[tuple[datetime, int]]:
    """The same for all, and whenever it is asked: newest first."""
    last = datetime(2026, 3, 14, 7, 0)  # noqa: DTZ001 - likewise
    return [(last - timedelta(hours=number), 90 + number) for number in range(RECORDS)]


def _endpoint(address: int, kind: int, size: int, interval: int = 0) -> bytes:
    return struct.pack("<BBBBHB", 7, 5, address, kind, size, interval)


def _interface(kind: int, body: bytes, count: int) -> bytes:
    return struct.pack("<BBBBBBBBB", 9, 4, 0, 0, count, kind, 0, 0, 0) + body


class Usb:
    """One device with one interface. `out`: what it does with what it is sent."""

    ids, serial, product = (0xF055, 1), "SN1", "virtual"
    report_descriptor = b""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._wanted: dict[int, deque[tuple[int, int]]] = defaultdict(deque)
        self._ready: dict[int, deque[bytes]] = defaultdict(deque)
        self._socket: socket.socket | None = None
        self._port = -1

    def interface(self) -> bytes:
        raise NotImplementedError

    def begin(self) -> None:
        """It has been configured."""

    def out(self, data: bytes) -> None:
        raise NotImplementedError

    def plug(self) -> None:
        self._wanted.clear()
        self._ready.clear()
        ours, theirs = socket.socketpair()
        lines = (SYSTEM / "status").read_text().splitlines()[1:]
        self._port = next(int(line.split()[1]) for line in lines if line.split()[0] == "hs" and int(line.split()[2]) == 4)
        self._socket = ours
        (SYSTEM / "attach").write_text(f"{self._port} {theirs.fileno()} {0x10001 + self._port} {FULL_SPEED}")
        theirs.close()
        threading.Thread(target=self._serve, args=(ours,), daemon=True).start()

    def pull(self) -> None:
        (SYSTEM / "detach").write_text(str(self._port))
        if self._socket is not None:
            self._socket.close()

    def say(self, data: bytes) -> None:
        with self._lock:
            self._ready[1].append(data)
            self._match(1)

    def _match(self, endpoint: int) -> None:
        while self._wanted[endpoint] and self._ready[endpoint]:
            number, size = self._wanted[endpoint].popleft()
            data = self._ready[endpoint].popleft()
            if len(data) > size:
                self._ready[endpoint].appendleft(data[size:])
            self._answer(number, 0, data[:size])

    def _answer(self, number: int, status: int, data: bytes = b"", actual: int | None = None, kind: int = _RET_SUBMIT) -> None:
        assert self._socket is not None
        head = _HEADER.pack(kind, number, 0, 0, 0) + _RETURN.pack(status, len(data) if actual is None else actual, 0, 0, 0)
        self._socket.sendall(head + data)

    def _serve(self, ours: socket.socket) -> None:
        def take(count: int) -> bytes:
            data = b""
            while len(data) < count:
                part = ours.recv(count - len(data))
                if not part:
                    raise EOFError
                data += part
            return data

        try:
            while True:
                command, number, _, inward, endpoint = _HEADER.unpack(take(_HEADER.size))
                flags, size, _, _, _, setup = _SUBMIT.unpack(take(_SUBMIT.size))
                if command == _CMD_UNLINK:
                    self._unlink(number, flags)
                    continue
                data = take(size) if not inward and size else b""
                if endpoint == 0:
                    said = self._control(setup)
                    with self._lock:
                        if said is None:
                            self._answer(number, -errno.EPIPE)
                        else:
                            self._answer(number, 0, said[:size] if inward else b"", None if inward else len(data))
                elif inward:
                    with self._lock:
                        self._wanted[endpoint].append((number, size))
                        self._match(endpoint)
                else:
                    with self._lock:
                        self._answer(number, 0, actual=len(data))
                    self.out(data)
        except (EOFError, OSError):
            return

    def _unlink(self, number: int, victim: int) -> None:
        with self._lock:
            found = [(queue, one) for queue in self._wanted.values() for one in queue if one[0] == victim]
            for queue, one in found:
                queue.remove(one)
            self._answer(number, -errno.ECONNRESET if found else 0, actual=0, kind=_RET_UNLINK)

    def _control(self, setup: bytes) -> bytes | None:
        kind, request, value, _, _ = struct.unpack("<BBHHH", setup)
        if (kind, request) == (0x80, 6):
            return self._descriptor(value >> 8, value & 0xFF)
        if (kind, request) == (0x81, 6) and value >> 8 == 0x22:
            return self.report_descriptor
        if (kind, request) == (0x80, 0):
            return b"\0\0"
        if (kind, request) == (0x00, 9):
            self.begin()
        if kind == 0x21 and request == 9:
            return b""
        return b"" if kind & 0x80 == 0 else None

    def _descriptor(self, kind: int, number: int) -> bytes | None:
        if kind == 1:
            return struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x0200, 0, 0, 0, 64, *self.ids, 0x0100, 1, 2, 3, 1)
        if kind == 2:
            body = self.interface()
            return struct.pack("<BBHBBBBB", 9, 2, 9 + len(body), 1, 1, 0, 0x80, 50) + body
        if kind == 3:
            if number == 0:
                return b"\x04\x03\x09\x04"
            text = ("health-gateway", self.product, self.serial)[number - 1].encode("utf-16-le")
            return bytes((len(text) + 2, 3)) + text
        return None


class Phd(Usb):
    """A glucose meter of the Personal Healthcare Device Class."""

    ids, serial, product = (0x173A, 0x21D5), "PHD1", "virtual PHD"

    def __init__(self) -> None:
        super().__init__()
        entries = [Entry(DateTime.of(time), value) for time, value in reversed(records())]
        self.agent = Agent(entries, now)
        self._stream = apdus.Stream()

    def interface(self) -> bytes:
        function = bytes.fromhex("04200200 063000011110")
        quality = bytes.fromhex("04210108")
        return _interface(0x0F, function + _endpoint(0x81, 2, 64) + quality + _endpoint(0x02, 2, 64) + quality, 2)

    def begin(self) -> None:
        self._stream = apdus.Stream()
        for data in self.agent.begin():
            self.say(data)

    def out(self, data: bytes) -> None:
        for apdu in self._stream.feed(data):
            for answer in self.agent.receive(apdu):
                self.say(answer)


class ContourHid(Usb):
    """A meter with 64-octet reports, both ways by interrupt pipes."""

    ids, serial, product = (0x1A79, 0x7410), "CONTOUR1", "virtual Contour"
    report_descriptor = bytes.fromhex("0600ff0901a101090215 0026ff00750895408102 0903150026ff00750895409102c0".replace(" ", ""))

    def __init__(self) -> None:
        super().__init__()
        self.meter = Contour(records(), now)

    def interface(self) -> bytes:
        hid = struct.pack("<BBHBBBH", 9, 0x21, 0x0111, 0, 1, 0x22, len(self.report_descriptor))
        return _interface(3, hid + _endpoint(0x81, 3, 64, 4) + _endpoint(0x02, 3, 64, 4), 2)

    def begin(self) -> None:
        for data in self.meter.begin():
            self.say(data)

    def out(self, data: bytes) -> None:
        for answer in self.meter.receive(data):
            self.say(answer)


DEVICES: dict[str, Callable[[], Any]] = {"phd": Phd, "contour": ContourHid}


def main() -> None:
    made = {name: make() for name, make in DEVICES.items()}
    print(json.dumps({"event": "ready"}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        device = made[asked["device"]]
        {"plug": device.plug, "pull": device.pull}[asked["do"]]()
        print(json.dumps({"event": asked["do"], "device": asked["device"]}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()

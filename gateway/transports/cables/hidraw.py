"""HID reports through the kernel's hidraw, which needs no library: interrupt pipes by reading and writing, control transfers by ioctl."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable

from drivers import Hid, HidUart, Silent
from gateway.transports.cables.connection import CableConnection, Receiver, opened
from gateway.transports.radio import OnFrame

LARGEST = 4096


def _ioctl(number: int, size: int) -> int:
    """_IOC(read and write, 'H', number, size) of <linux/hidraw.h>."""
    return 3 << 30 | size << 16 | ord("H") << 8 | number


def set_feature(descriptor: int, report: bytes) -> None:
    """HIDIOCSFEATURE: a control transfer (SET_REPORT, feature)."""
    fcntl.ioctl(descriptor, _ioctl(0x06, len(report)), report)


def set_output(descriptor: int, report: bytes) -> None:
    """HIDIOCSOUTPUT: a control transfer (SET_REPORT, output); since Linux 5.11."""
    fcntl.ioctl(descriptor, _ioctl(0x0B, len(report)), report)


class HidConnection(CableConnection):
    def __init__(self, node: str, wire: Hid, on_frame: OnFrame, on_lost: Callable[[], None]) -> None:
        """Raises `DeviceError`."""
        self._wire, self._receiver = wire, Receiver(on_frame, on_lost)
        self._descriptor = opened(node)
        try:
            for report in wire.begin:
                set_feature(self._descriptor, report)
        except OSError as error:
            os.close(self._descriptor)
            raise Silent(f"it does not take its settings: {error.strerror}") from error
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._readable)

    def _readable(self) -> None:
        try:
            data = os.read(self._descriptor, LARGEST)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._receiver.frame(self._taken(data))
        else:
            self._loop.remove_reader(self._descriptor)
            self._receiver.lost()

    def _taken(self, data: bytes) -> bytes:
        return data

    async def write(self, characteristic: int, data: bytes) -> None:  # noqa: ARG002 - a cable has one channel
        report = bytes((self._wire.report,)) + data.ljust(self._wire.size, bytes((self._wire.pad,)))
        await self._put(report, by_control=self._wire.out == "control")

    async def _put(self, report: bytes, *, by_control: bool) -> None:
        """In a thread: a transfer lasts for as long as the device likes, up to some seconds."""
        try:
            await asyncio.to_thread(set_output if by_control else os.write, self._descriptor, report)
        except OSError as error:
            raise Silent(f"it takes nothing: {error.strerror}") from error

    async def close(self) -> None:
        if not self._receiver.is_lost:
            self._loop.remove_reader(self._descriptor)
        self._receiver.is_lost = True
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


_ENABLE, _CONFIGURE, _PURGE = 0x41, 0x50, 0x43
_MOST = 63


class Cp2110Connection(HidConnection):
    """A CP2110 carries up to 63 octets of its UART in a report whose number is their count. Source: Silicon Labs AN434."""

    def __init__(self, node: str, wire: HidUart, on_frame: OnFrame, on_lost: Callable[[], None]) -> None:
        # Baud rate; parity none; flow control none; 8 data bits; short stop bit.
        configure = bytes((_CONFIGURE,)) + wire.baud.to_bytes(4, "big") + bytes((0, 0, 3, 0))
        begin = (bytes((_ENABLE, 1)), configure, bytes((_PURGE, 3)))
        super().__init__(node, Hid(begin=begin), on_frame, on_lost)

    def _taken(self, data: bytes) -> bytes:
        return data[1 : 1 + data[0]] if 0 < data[0] <= _MOST else b""

    async def write(self, characteristic: int, data: bytes) -> None:  # noqa: ARG002 - a cable has one channel
        for at in range(0, len(data), _MOST):
            part = data[at : at + _MOST]
            await self._put(bytes((len(part),)) + part, by_control=False)

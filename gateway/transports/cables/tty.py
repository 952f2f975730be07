"""A serial port. Opened for us alone, without flow control and without waiting: the event loop tells when something has come."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable

import serial

from drivers import Refused, Serial, Silent, Why
from gateway.transports.cables.connection import CableConnection, Receiver
from gateway.transports.radio import OnFrame

AT_ONCE = 4096
"""Octets taken at a time."""
WRITE_SECONDS = 5.0


class TtyConnection(CableConnection):
    def __init__(self, node: str, wire: Serial, on_frame: OnFrame, on_lost: Callable[[], None]) -> None:
        """Raises `DeviceError`."""
        self._wire, self._receiver, self._node = wire, Receiver(on_frame, on_lost), node
        self._kept = bytearray()
        self._timer: asyncio.TimerHandle | None = None
        try:
            self._port = serial.Serial(
                port=node,
                baudrate=wire.baud,
                bytesize=wire.bits,
                parity=wire.parity,
                stopbits=wire.stop,
                timeout=0,
                write_timeout=0,
                xonxoff=False,
                rtscts=False,
                dsrdtr=False,
                exclusive=True,
            )
        except serial.SerialException as error:
            if error.errno == errno.EACCES:
                raise Refused(Why.NO_RIGHT) from error
            raise Silent(f"{node} cannot be opened: {error.strerror or error}") from error
        self._loop = asyncio.get_running_loop()
        if not wire.lines:
            self._port.dtr = self._port.rts = False
        self._loop.add_reader(self._port.fileno(), self._readable)

    def _readable(self) -> None:
        try:
            data = self._port.read(AT_ONCE)
        except (OSError, TypeError):  # pulled, or closed meanwhile
            self._lost()
            return
        if not data:
            self._lost()  # readable and empty: the other end of a pty has gone
        elif not self._wire.gather:
            self._receiver.frame(data)
        else:
            self._kept += data
            if self._timer is None:
                self._timer = self._loop.call_later(self._wire.gather, self._gathered)

    def _gathered(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._kept:
            data, self._kept = bytes(self._kept), bytearray()
            self._receiver.frame(data)

    def _lost(self) -> None:
        self._loop.remove_reader(self._port.fileno())
        self._gathered()
        self._receiver.lost()

    async def write(self, characteristic: int, data: bytes) -> None:  # noqa: ARG002 - a cable has one channel
        left = memoryview(data)
        ends = self._loop.time() + WRITE_SECONDS
        while left:
            try:
                left = left[self._port.write(left) or 0 :]
            except (serial.SerialException, OSError) as error:
                raise Silent("the cable is gone") from error
            if left:
                if self._loop.time() > ends:
                    raise Silent("it takes nothing any more")
                await asyncio.sleep(0.01)

    async def close(self) -> None:
        if self._port.is_open:
            self._loop.remove_reader(self._port.fileno())
            self._gathered()
            self._receiver.is_lost = True
            self._port.close()

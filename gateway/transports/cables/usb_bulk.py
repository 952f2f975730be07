"""Bulk pipes through libusb, for the Personal Healthcare Device Class. A thread waits for what comes; libusb has no other way to wait.

Source: USB Personal Healthcare Device Class 1.0; what meters of that class need to begin: tidepool-org/uploader, emogenet/accuchek.
"""

from __future__ import annotations

import asyncio
import errno
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import usb.core
import usb.util

from drivers import Bulk, Refused, Silent, Why
from gateway.transports.cables.connection import CableConnection, Receiver
from gateway.transports.radio import OnFrame

AT_ONCE = 65536
"""Octets asked for: no transfer is longer, and it is a multiple of every packet size."""
WAIT_MS, WRITE_MS = 500, 3000


class BulkConnection(CableConnection):
    def __init__(self, device: Any, wire: Bulk, on_frame: OnFrame, on_lost: Callable[[], None]) -> None:
        """`device`: pyusb's. Raises `DeviceError`. Takes some time: not for the event loop's own thread."""
        self._device, self._receiver = device, Receiver(on_frame, on_lost)
        self._loop: asyncio.AbstractEventLoop
        self._interface, self._in, self._out = _claimed(device, wire)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="usb bulk", daemon=True)

    def begin(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def _listen(self) -> None:
        while not self._ends.is_set():
            try:
                data = bytes(self._in.read(AT_ONCE, WAIT_MS))
            except usb.core.USBTimeoutError:
                continue
            except usb.core.USBError as error:
                if error.errno == errno.EPIPE:  # stalled: the device wants to be asked anew
                    with suppress(usb.core.USBError):
                        self._in.clear_halt()
                    continue
                self._loop.call_soon_threadsafe(self._receiver.lost)
                return
            if data:  # a packet of zero octets only ends a transfer
                self._loop.call_soon_threadsafe(self._receiver.frame, data)

    async def write(self, characteristic: int, data: bytes) -> None:  # noqa: ARG002 - a cable has one channel
        def put() -> None:
            self._out.write(data, WRITE_MS)
            if len(data) % self._out.wMaxPacketSize == 0:
                self._out.write(b"", WRITE_MS)  # else the device waits for the rest

        try:
            await asyncio.to_thread(put)
        except usb.core.USBError as error:
            if error.errno == errno.EPIPE:
                with suppress(usb.core.USBError):
                    await asyncio.to_thread(self._out.clear_halt)
            raise Silent(f"it takes nothing: {error.strerror}") from error

    async def close(self) -> None:
        self._receiver.is_lost = True
        self._ends.set()
        await asyncio.to_thread(self._thread.join)
        with suppress(usb.core.USBError):
            await asyncio.to_thread(usb.util.release_interface, self._device, self._interface)
        await asyncio.to_thread(usb.util.dispose_resources, self._device)


def _claimed(device: Any, wire: Bulk) -> tuple[int, Any, Any]:
    try:
        try:
            configuration = device.get_active_configuration()
        except usb.core.USBError:
            device.set_configuration()
            configuration = device.get_active_configuration()
        for interface in configuration:
            if interface.bInterfaceClass != wire.interface_class:
                continue
            number = interface.bInterfaceNumber
            with suppress(NotImplementedError, usb.core.USBError):
                if device.is_kernel_driver_active(number):
                    device.detach_kernel_driver(number)
            usb.util.claim_interface(device, number)
            bulk = [one for one in interface if usb.util.endpoint_type(one.bmAttributes) == usb.util.ENDPOINT_TYPE_BULK]
            inward = next((one for one in bulk if one.bEndpointAddress & 0x80), None)
            outward = next((one for one in bulk if not one.bEndpointAddress & 0x80), None)
            if inward is None or outward is None:
                raise Silent("it has no pipes for us")
            with suppress(usb.core.USBError):
                device.ctrl_transfer(0x80, 0, 0, 0, 2)  # GET_STATUS: Accu-Chek meters begin with it
            return number, inward, outward
    except usb.core.USBError as error:
        if error.errno == errno.EACCES:
            raise Refused(Why.NO_RIGHT) from error
        raise Silent(f"it cannot be opened: {error.strerror}") from error
    raise Silent(f"it has no interface of class 0x{wire.interface_class:02X}")

"""The port through which the gateway sees its cables: what is plugged in, and a connection by the wire that a driver declares."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from drivers import Blocks, Bulk, Files, Hid, HidUart, Serial, Silent, Stream
from drivers.kit.cable import Wire
from gateway.transports.cables.blocks import BlockConnection
from gateway.transports.cables.files import FilesConnection
from gateway.transports.cables.hidraw import Cp2110Connection, HidConnection
from gateway.transports.cables.plugs import Plugged, Plugs
from gateway.transports.cables.tcp import Listener
from gateway.transports.cables.tty import TtyConnection
from gateway.transports.radio import Connection, OnFrame


class Ports(Protocol):
    async def watch(self, on_plugged: Callable[[Plugged], None], on_unplugged: Callable[[str], None]) -> None:
        """Until cancelled. Raises `OSError` where that cannot be watched."""

    async def listen(self, on_plugged: Callable[[Plugged], None], on_unplugged: Callable[[str], None]) -> None:
        """For those that connect by TCP: until cancelled, or at once where nobody may. Raises `OSError`."""

    async def connect(self, plugged: Plugged, wire: Wire, *, on_frame: OnFrame, on_lost: Callable[[], None]) -> Connection:
        """Raises `DeviceError`."""


class SystemPorts:
    """Those of this machine. `listen`: address and port for devices that connect by TCP."""

    def __init__(self, listen: str | None = None) -> None:
        self._listener = Listener(listen) if listen else None

    async def watch(self, on_plugged: Callable[[Plugged], None], on_unplugged: Callable[[str], None]) -> None:
        await Plugs(on_plugged, on_unplugged).watch()

    async def listen(self, on_plugged: Callable[[Plugged], None], on_unplugged: Callable[[str], None]) -> None:
        if self._listener is not None:
            await self._listener.watch(on_plugged, on_unplugged)

    async def connect(self, plugged: Plugged, wire: Wire, *, on_frame: OnFrame, on_lost: Callable[[], None]) -> Connection:
        if isinstance(wire, Stream) and self._listener is not None:
            return self._listener.connect(plugged.location, on_frame, on_lost)
        if isinstance(wire, Bulk):
            return await _bulk(plugged, wire, on_frame, on_lost)
        if isinstance(wire, Files):
            return await asyncio.to_thread(FilesConnection, _directory(plugged), wire, on_frame, on_lost)
        subsystem, make = _WAYS[type(wire)]
        node = plugged.node(subsystem)
        if node is None:
            raise Silent(f"it has no {subsystem} here: another program, or the lack of a kernel module, may be the cause")
        made: Connection = make(node, wire, on_frame, on_lost)
        return made


_WAYS: dict[type, tuple[str, Any]] = {
    Serial: ("tty", TtyConnection),
    Hid: ("hidraw", HidConnection),
    HidUart: ("hidraw", Cp2110Connection),
    Blocks: ("scsi_generic", BlockConnection),
}


async def _bulk(plugged: Plugged, wire: Bulk, on_frame: OnFrame, on_lost: Callable[[], None]) -> Connection:
    import usb.core  # noqa: PLC0415 - it loads libusb, which a hub without such a device may lack

    from gateway.transports.cables.usb_bulk import BulkConnection  # noqa: PLC0415 - likewise

    def find() -> Any:
        try:
            found = usb.core.find(find_all=True, idVendor=plugged.vendor, idProduct=plugged.product)
            return next((one for one in found or () if _location(one) == plugged.location), None)
        except usb.core.NoBackendError as error:
            raise Silent("libusb is not installed: apt install libusb-1.0-0") from error

    device = await asyncio.to_thread(find)
    if device is None:
        raise Silent("it is gone again")
    connection = await asyncio.to_thread(BulkConnection, device, wire, on_frame, on_lost)
    connection.begin()
    return connection


def _location(device: Any) -> str:
    """As sysfs calls it: 1-1.2."""
    return f"{device.bus}-{'.'.join(map(str, device.port_numbers or ()))}"


def _directory(plugged: Plugged) -> Path:
    """Where its disk is mounted: that is not our business, but the owner's or his desktop's."""
    given = dict(plugged.nodes).get("directory")
    if given is not None:
        return Path(given)
    disks = [node for kind, node in plugged.nodes if kind == "block"]
    for line in Path("/proc/self/mounts").read_text().splitlines():
        device, where, *_ = line.split(" ")
        if any(device.startswith(disk) for disk in disks):
            return Path(where.replace("\\040", " "))
    raise Silent("its disk is not mounted: mount it, read-only, and plug it in again")

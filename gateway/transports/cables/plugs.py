"""What is plugged into the hub's USB, by udev: what is there already, what comes and what goes.

A device is told of when it has settled: its ttys, hidraws and disks appear one after the other behind it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pyudev

from drivers import Plug

SETTLE_SECONDS = 0.7
_SUBSYSTEMS = ("usb", "tty", "hidraw", "block", "scsi_generic")


@dataclass(frozen=True, slots=True)
class Plugged:
    """One USB device, or what stands for one (a directory, a TCP peer)."""

    location: str
    """Of its socket: 1-1.2."""
    vendor: int = 0
    product: int = 0
    serial: str = ""
    maker: str = ""
    model: str = ""
    classes: frozenset[int] = frozenset()
    """Of its interfaces."""
    nodes: tuple[tuple[str, str], ...] = ()
    """Subsystem and device node."""
    links: frozenset[str] = frozenset()
    """Other names of its nodes."""

    @property
    def address(self) -> str:
        """How it is called as long as nobody has asked it."""
        name = f"usb:{self.vendor:04x}:{self.product:04x}"
        return f"{name}:{self.serial}" if self.serial else f"{name}@{self.location}"

    def node(self, subsystem: str) -> str | None:
        return next((node for kind, node in self.nodes if kind == subsystem), None)

    def holds(self, plug: Plug) -> bool:
        if plug.network:
            return self.location.startswith("tcp:")
        if plug.usb is not None:
            return plug.usb == (self.vendor, self.product)
        return plug.usb_class is not None and plug.usb_class in self.classes

    def is_port(self, port: str) -> bool:
        """Whether the configuration means this one."""
        if port.startswith("usb:"):
            return port == f"usb:{self.location}"
        if port.startswith("/"):
            return port in self.links or any(node == port for _, node in self.nodes)
        ids = f"{self.vendor:04x}:{self.product:04x}"
        return port in (ids, f"{ids}:{self.serial}")


@dataclass(slots=True)
class Plugs:
    """Raises `OSError` where there is no udev."""

    on_plugged: Callable[[Plugged], None]
    on_unplugged: Callable[[str], None]
    _settling: dict[str, asyncio.TimerHandle] = field(default_factory=dict)
    _known: dict[str, Plugged] = field(default_factory=dict)

    async def watch(self) -> None:
        context = pyudev.Context()
        monitor = pyudev.Monitor.from_netlink(context)
        for subsystem in _SUBSYSTEMS:
            monitor.filter_by(subsystem)
        monitor.start()
        loop = asyncio.get_running_loop()
        loop.add_reader(monitor.fileno(), self._heard, monitor)
        try:
            for device in context.list_devices(subsystem="usb", DEVTYPE="usb_device"):
                self._look(device)
            await loop.create_future()
        finally:
            loop.remove_reader(monitor.fileno())
            for timer in self._settling.values():
                timer.cancel()

    def _heard(self, monitor: pyudev.Monitor) -> None:
        while (device := monitor.poll(timeout=0)) is not None:
            usb = device if device.device_type == "usb_device" else device.find_parent("usb", "usb_device")
            if device.action == "remove":
                if device.device_type == "usb_device":
                    self._gone(device.sys_name)
            elif usb is not None:
                self._settle(usb.sys_name, usb.sys_path)

    def _settle(self, name: str, path: str) -> None:
        if (timer := self._settling.pop(name, None)) is not None:
            timer.cancel()
        self._settling[name] = asyncio.get_running_loop().call_later(SETTLE_SECONDS, self._settled, name, path)

    def _settled(self, name: str, path: str) -> None:
        self._settling.pop(name, None)
        try:
            self._look(pyudev.Devices.from_sys_path(pyudev.Context(), path))
        except pyudev.DeviceNotFoundError:
            self._gone(name)

    def _look(self, device: pyudev.Device) -> None:
        found = described(device)
        if found is None or self._known.get(found.location) == found:
            return
        if found.location in self._known:
            self._gone(found.location)  # it has more to it now
        self._known[found.location] = found
        self.on_plugged(found)

    def _gone(self, name: str) -> None:
        if (timer := self._settling.pop(name, None)) is not None:
            timer.cancel()
        if self._known.pop(name, None) is not None:
            self.on_unplugged(name)


def described(device: pyudev.Device) -> Plugged | None:
    """None for hubs, and what goes while it is looked at."""
    try:
        if device.attributes.asstring("bDeviceClass") == "09":
            return None
        vendor, product = (int(device.attributes.asstring(name), 16) for name in ("idVendor", "idProduct"))
    except (KeyError, ValueError, UnicodeDecodeError):
        return None
    nodes, classes, links = [], set[int](), set[str]()
    for child in device.children:
        if child.device_type == "usb_interface":
            classes |= _class(child)
        elif child.subsystem in _SUBSYSTEMS and child.device_node is not None and child.device_type != "partition":
            nodes.append((child.subsystem, child.device_node))
            links |= set(child.device_links)
    return Plugged(
        location=device.sys_name,
        vendor=vendor,
        product=product,
        serial=_text(device, "serial"),
        maker=_text(device, "manufacturer"),
        model=_text(device, "product"),
        classes=frozenset(classes),
        nodes=tuple(sorted(nodes)),
        links=frozenset(links),
    )


def _text(device: pyudev.Device, name: str) -> str:
    try:
        return str(device.attributes.asstring(name)).strip()
    except (KeyError, UnicodeDecodeError):
        return ""


def _class(interface: pyudev.Device) -> set[int]:
    try:
        return {int(interface.attributes.asstring("bInterfaceClass"), 16)}
    except (KeyError, ValueError, UnicodeDecodeError):
        return set()

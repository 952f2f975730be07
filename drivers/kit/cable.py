"""How a driver for a device with a cable declares itself: which plugs it may be behind, and how octets travel through them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from drivers.kit.declare import Driver
from drivers.kit.links import Frame, Policy
from drivers.kit.readings import Batch

MAIN = 1
"""The channel of what is sent and received; the only one that most cables have."""


class CableLink(Protocol):
    """A connection to one device over a cable. Timeouts and retries are its owner's, not the driver's.

    Every method may raise a `DeviceError`.
    """

    @property
    def mark(self) -> Mapping[str, Any]:
        """What the driver last put into a batch's `mark` for this device; empty at first contact."""

    @property
    def policy(self) -> Policy: ...

    async def send(self, data: bytes) -> None:
        """Refused (`NotAllowed`) unless the driver's allow-list has the command."""

    async def receive(self, patience: float = 0.0) -> Frame | None:
        """What has come: of a tty any number of octets, of HID one report, of a bulk pipe one transfer. None when the device has been
        silent for long enough, or is gone. `patience`: seconds that this device may be silent without being done.
        """

    async def read(self, channel: int) -> Frame:
        """A block of a disk, or a file of it, by number."""

    async def write(self, channel: int, data: bytes) -> None:
        """A block of a disk. As `send`."""

    def reject(self, frame: Frame, error: Exception) -> None:
        """Set a frame aside that cannot be read. The conversation goes on."""

    def now(self) -> datetime:
        """The hub's local time, for setting clocks. In a replay: the time of the frame last seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serial:
    """A tty. Without flow control: XON and XOFF would swallow octets of what is binary."""

    baud: int
    bits: Literal[7, 8] = 8
    parity: Literal["N", "E", "O"] = "N"
    stop: Literal[1, 2] = 1
    gather: float = 0.0
    """Seconds in which what comes makes one frame: for devices that send a few octets many times a second."""
    lines: bool = True
    """Whether DTR and RTS are raised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hid:
    """Reports over hidraw. What is sent is padded to `size` and goes out by the interrupt pipe or, as many meters want it, by a control
    transfer (SET_REPORT).
    """

    size: int = 64
    out: Literal["interrupt", "control"] = "interrupt"
    report: int = 0
    """Number of the reports; 0: they have none."""
    pad: int = 0
    begin: tuple[bytes, ...] = ()
    """Feature reports to set before anything else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HidUart:
    """A Silicon Labs CP2110: a UART behind HID reports, without a tty of its own."""

    baud: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulk:
    """Bulk pipes of a USB interface of this class."""

    interface_class: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A TCP connection that the device has opened to us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """A disk whose blocks are no file system but a mailbox. Nothing is written to one whose INQUIRY does not say `vendor`."""

    vendor: str
    size: int = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Files of a mounted disk, read only."""

    pattern: str
    """Of their paths below the mount point, with shell wildcards."""
    largest: int = 4 << 20


Wire = Serial | Hid | HidUart | Bulk | Stream | Blocks | Files


@dataclass(frozen=True, slots=True, kw_only=True)
class Plug:
    """Which plug a device may be behind. `usb`: vendor and product. A cable that says nothing about what is at its other end (a chip that
    is sold in thousands of products) is `generic`: it is never spoken to unless its owner names the port.
    """

    usb: tuple[int, int] | None = None
    usb_class: int | None = None
    network: bool = False
    """It connects to us, by TCP."""
    generic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CableDriver(Driver):
    """One that finds at its end another device than its own raises `Stranger`, before it has yielded anything."""

    plugs: tuple[Plug, ...]
    wire: Wire
    live: bool = False
    """It tells what it measures now, and nothing else is read of it: it is listened to again as soon as it was silent."""
    once: bool = False
    """It speaks once after it was plugged in: to ask it again is in vain."""
    read: Callable[[CableLink], AsyncGenerator[Batch]]
    """As in `GattDriver`."""


GENERIC_CABLES = (
    # USB-serial chips that are in everything: FTDI, Prolific, Silicon Labs, WCH.
    Plug(usb=(0x0403, 0x6001), generic=True),
    Plug(usb=(0x0403, 0x6015), generic=True),
    Plug(usb=(0x067B, 0x2303), generic=True),
    Plug(usb=(0x10C4, 0xEA60), generic=True),
    Plug(usb=(0x1A86, 0x7523), generic=True),
)

"""The hub's clocks. Everything that needs the time gets a `Clock`; tests stop it."""

from __future__ import annotations

import ctypes
import errno
import time
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Literal, Protocol

Trust = Literal["ntp", "rtc", "manual", "simulated"]

_STA_UNSYNC = 0x0040


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since 1970, UTC, by the hub's clock, right or wrong."""

    def boottime(self) -> float:
        """Seconds since the hub booted, sleep included. Never jumps."""

    def boot_id(self) -> str: ...

    def synchronized(self) -> bool:
        """Whether `now()` may be relied on."""

    def zone(self) -> tzinfo | None:
        """The hub's zone; None for the system's."""


class SystemClock:
    """`trust` is the configuration's `time.trust`: "ntp" believes the kernel's word on synchronization, the others say yes."""

    def __init__(self, trust: Trust) -> None:
        self.trust = trust
        self.told = False
        """What others say that the kernel says, where we may not ask it ourselves."""

    def now(self) -> float:
        return time.time()

    def boottime(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def boot_id(self) -> str:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()

    def synchronized(self) -> bool:
        if self.trust != "ntp":
            return True
        said = _kernel_synchronized()
        return self.told if said is None else said

    @property
    def must_be_told(self) -> bool:
        """Whether the service manager forbids to ask (`ProtectClock=`)."""
        return self.trust == "ntp" and _kernel_synchronized() is None

    def zone(self) -> tzinfo | None:
        return None


def local(moment: float, zone: tzinfo | None) -> datetime:
    """The wall clock of `zone` (None: the system's) at `moment`."""
    return datetime.fromtimestamp(moment, UTC).astimezone(zone)


class _Timex(ctypes.Structure):
    # struct timex of adjtimex(2): only `status` is read, the rest is room.
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("room", ctypes.c_char * 256),
    )


def _kernel_synchronized() -> bool | None:
    """What adjtimex(2) says; timesyncd, chrony and ntpd all keep it. Reading needs no privilege, but may be filtered: None."""
    timex = _Timex()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.adjtimex(ctypes.byref(timex)) < 0:
        return None if ctypes.get_errno() == errno.EPERM else False
    return not timex.status & _STA_UNSYNC

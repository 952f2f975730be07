"""What all cables have in common as connections: one channel, no pairing."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

from drivers import MAIN, Refused, Silent, Why
from gateway.transports.radio import OnFrame


class CableConnection:
    """One channel by which octets go and come. Those that have more say so."""

    characteristics: frozenset[int] = frozenset((MAIN,))

    async def read(self, characteristic: int) -> bytes:
        raise Silent(f"there is nothing to read at {characteristic}")

    async def write(self, characteristic: int, data: bytes) -> None:
        raise NotImplementedError

    async def subscribe(self, characteristic: int) -> None:
        """Everything comes by itself."""

    async def wants_pairing(self) -> bool:
        return False

    async def pair(self) -> None:
        """A cable needs none."""

    async def close(self) -> None:
        raise NotImplementedError


class Receiver:
    """Hands on what comes, until the device is gone: both happen once at most after that, whoever notices first."""

    def __init__(self, on_frame: OnFrame, on_lost: Callable[[], None]) -> None:
        self._on_frame, self._on_lost, self.is_lost = on_frame, on_lost, False

    def frame(self, data: bytes) -> None:
        if not self.is_lost:
            with suppress(OSError):  # a full disk: the link has noted it, and ends
                self._on_frame(MAIN, data)

    def lost(self) -> None:
        if not self.is_lost:
            self.is_lost = True
            self._on_lost()


def opened(node: str, flags: int = os.O_RDWR) -> int:
    """Raises `DeviceError` with what stands in the way."""
    try:
        return os.open(node, flags | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except PermissionError as error:
        raise Refused(Why.NO_RIGHT) from error
    except OSError as error:
        raise Silent(f"{node} cannot be opened: {error.strerror}") from error

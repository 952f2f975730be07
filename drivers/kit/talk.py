"""A conversation over a cable: questions, and messages out of whatever pieces they come in."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from drivers.kit.cable import CableLink
from drivers.kit.errors import Confused, Silent
from drivers.kit.links import Frame
from profiles.wire import DecodeError

M = TypeVar("M")
M_co = TypeVar("M_co", covariant=True)
MOST_DAMAGED = 20


class Feeds(Protocol[M_co]):
    def feed(self, data: bytes) -> Iterator[M_co]:
        """Raises `DecodeError` at what cannot be read."""


class Talk(Generic[M]):
    """Each message with the frame that completed it. What cannot be read is set aside, and `damaged` counts it."""

    def __init__(self, link: CableLink, framer: Feeds[M], *, repeat: bytes | None = None) -> None:
        """`repeat`: what asks the device for the damaged message once more."""
        self._link, self._framer, self._repeat = link, framer, repeat
        self._ready: deque[tuple[M, Frame]] = deque()
        self.damaged = 0
        self.said_anything = False

    async def next(self, patience: float = 0.0) -> tuple[M, Frame] | None:
        """None when the device has been silent for long enough, or is gone. Raises `Confused` where too much is damaged."""
        while not self._ready:
            frame = await self._link.receive(patience)
            if frame is None:
                return None
            self.said_anything = True
            data = frame.data
            while True:
                try:
                    self._ready.extend((message, frame) for message in self._framer.feed(data))
                except DecodeError as error:
                    self.damaged += 1
                    self._link.reject(frame, error)
                    if self.damaged > MOST_DAMAGED:
                        raise Confused("too much of what it says is damaged") from error
                    if self._repeat is not None:
                        await self._link.send(self._repeat)
                    data = b""  # what follows the damage
                    continue
                break
        return self._ready.popleft()

    async def ask(self, data: bytes, patience: float = 0.0) -> tuple[M, Frame]:
        """The next message after a question. Raises `Silent`."""
        await self._link.send(data)
        answer = await self.next(patience)
        if answer is None:
            raise Silent("no answer")
        return answer

"""What the manager asks of a device: one thing at a time, in order, each with an end to its patience."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from profiles.phd import apdu as apdus
from profiles.phd.association import Heard
from profiles.phd.codes import Choice
from profiles.phd.objects import Configuration

RESPONSE_SECONDS = 3.0


@dataclass(slots=True)
class Step:
    """What comes of one APDU, or of a silence."""

    heard: Heard | None = None
    send: list[bytes] = field(default_factory=list)
    confirmations: list[bytes] = field(default_factory=list)
    """To be sent only when what was heard is safe: the device may forget it then."""
    configured: tuple[bytes, Configuration] | None = None
    """A configuration that the device itself has described: its system id, and what to remember for it."""
    ended: str | None = None
    """The association is over, and why."""
    all_read: bool = False
    """The stores have been read to their end, just now."""


@dataclass(slots=True, kw_only=True)
class Request:
    choice: Choice | None
    """None: nothing is asked; `then` is called when all before has been answered."""
    body: bytes = b""
    then: Callable[[Step, Heard | None], None]
    """Called with the answer."""
    otherwise: Callable[[Step], None]
    """Called if the device refuses, or does not answer."""
    seconds: float = RESPONSE_SECONDS
    invoke_id: int = 0
    asked: float = 0.0


class Requests:
    def __init__(self) -> None:
        self.open: Request | None = None
        self._queue: deque[Request] = deque()
        self._invoke_id = 0

    def add(self, request: Request, *, first: bool = False) -> None:
        if first:
            self._queue.appendleft(request)
        else:
            self._queue.append(request)

    def send_next(self, step: Step, now: float, *, may_go_on: Callable[[], bool]) -> None:
        """Send the next one, if none is open; `may_go_on` is asked before each."""
        while self.open is None and self._queue and may_go_on():
            request = self._queue.popleft()
            if request.choice is None:
                request.then(step, step.heard)
                continue
            self._invoke_id = self._invoke_id % 0x7FFF + 1
            request.invoke_id, request.asked = self._invoke_id, now
            self.open = request
            step.send.append(apdus.prst(request.invoke_id, request.choice, request.body))

    def answer(self, step: Step, invoke_id: int, heard: Heard | None) -> bool:
        """Whether it was the answer to the open request; `heard` None: a refusal."""
        request = self.open
        if request is None or invoke_id != request.invoke_id:
            return False  # late: it was given up before
        self.open = None
        if heard is None:
            request.otherwise(step)
        else:
            request.then(step, heard)
        return True

    def give_up(self, step: Step, now: float | None = None) -> bool:
        """Stop waiting for the open request: at once, or if its time is up by `now`."""
        request = self.open
        if request is None or (now is not None and now - request.asked < request.seconds):
            return False
        self.open = None
        request.otherwise(step)
        return True

    def forget(self) -> None:
        self.open = None
        self._queue.clear()

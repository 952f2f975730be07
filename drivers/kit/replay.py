"""A capture in place of a device: the same driver, the same frames, the same readings."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from drivers.kit.cable import MAIN
from drivers.kit.capture import Record
from drivers.kit.errors import Busy, Refused, Silent, Why
from drivers.kit.links import Frame, Policy
from profiles.adv.sighting import Open, Sealed, no_key

BUSY = "BUSY"
"""In a capture, beside the names of `Why`."""


class ReplayLink:
    """Serves the records of one session. Writes go nowhere and are kept in `written`; what ran out is `Silent`."""

    def __init__(self, records: Iterable[Record], opener: Callable[[bytes], Open] = lambda _key: no_key) -> None:
        """`opener` makes of a key what opens with it."""
        self._opener = opener
        self._reads: dict[int, deque[Record]] = defaultdict(deque)
        self._refusals: dict[int, deque[Record]] = defaultdict(deque)
        self._events: deque[Record] = deque()
        self._characteristics: frozenset[int] | None = None
        self._mark: Mapping[str, Any] = {}
        self._policy = Policy()
        self._now = 0.0
        self.written: list[tuple[int, bytes]] = []
        self.rejected: list[tuple[Frame, Exception]] = []
        for record in records:
            if record.kind == "open":
                self._open(record)
            elif record.kind == "rd":
                self._reads[record.characteristic].append(record)
            elif record.kind == "er":
                self._refusals[record.characteristic].append(record)
            elif record.kind in ("rx", "idle", "end"):
                self._events.append(record)

    def _open(self, record: Record) -> None:
        self._mark = record.extra.get("mark", {})
        self._policy = Policy.restored(record.extra.get("policy", {}))
        if "chars" in record.extra:
            self._characteristics = frozenset(int(text, 16) for text in record.extra["chars"])
        self._now = record.time

    @property
    def mark(self) -> Mapping[str, Any]:
        return self._mark

    @property
    def policy(self) -> Policy:
        return self._policy

    def has(self, characteristic: int) -> bool:
        if self._characteristics is None:
            return bool(self._reads[characteristic]) or any(r.characteristic == characteristic for r in self._events)
        return characteristic in self._characteristics

    async def read(self, characteristic: int) -> Frame:
        if self._reads[characteristic]:
            return self._frame(self._reads[characteristic].popleft())
        self._refuse(characteristic)
        raise Silent(f"the capture ends before {characteristic:04X} was read")

    async def write(self, characteristic: int, data: bytes) -> None:
        self._refuse(characteristic, writing=True)
        self.written.append((characteristic, data))

    async def send(self, data: bytes) -> None:
        await self.write(MAIN, data)

    async def subscribe(self, *characteristics: int) -> None:
        for characteristic in characteristics:
            self._refuse(characteristic)

    async def receive(self, patience: float = 0.0) -> Frame | None:  # noqa: ARG002 - what came was waited for
        record = self._events.popleft() if self._events else None
        return self._frame(record) if record is not None and record.kind == "rx" else None

    def unseal(self, sealed: Sealed) -> bytes:
        key = self._policy.bindkey
        return (self._opener(bytes.fromhex(key)) if key else no_key)(sealed)

    def encipher(self, block: bytes) -> bytes:
        return bytes(len(block))

    def reject(self, frame: Frame, error: Exception) -> None:
        self.rejected.append((frame, error))

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._now, UTC)

    def _refuse(self, characteristic: int, *, writing: bool = False) -> None:
        """Only a request finds a device busy: what is read or switched on before it in the capture is not refused by that."""
        refusals = self._refusals[characteristic]
        if refusals and (writing or refusals[0].extra["why"] != BUSY):
            why = refusals.popleft().extra["why"]
            raise Busy if why == BUSY else Refused(Why[why])

    def _frame(self, record: Record) -> Frame:
        self._now = max(self._now, record.time)
        return Frame(record.characteristic, record.data, record.time, record.boottime, record.position)

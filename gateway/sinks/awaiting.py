"""Things that a queue has, and whose receipt has not come."""

from __future__ import annotations

from collections.abc import Callable

from gateway.receipts import refusal_in
from gateway.sinks.base import Refused
from gateway.sinks.batch import Batch

MOST_RESENT_PAUSES = 6


class _Awaited:
    def __init__(self, at: float) -> None:
        self.sent, self.times = at, 1
        self.receipt: bytes | None = None


class Awaiting:
    """By what a receipt names: `<id>/<version>`. One that comes after its batch has ended counts when its thing is sent again."""

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self._seconds, self._monotonic = seconds, monotonic
        self._awaited: dict[bytes, _Awaited] = {}
        self._places: dict[bytes, tuple[Batch, int]] = {}

    def __contains__(self, key: bytes) -> bool:
        """Whether somebody waits for it now."""
        return key in self._places

    def is_to_be_sent(self, batch: Batch, place: int, key: bytes) -> bool:
        """Whether it must be published (again); whoever asks waits for it from now on."""
        awaited = self._awaited.get(key)
        if awaited is not None and awaited.receipt is not None:
            self._take(key, batch, place)
            return False
        self._places[key] = (batch, place)
        if awaited is None:
            self._awaited[key] = _Awaited(self._monotonic())
            return True
        if self._monotonic() - awaited.sent < self._seconds * 2 ** min(awaited.times, MOST_RESENT_PAUSES):
            return False
        awaited.sent, awaited.times = self._monotonic(), awaited.times + 1
        return True

    def times(self, key: bytes) -> int:
        """How often it has been sent."""
        return self._awaited[key].times

    def heard(self, key: bytes, payload: bytes) -> None:
        awaited = self._awaited.get(key)
        if awaited is not None:
            awaited.receipt = payload
            if key in self._places:
                self._take(key, *self._places.pop(key))

    def _take(self, key: bytes, batch: Batch, place: int) -> None:
        payload = self._awaited.pop(key).receipt or b""
        try:
            why = refusal_in(payload)
        except ValueError:
            why = "its receipt is none (docs/queue.md)"
        if why is None:
            batch.took(place)
        else:
            batch.answer(place, Refused(batch.rows[place].n, f"the consumer: {why}"))

    def forget(self, key: bytes) -> None:
        self._places.pop(key, None)
        self._awaited.pop(key, None)

    def batch_over(self) -> None:
        self._places.clear()

    def clear(self) -> None:
        """The connection is another one: what was sent over the last is sent again."""
        self._awaited.clear()
        self._places.clear()

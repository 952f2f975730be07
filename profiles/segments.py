"""Values in segments: one octet in front says first, last, and a counter of six bits; the reassembler puts them together again.

Source: Blood Pressure Service 1.1, 3.6; the same octet heads the observations of the Generic Health Sensor Service 1.0, 3.2, and the
records of the Physical Activity Monitor Service 1.0. Bounded in memory, and without a clock: whoever reads decides when to give up.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST, LAST = 0x01, 0x02
COUNTERS = 64
LARGEST = 64 * 1024
"""No observation is that large; what goes on for longer comes from a broken or hostile device."""


class Segmented:
    """What a table has whose first octet is such a header, called `segmentation`."""

    __slots__ = ()
    segmentation: int

    @property
    def first_segment(self) -> bool:
        return bool(self.segmentation & FIRST)

    @property
    def last_segment(self) -> bool:
        return bool(self.segmentation & LAST)

    @property
    def segment_counter(self) -> int:
        """Rolls over from 63 to 0."""
        return self.segmentation >> 2


class SegmentError(ValueError):
    """The segments do not make a value. `lost` are the octets that had come so far."""

    def __init__(self, reason: str, lost: bytes) -> None:
        super().__init__(reason)
        self.lost = lost


@dataclass(frozen=True, slots=True)
class Segment:
    first: bool
    last: bool
    counter: int
    body: bytes

    @classmethod
    def of(cls, data: bytes) -> Segment:
        if not data:
            raise SegmentError("a segment without its header", b"")
        return cls(bool(data[0] & FIRST), bool(data[0] & LAST), data[0] >> 2, bytes(data[1:]))


class Reassembler:
    """Feed it segments in the order in which they come. A gap or a repetition drops what had come, and only that."""

    def __init__(self, largest: int = LARGEST) -> None:
        self._largest = largest
        self._parts = bytearray()
        self._last: Segment | None = None
        """The segment before, while a value is being put together."""

    @property
    def waiting(self) -> bool:
        return self._last is not None

    def feed(self, segment: Segment) -> tuple[bytes | None, SegmentError | None]:
        """The value that this segment completes, and what was lost on the way: either, both or neither."""
        if segment == self._last:
            return None, None  # sent twice
        problem: SegmentError | None = None
        if segment.first:
            if self._last is not None:
                problem = SegmentError("a new value began before the last one had ended", self._drop())
        elif self._last is None:
            return None, SegmentError("a later segment without its first", segment.body)
        elif segment.counter != (self._last.counter + 1) % COUNTERS:
            return None, SegmentError(f"segment {segment.counter} after {self._last.counter}", self._drop())
        self._last = segment
        self._parts += segment.body
        if len(self._parts) > self._largest:
            return None, SegmentError(f"more than {self._largest} bytes without an end", self._drop())
        return self._drop() if segment.last else None, problem

    def _drop(self) -> bytes:
        dropped, self._last = bytes(self._parts), None
        self._parts.clear()
        return dropped


def split(value: bytes, room: int, counter: int = 0) -> list[bytes]:
    """A value as segments of at most `room` octets, header included; the first has this counter."""
    step = room - 1
    bodies = [value[at : at + step] for at in range(0, len(value), step)] or [b""]
    return [
        bytes((FIRST * (n == 0) | LAST * (n == len(bodies) - 1) | (counter + n) % COUNTERS << 2,)) + body for n, body in enumerate(bodies)
    ]

"""Medical Device Encoding Rules: big-endian, without padding; lists say how many items and how many octets they have.

Source: IEEE 11073-20601, annex F.
"""

from __future__ import annotations

from collections.abc import Iterator

from profiles.floats import FLOAT, SFLOAT, Value
from profiles.wire import DecodeError


class Reader:
    """Takes values from the front of `data`. What is missing is a `DecodeError` with the field's name and place."""

    __slots__ = ("_at", "_data", "_end", "_layout")

    def __init__(self, data: bytes, layout: str, at: int = 0, end: int | None = None) -> None:
        self._data, self._layout, self._at, self._end = data, layout, at, len(data) if end is None else end

    @property
    def left(self) -> int:
        return self._end - self._at

    def error(self, field: str, reason: str) -> DecodeError:
        return DecodeError(self._layout, field, self._at, reason, self._data)

    def take(self, count: int, field: str) -> bytes:
        if count > self.left:
            raise self.error(field, f"needs {count} octets, {self.left} are left")
        at, self._at = self._at, self._at + count
        return self._data[at : self._at]

    def rest(self) -> bytes:
        return self.take(self.left, "rest")

    def number(self, size: int, field: str) -> int:
        return int.from_bytes(self.take(size, field), "big")

    def u8(self, field: str) -> int:
        return self.number(1, field)

    def u16(self, field: str) -> int:
        return self.number(2, field)

    def u32(self, field: str) -> int:
        return self.number(4, field)

    def sfloat(self, field: str) -> Value:
        return sfloat(self.u16(field))

    def float(self, field: str) -> Value:
        return float_(self.u32(field))

    def octets(self, field: str) -> bytes:
        """An OCTET STRING, or ANY DEFINED BY: its length first."""
        return self.take(self.u16(field), field)

    def within(self, field: str) -> Reader:
        """What the next length says, as a reader of its own: whatever is wrong in there, the next item begins where it should."""
        size = self.u16(field)
        if size > self.left:
            raise self.error(field, f"says {size} octets, {self.left} are left")
        inner = Reader(self._data, self._layout, self._at, self._at + size)
        self._at += size
        return inner

    def at_most(self, field: str) -> Reader:
        """As `within`, but no more than there is: what is really missing is found missing when it is taken."""
        size = min(self.u16(field), self.left)
        inner = Reader(self._data, self._layout, self._at, self._at + size)
        self._at += size
        return inner

    def items(self, field: str) -> Iterator[Reader]:
        """A SEQUENCE OF: yields a reader once for each item, which is to be taken before the next is asked for.

        The count is what holds: some give a length that is too small or too large for items that are all there.
        """
        count, size = self.u16(field), self.u16(field)
        end = min(self._at + size, self._end)
        inner = Reader(self._data, self._layout, self._at, self._end)
        for _ in range(count):
            yield inner
        self._at = max(end, inner._at)


def sfloat(raw: int) -> Value:
    value: Value = SFLOAT.cache[raw]
    return value


def float_(raw: int) -> Value:
    value: Value = FLOAT.cache[raw]
    return value


def sequence(*items: bytes) -> bytes:
    """A SEQUENCE OF as it is written."""
    joined = b"".join(items)
    return len(items).to_bytes(2, "big") + octets(joined)


def octets(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def u16(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)


def u32(*values: int) -> bytes:
    return b"".join(value.to_bytes(4, "big") for value in values)


def text(data: bytes) -> str:
    """Strings are padded to an even length, with zeros or spaces."""
    return data.rstrip(b"\0").decode("utf-8", "replace").strip()

"""What FreeStyle meters with a serial cable answer: lines of text, and one at the end with the sum of everything before it.

Source: the protocols of FreeStyle Lite, Freedom Lite and Optium by glucometers-tech/glucometer-protocols and
tidepool-org/uploader; glucometerutils' tests for the time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from profiles.times import DateTime
from profiles.wire import DecodeError

MOST = 1 << 16
_END = re.compile(rb"(?:0x([0-9A-Fa-f]{4})  END|Log Empty +END)\r\n")
_WORDS = re.compile(rb"\A(?:CMD (?:OK|Fail!)\r\n)+")
"""What an Optium says behind the end of an answer, and is in no sum."""
_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS = {name: number for number, name in enumerate(_NAMES, 1)} | {"June": 6, "July": 7}
_TIME = re.compile(r"([A-Z][a-z]{2,3})\s+(\d{1,2}) (\d{4})[ \t]+(\d\d):(\d\d)(?::(\d\d))?")


class Answer(NamedTuple):
    lines: tuple[str, ...]
    is_empty: bool
    """The meter says that it has no results."""


def summed(text: bytes) -> bytes:
    """As a meter ends it."""
    return text + b"0x%04X  END\r\n" % (sum(text) & 0xFFFF)


class Framer:
    def __init__(self) -> None:
        self._kept = b""

    def feed(self, data: bytes) -> Iterator[Answer]:
        """Raises `DecodeError` at an answer whose sum is wrong, or that has no end: all of it is dropped."""
        self._kept = _WORDS.sub(b"", self._kept + data)
        while (found := _END.search(self._kept)) is not None:
            text, self._kept = self._kept[: found.start()], _WORDS.sub(b"", self._kept[found.end() :])
            if found[1] is not None and int(found[1], 16) != sum(text) & 0xFFFF:
                raise DecodeError("freestyle answer", "sum", len(text), "does not fit", text)
            lines = tuple(line.strip() for line in text.decode("ascii", "replace").split("\r\n") if line.strip())
            yield Answer(lines, found[1] is None)
        if len(self._kept) > MOST:
            lost, self._kept = self._kept, b""
            raise DecodeError("freestyle answer", "end", len(lost), "does not come", lost)


def moment(text: str) -> DateTime:
    """`Apr  24 2014 17:57:00`, or with a tab before the time. Raises `DecodeError`."""
    said = _TIME.search(text)
    found = None
    if said is not None and said[1] in _MONTHS:
        found = DateTime(int(said[3]), _MONTHS[said[1]], int(said[2]), int(said[4]), int(said[5]), int(said[6] or 0))
    if found is None or found.naive() is None:
        raise DecodeError("freestyle time", "text", 0, "is no time", text.encode())
    return found

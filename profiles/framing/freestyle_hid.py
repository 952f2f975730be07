"""What FreeStyle meters with a USB socket say: reports with a kind, a length and up to 62 octets; answers in text run over many of them
and end with the sum of their octets and a word of success.

Source: glucometers-tech/freestyle-hid and its test; glucometers-tech/glucometer-protocols; tidepool-org/uploader's tests for the sum.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from profiles.wire import DecodeError

SIZE, MOST = 64, 1 << 20
HEAD = 2
TEXT, KEEP_ALIVE = 0x60, 0x22
_END = re.compile(rb"CKSM:([0-9A-Fa-f]{8})\r\nCMD (OK|Fail!)\r\n\Z")
_COUNTED = re.compile(r"(\d+),([0-9A-Fa-f]{8})")
EMPTY = "Log Empty"


class Message(NamedTuple):
    kind: int
    data: bytes
    """Of a text without its end; of anything else as it came."""
    is_done: bool = True
    """False: the meter says that it cannot do what was asked."""


def written(kind: int, data: bytes = b"") -> bytes:
    """A report, without the octets that fill it."""
    return bytes((kind, len(data))) + data


def ended(text: bytes) -> bytes:
    """As a meter ends it."""
    return text + b"CKSM:%08X\r\nCMD OK\r\n" % sum(text)


def reported(text: bytes) -> list[bytes]:
    """The reports in which a meter says it."""
    pieces = [text[at : at + SIZE - HEAD] for at in range(0, len(text), SIZE - HEAD)]
    return [written(TEXT, piece).ljust(SIZE, b"\0") for piece in pieces]


def answer(text: bytes) -> Message:
    """Of a whole text with its end. Raises `DecodeError`."""
    found = _END.search(text)
    if found is None:
        raise DecodeError("freestyle answer", "end", len(text), "is not there", text)
    said = text[: found.start()]
    if int(found[1], 16) != sum(said) & 0xFFFFFFFF:
        raise DecodeError("freestyle answer", "sum", found.start(), "does not fit", text)
    return Message(TEXT, said, found[2] == b"OK")


class Framer:
    """Fed with reports."""

    def __init__(self) -> None:
        self._text = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """Raises `DecodeError` at an answer whose sum is wrong, or that has no end: all of it is dropped."""
        if not data or data[0] == KEEP_ALIVE:
            return
        size = data[1] if len(data) > 1 else SIZE
        if size > SIZE - HEAD or size > len(data) - HEAD:
            raise DecodeError("freestyle report", "length", 1, "is more than there is", data)
        said = data[HEAD : HEAD + size]
        if data[0] != TEXT:
            yield Message(data[0], said)
            return
        self._text += said
        if _END.search(self._text, max(len(self._text) - 64, 0)) is not None:
            whole, self._text = bytes(self._text), bytearray()
            yield answer(whole)
        elif len(self._text) > MOST:
            lost, self._text = bytes(self._text), bytearray()
            raise DecodeError("freestyle answer", "end", len(lost), "does not come", lost[:SIZE])


def records(text: bytes) -> list[list[str]]:
    """Of an answer that lists: its lines, in fields. The last says how many they are, and their sum. Raises `DecodeError`."""
    lines = text.decode("ascii", "replace").split("\r\n")
    if lines[0].startswith(EMPTY):
        return []
    counted = _COUNTED.fullmatch(lines[-2]) if len(lines) > 1 and not lines[-1] else None
    if counted is None:
        raise DecodeError("freestyle list", "count", len(text), "is not there", text[-SIZE:])
    before = text[: -len(lines[-2]) - 2]
    if int(counted[1]) != len(lines) - 2:
        raise DecodeError("freestyle list", "count", len(before), "is another than there are", text[-SIZE:])
    if int(counted[2], 16) != sum(before) & 0xFFFFFFFF:
        raise DecodeError("freestyle list", "sum", len(before), "does not fit", text[-SIZE:])
    return [line.split(",") for line in lines[:-2]]


def listed(lines: list[str]) -> bytes:
    """As a meter lists them."""
    text = "".join(f"{line}\r\n" for line in lines).encode()
    return text + b"%d,%08X\r\n" % (len(lines), sum(text)) if lines else EMPTY.encode() + b"\r\n"

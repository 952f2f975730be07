"""What Omron's cuffs with a USB socket say: reports that count their octets, words of three letters, and a XOR over what follows them.

Source: openyou/libomron and its notes.
"""

from __future__ import annotations

from functools import reduce

from profiles.wire import DecodeError

SIZE, NOT_READY = 8, 8
ROOM = SIZE - 1
DONE, AGAIN = b"OK", b"NO"


def folded(data: bytes) -> int:
    return reduce(lambda one, other: one ^ other, data, 0)


def written(word: bytes, *arguments: int) -> list[bytes]:
    """The reports of a question; one with arguments has their XOR behind them."""
    data = word + (bytes(arguments) + bytes((folded(bytes(arguments)),)) if arguments else b"")
    return [bytes((len(data[at : at + ROOM]),)) + data[at : at + ROOM] for at in range(0, len(data), ROOM)]


def carried(report: bytes) -> bytes:
    """Of a report of the cuff; nothing of one that says that it is not ready. Raises `DecodeError`."""
    if not report or report[0] > NOT_READY or (report[0] < NOT_READY and len(report) <= report[0]):
        raise DecodeError("omron report", "count", 0, "is more than there is", report)
    return b"" if report[0] == NOT_READY else report[1 : 1 + report[0]]


def checked(answer: bytes, size: int) -> bytes:
    """What stands between the word and the XOR of an answer of this size. Raises `DecodeError`."""
    if len(answer) < size or not answer.startswith(DONE):
        raise DecodeError("omron answer", "length", len(answer), "is too short", answer)
    said = answer[len(DONE) : size]
    if folded(said):
        raise DecodeError("omron answer", "xor", size - 1, "does not fit", answer)
    return said[:-1]

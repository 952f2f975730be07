"""A capture: the conversation with one device or many, one record a line, each with its checksum.

The gateway's intake log has this format. So has what `replay` reads, and what a driver's tests are made of.

    {"k":"open","s":"01…","a":"C1:…","drv":"blood-pressure",…}<TAB>9c3f01aa
    {"k":"rx","s":"01…","u":"2A35","d":"1e7e00…","t":1795046400.125,"b":81.204}<TAB>…

`k` is the kind: `open` a session begins · `rd` answer to a read · `rx` notification or indication · `wr` we wrote ·
`er` the device refused · `idle` it was silent for as long as the session waits · `end` the link ended · `id` the identity under
which its things are filed · `said` its owner's word about things, of no session.
`s` is the session, `t` the gateway's clock (seconds since 1970, UTC) and
`b` its clock since boot, `u` the characteristic, `d` the octets.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any


class CaptureError(ValueError):
    """A line that is no record, or a damaged one. `position` is where it begins."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(f"at byte {position}: {reason}")
        self.position, self.reason = position, reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    kind: str
    session: str
    position: int = 0
    characteristic: int = 0
    data: bytes = b""
    time: float = 0.0
    boottime: float = 0.0
    extra: dict[str, Any] = field(default_factory=dict)


ENCRYPTED = b"encrypted:"
"""How a line begins that the gateway has stored with a key."""
_NAMES = {"k", "s", "u", "d", "t", "b"}


def line(record: Record) -> bytes:
    if not record.extra and record.kind == "rx" and record.session.isascii() and record.session.isalnum():
        # Most of all lines, and each between a frame and its confirmation: the same text, without the general way there.
        name = f'"u":"{record.characteristic:04X}",' if record.characteristic else ""
        head = f'{{"k":"rx","s":"{record.session}",{name}"d":"{record.data.hex()}"'
        text = f'{head},"t":{round(float(record.time), 6)!r},"b":{round(float(record.boottime), 6)!r}}}'.encode()
        return with_checksum(text)
    fields: dict[str, Any] = {"k": record.kind, "s": record.session}
    if record.characteristic:
        fields["u"] = f"{record.characteristic:04X}"
    if record.kind in ("rx", "rd", "wr"):
        fields["d"] = record.data.hex()
    fields |= {"t": round(record.time, 6), "b": round(record.boottime, 6)} | record.extra
    return with_checksum(json.dumps(fields, separators=(",", ":"), ensure_ascii=True).encode())


def with_checksum(text: bytes) -> bytes:
    """The line that holds this text."""
    return b"%s\t%08x\n" % (text, zlib.crc32(text))


def parse(raw: bytes, position: int = 0) -> Record:
    """Raises `CaptureError`. A line without a checksum is taken as it is: somebody wrote it by hand."""
    text, tab, checksum = raw.rstrip(b"\n").rpartition(b"\t")
    if not tab:
        text = checksum
    else:
        try:
            fits = int(checksum, 16) == zlib.crc32(text)
        except ValueError:
            fits = False
        if not fits:
            raise CaptureError(position, "the checksum does not fit")
    if text.startswith(ENCRYPTED):
        raise CaptureError(position, "it is encrypted; `health-gateway capture --last` copies a conversation as it was")
    try:
        fields = json.loads(text)
        return Record(
            kind=fields["k"],
            session=fields.get("s", ""),
            position=position,
            characteristic=int(fields.get("u", "0"), 16),
            data=bytes.fromhex(fields.get("d", "")),
            time=float(fields.get("t", 0)),
            boottime=float(fields.get("b", 0)),
            extra={name: value for name, value in fields.items() if name not in _NAMES},
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CaptureError(position, f"no record: {type(error).__name__}") from error


def parse_all(lines: Iterable[bytes], position: int = 0) -> Iterator[Record | CaptureError]:
    """Every line as a record, or as the error that it is; damage to one line does not hide the next."""
    for raw in lines:
        if raw.strip():
            try:
                if not raw.endswith(b"\n") and b"\t" in raw:
                    raise CaptureError(position, "the last line is cut off")
                yield parse(raw, position)
            except CaptureError as error:
                yield error
        position += len(raw)

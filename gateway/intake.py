"""The raw log: what every device said, on disk before anything we send lets it forget.

Invariants, each with its test in `tests/gateway/test_intake.py`:

1. A record is written to its file before `append` returns, so it outlives the process; it is on the medium before
   `flush` returns, so it outlives the power; and soon after `append` in any case.
2. Positions grow for ever and never change: the octet at which a line begins, counted over all segments.
3. A damaged line hides no other: each carries its own checksum, and reading goes on behind it.
4. A segment that ended in half a line (a crash while writing) is closed with a line feed, never written over.
5. A failed write reaches the caller, who then does not confirm; half of what it wrote is fenced off like a crash's.
6. A line is its record: what was written is what is read.

The format is that of captures (`drivers.kit.capture`). Segments are `intake-<position>.log`. Where there is a key, the text of each line
is encrypted, and the checksum is that of what stands there. Lines that were written without one are longer when they are: their segment is
then `intake-<position>.moved`, in which each line begins with its position, as `@<position> `.
"""

from __future__ import annotations

import asyncio
import os
import threading
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from drivers.kit.capture import CaptureError, Record, line, parse_all, with_checksum
from gateway import crashpoints
from gateway.encryption import MARK, NO_KEYS, Damaged, Keys

SEGMENT_BYTES = 8 << 20
GROUP_SECONDS = 0.05
"""What was appended is on the medium after this time and one fdatasync, also if nobody waits for it."""


MOVED = ".moved"


def segments(directory: Path) -> list[tuple[int, Path]]:
    """Start position and path of each segment, oldest first."""
    found = []
    for path in directory.glob("intake-*"):
        digits = path.stem.removeprefix("intake-")
        if digits.isdigit() and path.suffix in (".log", MOVED):
            found.append((int(digits), path))
    return sorted(found)


def read(directory: Path, start: int = 0, keys: Keys = NO_KEYS) -> Iterator[Record | CaptureError]:
    """Every record from position `start` on; damage comes as the error that names it. Raises `Locked`."""
    listed = segments(directory)
    for index, (first, path) in enumerate(listed):
        following = listed[index + 1][0] if index + 1 < len(listed) else None
        if following is not None and following <= start:
            continue
        if path.suffix == MOVED:
            yield from (found for found in read_segment(path, first, keys) if found.position >= start)
            continue
        with path.open("rb") as file:
            offset = max(0, start - first)
            file.seek(offset)
            yield from parsed(file, first + offset, keys)


def read_segment(path: Path, start: int, keys: Keys = NO_KEYS) -> list[Record | CaptureError]:
    with path.open("rb") as file:
        return list(parsed(file, start, keys))


def parsed(lines: Iterable[bytes], position: int, keys: Keys) -> Iterator[Record | CaptureError]:
    """Lines as they stand, of which the first begins at `position`. Raises `Locked`."""
    for raw in lines:
        yield from parse_all([plain(raw, keys)], position_in(raw, position))
        position += len(raw)


def position_in(raw: bytes, position: int) -> int:
    """Of a line that begins at `position` of the octets, or that says where it began once."""
    digits = raw[1:].partition(b" ")[0] if raw.startswith(b"@") else b""
    return int(digits) if digits.isdigit() else position


def plain(raw: bytes, keys: Keys) -> bytes:
    """A line as it would be without a key. A damaged one is left as it is, and so has no checksum that fits. Raises `Locked`."""
    if not raw.startswith((b"@", MARK)) or not fits(raw):
        return raw
    text = raw.rpartition(b"\t")[0]
    if raw.startswith(b"@"):
        text = text.partition(b" ")[2]
    try:
        return with_checksum(keys.of(text).decrypt(text))
    except Damaged:
        return raw


def rewritten(raw: bytes, text: bytes, keys: Keys) -> bytes:
    """The line with another text, which is no longer than its own was; as long as it was, and with the same key."""
    stored = raw.rpartition(b"\t")[0]
    at, stored = stored.split(b" ", 1) if raw.startswith(b"@") else (b"", stored)
    key = keys.of(stored)
    return with_checksum((at + b" " if at else b"") + key.encrypt(text.ljust(len(key.decrypt(stored)))))


def fits(raw: bytes) -> bool:
    """Whether it is whole, and is what was written."""
    text, _, checksum = raw.rpartition(b"\t")
    return checksum == b"%08x\n" % zlib.crc32(text)


class Intake:
    """Appends at once, makes durable in groups: one fdatasync serves everybody who waits for one."""

    def __init__(self, directory: Path, *, segment_bytes: int = SEGMENT_BYTES, keys: Keys = NO_KEYS) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory, self._segment_bytes, self._keys = directory, segment_bytes, keys
        listed = segments(directory)
        self._start, path = listed[-1] if listed else (0, self._path(0))
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        size = os.fstat(self._fd).st_size
        if size and os.pread(self._fd, 1, size - 1) != b"\n":
            os.write(self._fd, b"\n")
            size += 1
        self._size = size
        self._durable = self._start + size
        self._sync_lock = threading.Lock()
        self._torn = False
        self._appended = asyncio.Event()
        self.syncs = 0
        self._sync_directory()

    @property
    def position(self) -> int:
        """Where the next record will begin."""
        return self._start + self._size

    def append(self, record: Record) -> int:
        """Write the record and return its position. Raises `OSError`; the caller must then treat the frame as not taken."""
        if self._size >= self._segment_bytes:
            self._next_segment()
        said = line(record)
        if self._keys.current.name:
            said = with_checksum(self._keys.current.encrypt(said.rpartition(b"\t")[0]))
        data = (b"\n" if self._torn else b"") + said
        skip = 1 if self._torn else 0
        written = os.write(self._fd, data)
        self._appended.set()
        position = self._start + self._size + skip
        self._size += written
        self._torn = written != len(data)
        if self._torn:
            raise OSError("the disk took only part of a record")
        return position

    def read(self, start: int = 0) -> Iterator[Record | CaptureError]:
        return read(self._directory, start, self._keys)

    def segments(self) -> list[tuple[int, Path]]:
        return segments(self._directory)

    def read_segment(self, path: Path, start: int) -> list[Record | CaptureError]:
        return read_segment(path, start, self._keys)

    async def flush(self) -> None:
        """Return when everything appended so far is on the medium."""
        target = self.position
        if self._durable < target:
            await asyncio.to_thread(self.flush_now)
        crashpoints.reached("intake-flushed")

    async def keep_durable(self) -> None:
        """For as long as the daemon runs: bring what was appended onto the medium soon, in groups."""
        while True:
            await self._appended.wait()
            self._appended.clear()
            await asyncio.to_thread(self.flush_now)
            await asyncio.sleep(GROUP_SECONDS)

    @property
    def durable(self) -> int:
        """Everything before this position is on the medium."""
        return self._durable

    def flush_now(self) -> None:
        target = self.position
        with self._sync_lock:
            if self._durable < target:
                reached = self.position
                os.fdatasync(self._fd)
                self.syncs += 1
                self._durable = reached

    def close(self) -> None:
        self.flush_now()
        os.close(self._fd)

    def begin_behind(self, position: int) -> None:
        """Give no position before this one: of two things the later frame is the one further back, also when segments were taken away."""
        if self.position <= position:
            self._next_segment(position + 1)

    def _next_segment(self, start: int | None = None) -> None:
        with self._sync_lock:
            os.fdatasync(self._fd)
            os.close(self._fd)
            self._start = start or self._start + self._size
            self._fd = os.open(self._path(self._start), os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_EXCL, 0o600)
            self._size, self._torn = 0, False
            self._durable = self._start
            self._sync_directory()

    def _path(self, start: int) -> Path:
        return self._directory / f"intake-{start:016}.log"

    def _sync_directory(self) -> None:
        fd = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

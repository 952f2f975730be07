"""The `file` sink: one thing per line (NDJSON), or one value per line (CSV), on the medium before the cursor moves.

After a crash between writing and moving the cursor the lines behind the cursor are there already: the end of the file is read at the start,
and what stands in it is not written again. Of NDJSON half a line is closed off; of CSV, where it would be a row, it is cut off.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from gateway import crashpoints
from gateway.exports import csv as as_csv
from gateway.journal import Row
from gateway.sinks.base import Answer, Sink, Unreachable

REMEMBERED = 4096
_TAIL_BYTES = 16 << 20
Format = Literal["ndjson", "csv"]
Key = tuple[str, int]


class FileSink(Sink):
    """`rotate_bytes`: a file that is larger is put aside, as `NAME.1`, and the earlier ones as `NAME.2` and so on, up to `keep`."""

    def __init__(self, path: Path, form: Format = "ndjson", rotate_bytes: int | None = None, keep: int = 10) -> None:
        self._path, self._form, self._rotate_bytes, self._keep = path, form, rotate_bytes, keep
        self._fd: int | None = None
        self._there: Counter[Key] = Counter()
        """Of the last things: how many lines of each are in the file."""

    async def send(self, batch: Sequence[Row]) -> Sequence[Answer]:
        try:
            await asyncio.to_thread(self._write, batch)
        except OSError as error:
            self._shut()
            raise Unreachable(f"{self._path}: {error.strerror}") from error
        crashpoints.reached("sink-written")
        return []

    async def close(self) -> None:
        self._shut()

    def _shut(self) -> None:
        if self._fd is not None:
            with suppress(OSError):
                os.close(self._fd)
            self._fd = None

    def _write(self, batch: Sequence[Row]) -> None:
        if self._fd is None or self._was_moved():
            self._shut()
            self._fd = self._open()
        elif self._rotate_bytes is not None and os.fstat(self._fd).st_size >= self._rotate_bytes:
            self._rotate()
        fd = self._fd
        missing = {(row.id, row.version): self._lines(row)[self._there[row.id, row.version] :] for row in batch}
        data = "".join(line for lines in missing.values() for line in lines).encode("utf-8", "surrogateescape")
        done = 0
        while done < len(data):
            done += os.write(fd, data[done:])
        os.fdatasync(fd)
        for key, lines in missing.items():
            self._remember(key, len(lines))

    def _lines(self, row: Row) -> list[str]:
        if self._form == "ndjson":
            return [row.body + "\n"]
        return as_csv.rows_of(row)

    def _remember(self, key: Key, lines: int = 1) -> None:
        self._there[key] += lines
        while len(self._there) > REMEMBERED:
            del self._there[next(iter(self._there))]

    def _was_moved(self) -> bool:
        """Somebody rotated the file: begin a new one at the old name."""
        if self._fd is None:
            return True
        try:
            return os.fstat(self._fd).st_ino != self._path.stat().st_ino
        except FileNotFoundError:
            return True

    def _rotate(self) -> None:
        self._shut()
        aside = [self._path.with_name(f"{self._path.name}.{number}") for number in range(1, self._keep + 1)]
        for older, newer in zip(reversed(aside[1:]), reversed(aside[:-1]), strict=True):
            if newer.exists():
                newer.replace(older)
        self._path.replace(aside[0])
        self._fd = self._open()

    def _open(self) -> int:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        before = self._path.with_name(f"{self._path.name}.1")
        if self._rotate_bytes is not None and before.exists():
            self._learn(_tail(before))
        self._learn(self._mended(fd))
        if self._form == "csv" and os.fstat(fd).st_size == 0:
            os.write(fd, as_csv.header().encode())
        return fd

    def _mended(self, fd: int) -> bytes:
        """The end of the file, whole lines alone."""
        size = os.fstat(fd).st_size
        tail = os.pread(fd, min(size, _TAIL_BYTES), max(0, size - _TAIL_BYTES))
        if not tail or tail.endswith(b"\n"):
            return tail
        if self._form == "ndjson":
            os.write(fd, b"\n")
            return tail
        whole = tail.rfind(b"\n") + 1
        os.ftruncate(fd, size - len(tail) + whole)
        return tail[:whole]

    def _learn(self, tail: bytes) -> None:
        """What stands there, also of a write that failed in the middle."""
        found = Counter(_json_keys(tail) if self._form == "ndjson" else _csv_keys(tail))
        for key, lines in found.items():
            self._remember(key, max(0, lines - self._there[key]))


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return file.read()


def _json_keys(tail: bytes) -> Iterator[Key]:
    for line in tail.splitlines()[-REMEMBERED:]:
        with suppress(ValueError, KeyError, TypeError):
            thing = json.loads(line)
            yield thing["id"], thing["version"]


def _csv_keys(tail: bytes) -> Iterator[Key]:
    for columns in csv.reader(io.StringIO(tail.decode("utf-8", "replace"), newline="")):
        with suppress(ValueError, IndexError):
            yield columns[0], int(columns[1])

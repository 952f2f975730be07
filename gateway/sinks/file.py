"""The `file` sink: one thing per line (NDJSON), on the medium before the cursor moves.

It never truncates. After a crash between writing and moving the cursor the lines behind the cursor are there already:
the end of the file is read at the start, and what stands in it is not written again. Half a line is closed off.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from gateway import crashpoints
from gateway.journal import Row
from gateway.sinks.base import Answer, Sink, Unreachable

REMEMBERED = 4096
_TAIL_BYTES = 16 << 20


class FileSink(Sink):
    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None
        self._recent: deque[tuple[str, int]] = deque(maxlen=REMEMBERED)
        self._known: set[tuple[str, int]] = set()

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
        fd = self._fd
        fresh = [row for row in batch if (row.id, row.version) not in self._known]
        data = "".join(row.body + "\n" for row in fresh).encode("utf-8", "surrogateescape")
        done = 0
        while done < len(data):
            done += os.write(fd, data[done:])
        os.fdatasync(fd)
        for row in fresh:
            self._remember((row.id, row.version))

    def _remember(self, key: tuple[str, int]) -> None:
        if len(self._recent) == self._recent.maxlen:
            self._known.discard(self._recent[0])
        self._recent.append(key)
        self._known.add(key)

    def _was_moved(self) -> bool:
        """Somebody rotated the file: begin a new one at the old name."""
        if self._fd is None:
            return True
        try:
            return os.fstat(self._fd).st_ino != self._path.stat().st_ino
        except FileNotFoundError:
            return True

    def _open(self) -> int:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        size = os.fstat(fd).st_size
        tail = os.pread(fd, min(size, _TAIL_BYTES), max(0, size - _TAIL_BYTES))
        if tail and not tail.endswith(b"\n"):
            os.write(fd, b"\n")
        for line in tail.splitlines()[-REMEMBERED:]:
            with suppress(ValueError, KeyError, TypeError):
                thing = json.loads(line)
                self._remember((thing["id"], thing["version"]))
        return fd

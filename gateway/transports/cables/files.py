"""Files of a mounted disk, read and never written."""

from __future__ import annotations

import asyncio
import fnmatch
from collections.abc import Callable
from pathlib import Path

from drivers import Files, Silent, Stranger
from gateway.transports.cables.connection import CableConnection
from gateway.transports.radio import OnFrame

MOST_FILES = 64


class FilesConnection(CableConnection):
    def __init__(
        self,
        directory: Path,
        wire: Files,
        on_frame: OnFrame,  # noqa: ARG002 - nothing comes unasked
        on_lost: Callable[[], None],  # noqa: ARG002 - likewise
    ) -> None:
        """Raises `Stranger` where there is no such file. By number, in the order of their names."""
        self._wire = wire
        found = [
            path
            for path in sorted(directory.rglob("*"))
            if path.is_file() and not path.is_symlink() and _fits(path.relative_to(directory), wire.pattern)
        ]
        if not found:
            raise Stranger(f"{directory} has no {wire.pattern}")
        self._files = dict(enumerate(found[:MOST_FILES], 1))
        self.characteristics = frozenset(self._files)

    async def read(self, characteristic: int) -> bytes:
        path = self._files.get(characteristic)
        if path is None:
            raise Silent(f"there is no file {characteristic}")
        try:
            if path.stat().st_size > self._wire.largest:
                raise Silent(f"{path.name} is larger than {self._wire.largest} octets: no meter writes such a report")
            return await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            raise Silent(f"{path.name} cannot be read: {error.strerror}") from error

    async def close(self) -> None:
        """Nothing is held open."""


def _fits(path: Path, pattern: str) -> bool:
    """FAT knows no case."""
    return fnmatch.fnmatch(str(path).casefold(), pattern.casefold())

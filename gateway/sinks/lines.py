"""The demo's sink: each thing as a line on standard output, as soon as it is committed."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Sequence

from gateway.journal import Row
from gateway.sinks.base import Answer, Sink, Unreachable


class LineSink(Sink):
    """`show` makes the line. A reader that is slow or gone hinders nobody else."""

    def __init__(self, show: Callable[[Row], str]) -> None:
        self._show = show

    async def send(self, batch: Sequence[Row]) -> Sequence[Answer]:
        text = "".join(self._show(row) + "\n" for row in batch)
        try:
            await asyncio.to_thread(_write, text)
        except OSError as error:
            raise Unreachable("nobody reads the output") from error
        return []


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer must not fail once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise

"""One process on a state directory: the daemon, or a command that changes what the daemon keeps."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.errors import StateError


@contextmanager
def claimed(state: Path) -> Iterator[None]:
    """Raises `StateError`."""
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (state / "lock").open("w")
    except OSError as error:
        raise StateError(f"{state}: {error.strerror}; the daemon's user must own it") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StateError(f"{state} is in use by another health-gateway; stop that one first") from error
        yield

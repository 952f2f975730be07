"""A copy of everything that must outlive this hub, and putting it back.

The journal is copied by SQLite while the daemon writes to it, the intake log after it: so what the copy of the journal lacks is in the copy
of the intake, and is filed at the first start. What a restart makes anew (lock, socket, the write-ahead log) is not in it.
"""

from __future__ import annotations

import gzip
import os
import sqlite3
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from gateway.errors import StateError

JOURNAL = "journal.db"
_PASSING = {"lock", "control.sock", JOURNAL, f"{JOURNAL}-wal", f"{JOURNAL}-shm"}


def backup(state: Path, target: Path) -> int:
    """Write `target` anew, for its owner alone; it is there whole or not at all. How many things are in it. Raises `StateError`."""
    journal = state / JOURNAL
    if not journal.exists():
        raise StateError(f"there is no journal in {state}; the gateway has not run there yet")
    making = target.with_name(target.name + ".new")
    try:
        descriptor = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file, tempfile.TemporaryDirectory(dir=target.parent) as place:
            copy = Path(place) / JOURNAL
            things = _copied(journal, copy)
            with tarfile.open(fileobj=file, mode="w:gz") as archive:
                archive.add(copy, JOURNAL)
                for path in _lasting(state):
                    archive.add(path, str(path.relative_to(state)), recursive=False)
            file.flush()
            os.fsync(file.fileno())
        making.replace(target)
    except (OSError, sqlite3.Error) as error:
        making.unlink(missing_ok=True)
        raise StateError(f"{target}: {getattr(error, 'strerror', None) or error}; no backup was made") from error
    return things


def _copied(journal: Path, copy: Path) -> int:
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        return int(target.execute("SELECT count(*) FROM things").fetchone()[0])


def _lasting(state: Path) -> Iterator[Path]:
    for path in sorted(state.rglob("*")):
        if path.relative_to(state).parts[0] not in _PASSING and (path.is_file() or path.is_dir()) and not path.is_symlink():
            yield path


def restore(source: Path, state: Path) -> int:
    """Into an empty state directory. How many things there are then. Raises `StateError`, and then nothing is there."""
    if state.exists() and any(state.iterdir()):
        raise StateError(f"{state} is not empty; stop the gateway and move what is there away, or name another directory by --state")
    owner = state.stat() if state.exists() else None
    try:
        state.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=state.parent, prefix=f"{state.name}.") as place:
            making = Path(place) / "state"
            making.mkdir(mode=0o700)
            with gzip.open(source) as plain, tarfile.open(fileobj=plain, mode="r:") as archive:
                archive.extractall(making, filter="data")
                while plain.read(1 << 20):
                    pass  # to the end, where its checksum is
            things = _sound(making / JOURNAL, source)
            for path in (making, *making.rglob("*")):
                if owner is not None and os.geteuid() == 0:
                    os.chown(path, owner.st_uid, owner.st_gid)
            if owner is not None:
                making.chmod(owner.st_mode & 0o7777)
                state.rmdir()
            making.replace(state)
    except (OSError, EOFError, zlib.error, tarfile.TarError, sqlite3.Error) as error:
        raise StateError(f"{source}: {getattr(error, 'strerror', None) or error}; nothing was restored") from error
    return things


def _sound(journal: Path, source: Path) -> int:
    if not journal.exists():
        raise StateError(f"{source} is no backup of a gateway; nothing was restored")
    with closing(sqlite3.connect(journal)) as connection:
        if connection.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok":
            raise StateError(f"{source}: the journal in it is damaged; nothing was restored")
        return int(connection.execute("SELECT count(*) FROM things").fetchone()[0])

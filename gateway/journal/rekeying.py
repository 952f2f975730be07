"""Bringing everything in a journal under another key, or under none."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from gateway.encryption import Damaged, Key, Keys
from gateway.errors import StateError
from gateway.journal.schema import KEY, THING_COLUMNS, Connection, connect, put, row_crc, row_is_sound

log = structlog.get_logger()
TOGETHER = 500
_UNDERWAY = "rekeying"
"""In `meta` until the file is written anew: what stood there before can still be found in it."""
Change = Callable[[Key, Key, tuple[Any, ...]], tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """Names of keys, empty for none; `damaged`: things that were no more what was written, and are gone from the journal."""

    before: str
    after: str
    things: int
    damaged: int


def rekey(path: Path, keys: Keys, begin: Callable[[], None] = lambda: None) -> Rekeyed | None:
    """To `keys.current`; None if it is there. `begin` is called before anything is changed. Nobody may have it open.

    Raises `Locked`, and `StateError` with everything as it was.
    """
    try:
        with closing(connect(path)) as connection:
            connection.unlock(keys, claim=True)
            old, new, done = connection.key, keys.current, None
            if old.name != new.name:
                begin()
                connection.execute("BEGIN IMMEDIATE")
                things, damaged = _things(connection, old, new)
                for table, change in _CHANGES.items():
                    _table(connection, table, lambda row, change=change: change(old, new, row))  # type: ignore[misc]  # bound at once
                put(connection, "meta", KEY, new.name)
                put(connection, "meta", _UNDERWAY, "")
                connection.execute("COMMIT")
                done = Rekeyed(old.name, new.name, things, damaged)
            _write_anew(connection)
            return done
    except sqlite3.Error as error:
        raise StateError(f"{path}: {error}; it could not be brought under another key, and is as it was") from error


def _write_anew(connection: Connection) -> None:
    """That takes as much room again for a moment. Where there is none it is done at the next start: no reason to stand still meanwhile."""
    if connection.execute("SELECT 1 FROM meta WHERE key=?", (_UNDERWAY,)).fetchone() is None:
        return
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("VACUUM")
        connection.execute("DELETE FROM meta WHERE key=?", (_UNDERWAY,))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        log.warning(
            "everything is under the new key, but what stood there before can still be found in the journal's file: make room and restart",
            problem=str(error),
        )


def _things(connection: Connection, old: Key, new: Key) -> tuple[int, int]:
    """How many there are now, and how many were damaged."""
    last, good, damaged = -1, 0, 0
    while rows := connection.execute(f"SELECT {THING_COLUMNS} FROM things WHERE n>? ORDER BY n LIMIT {TOGETHER:d}", (last,)).fetchall():  # noqa: S608 - constants
        for row in rows:
            last = row[0]
            try:
                n, *rest = _thing(old, new, row)
                connection.execute("UPDATE things SET id=?, digest=?, body=?, crc=? WHERE n=?", (*rest, n))
                good += 1
            except Damaged:
                connection.execute("DELETE FROM things WHERE n=?", (last,))
                damaged += 1
    return good, damaged


def _thing(old: Key, new: Key, row: tuple[Any, ...]) -> tuple[int, str, bytes, str, int]:
    if not row_is_sound(row):
        raise Damaged
    n, thing_id, version, kind, digest, quality, position, body, _ = row
    named, masked = new.mask_text(old.unmask_text(thing_id)), new.mask(old.unmask(digest))
    text = new.encrypt_text(old.decrypt_text(body))
    return n, named, masked, text, row_crc(n, named, version, kind, masked, quality, position, text)


def _table(connection: Connection, table: str, change: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> None:
    """Of what is damaged nothing is left: `repair` would take it out, too."""
    rows = connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - a constant
    connection.execute(f"DELETE FROM {table}")  # noqa: S608 - likewise
    for *row, _ in rows:
        try:
            changed = change(tuple(row))
        except Damaged:
            continue
        put(connection, table, *changed)


def _proof(old: Key, new: Key, row: tuple[Any, ...]) -> tuple[Any, ...]:
    n, key, previous, signature = row
    return n, key, new.mask(old.unmask(previous)), new.mask(old.unmask(signature))


def _purged(old: Key, new: Key, row: tuple[Any, ...]) -> tuple[Any, ...]:
    n, thing_id = row
    return n, new.mask_text(old.unmask_text(thing_id))


def _episode(old: Key, new: Key, row: tuple[Any, ...]) -> tuple[Any, ...]:
    device, content, *rest = row
    return device, new.mask_text(old.unmask_text(content)), *rest


def _rejected(old: Key, new: Key, row: tuple[Any, ...]) -> tuple[Any, ...]:
    *before, data, error, at = row
    return *before, new.encrypt(old.decrypt(data)), error, at


_CHANGES: dict[str, Change] = {"proofs": _proof, "purged": _purged, "episodes": _episode, "rejected": _rejected}

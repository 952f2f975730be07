"""Tables of the journal, and the checksum that its rows carry."""

from __future__ import annotations

import os
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

from gateway.encryption import PLAIN, Key, Keys

VERSION = 5
"""2 has `held`, 3 `proofs` and `audit`, 4 `purged`; 5 may be encrypted. A journal of an older format is taken over as it is; `connect`
adds the tables.
"""

TABLES = """
CREATE TABLE IF NOT EXISTS things(
  n INTEGER PRIMARY KEY, id TEXT NOT NULL, version INTEGER NOT NULL, type TEXT NOT NULL,
  digest BLOB NOT NULL, quality INTEGER NOT NULL, position INTEGER NOT NULL, body TEXT NOT NULL, crc INTEGER NOT NULL,
  UNIQUE(id, version));
CREATE INDEX IF NOT EXISTS pending ON things(quality) WHERE quality=0;
CREATE TABLE IF NOT EXISTS missing(n INTEGER PRIMARY KEY, why TEXT NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS devices(
  address TEXT PRIMARY KEY, identity TEXT NOT NULL, mark TEXT NOT NULL, info TEXT NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS episodes(
  device TEXT NOT NULL, content TEXT NOT NULL, session TEXT NOT NULL, token TEXT NOT NULL, last_seen REAL NOT NULL,
  crc INTEGER NOT NULL, PRIMARY KEY(device, content, session));
CREATE TABLE IF NOT EXISTS sinks(name TEXT PRIMARY KEY, cursor INTEGER NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS deferred(
  sink TEXT NOT NULL, n INTEGER NOT NULL, reason TEXT NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY(sink, n));
CREATE TABLE IF NOT EXISTS held(
  sink TEXT NOT NULL, n INTEGER NOT NULL, line TEXT NOT NULL, reason TEXT NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY(sink, n));
CREATE TABLE IF NOT EXISTS rejected(
  position INTEGER PRIMARY KEY, session TEXT NOT NULL, address TEXT NOT NULL, driver TEXT NOT NULL,
  characteristic INTEGER NOT NULL, data BLOB NOT NULL, error TEXT NOT NULL, at REAL NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS proofs(
  n INTEGER PRIMARY KEY, key TEXT NOT NULL, previous BLOB NOT NULL, signature BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS audit(
  n INTEGER PRIMARY KEY, body TEXT NOT NULL, key TEXT NOT NULL, previous BLOB NOT NULL, signature BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS purged(n INTEGER PRIMARY KEY, id TEXT NOT NULL, crc INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS purged_ids ON purged(id) WHERE id<>'';
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL, crc INTEGER NOT NULL);
"""

SEALED = ("missing", "devices", "episodes", "sinks", "deferred", "held", "rejected", "proofs", "audit", "purged", "meta")
"""The tables beside the things. The last column of each seals the others."""

KEY = "encrypted with"
"""In `meta`: the name of the key; empty for none."""

THING_COLUMNS = "n, id, version, type, digest, quality, position, body, crc"
Thing = tuple[int, str, int, str, bytes, int, int, str, int]


def row_crc(n: int, thing_id: str, version: int, kind: str, digest: bytes, quality: int, position: int, body: str) -> int:
    head = f"{n}\x1f{thing_id}\x1f{version}\x1f{kind}\x1f{quality}\x1f{position}\x1f".encode("utf-8", "surrogateescape")
    return zlib.crc32(body.encode("utf-8", "surrogateescape"), zlib.crc32(digest, zlib.crc32(head)))


def octets(body: str) -> bytes:
    """As they stand in the file, whatever became of them."""
    return body.encode("utf-8", "surrogateescape")


def row_is_sound(row: tuple[object, ...]) -> bool:
    """Whether a row of `THING_COLUMNS` is what was written; types count, since a flipped bit may change them."""
    n, thing_id, version, kind, digest, quality, position, body, crc = row
    if not (
        isinstance(n, int)
        and isinstance(thing_id, str)
        and isinstance(version, int)
        and isinstance(kind, str)
        and isinstance(digest, bytes)
        and isinstance(quality, int)
        and isinstance(position, int)
        and isinstance(body, str)
    ):
        return False
    return row_crc(n, thing_id, version, kind, digest, quality, position, body) == crc


def seal(*values: object) -> int:
    """The checksum of a row of the other tables."""
    return zlib.crc32(repr(values).encode("utf-8", "surrogateescape"))


def put(connection: sqlite3.Connection, table: str, *values: object) -> None:
    """Write a row of a sealed table, over one with the same key."""
    places = ",".join("?" * (len(values) + 1))
    connection.execute(f"INSERT OR REPLACE INTO {table} VALUES({places})", (*values, seal(*values)))


class Connection(sqlite3.Connection):
    """With the key of what is in this journal, all of which has the same one."""

    key: Key = PLAIN

    def unlock(self, keys: Keys, *, claim: bool = False) -> None:
        """Find the key of this journal among these. `claim`: one in which nothing is yet is theirs from now on. Raises `Locked`."""
        said = self.execute("SELECT value FROM meta WHERE key=?", (KEY,)).fetchone()
        if said is None:
            # New, of an older format, or damage took it: then what is there tells.
            first = self.execute("SELECT body FROM things ORDER BY n LIMIT 1").fetchone()
            self.key = keys.current if first is None else keys.of(octets(first[0]))
            if claim:
                put(self, "meta", KEY, self.key.name)
        else:
            self.key = keys.named(str(said[0]))


def connect(path: Path) -> Connection:
    """For writing: every commit is on the medium when it returns."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # the WAL takes over the mode
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10, factory=Connection)
    try:
        # A body damaged inside a character must reach the checksum, not fail as text.
        connection.text_factory = _text
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.executescript(TABLES)
    except BaseException:
        # Not SQLite's errors alone: what it says about a damaged schema may itself be no text.
        connection.close()
        raise
    return connection


def is_as_made(connection: sqlite3.Connection) -> bool:
    """Whether the tables are declared as `TABLES` says. A flipped bit in a column's name passes SQLite's own integrity check."""
    with closing(sqlite3.connect(":memory:")) as fresh:
        fresh.executescript(TABLES)
        tables = [name for (name,) in fresh.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        return all(_columns(fresh, table) == _columns(connection, table) for table in tables)


def _columns(connection: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    """Name, type and keys of each; not the text of the declaration, which may be laid out otherwise."""
    return connection.execute('SELECT name, type, "notnull", pk FROM pragma_table_info(?) ORDER BY cid', (table,)).fetchall()


def connect_reader(path: Path, keys: Keys | None = None) -> Connection:
    """Without keys for what is encrypted with none. Raises `Locked`."""
    connection = sqlite3.connect(
        f"file:{path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False, timeout=10, factory=Connection
    )
    connection.text_factory = _text
    if keys is not None:
        try:
            connection.unlock(keys)
        except BaseException:
            connection.close()
            raise
    return connection


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")

"""Looks at the journal before it is opened, and saves what can be saved if it is damaged.

SQLite drops a damaged tail of its WAL without a word, and fails by page elsewhere. So: whatever the journal lost, its
own note of how far the intake was worked off is lost with it, and the replay from there brings it back. Rows whose CRC
does not fit are taken out. A file that SQLite calls malformed is set aside, its readable rows go into a new one, and
everything is replayed from intake. What then is still missing is named.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from gateway.errors import StateError
from gateway.journal.schema import SEALED, THING_COLUMNS, VERSION, connect, is_as_made, row_is_sound, seal

SMALL_BYTES = 64 << 20
"""Up to this size the whole file is checked at every start; beyond it the tail is, and the rest in the background."""
TAIL_ROWS = 5000
MARKER = "journal.suspect"
WAITING = {"deferred", "held"}
WANT = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_SHMOPEN,
    sqlite3.SQLITE_IOERR_SHMMAP,
    sqlite3.SQLITE_IOERR_TRUNCATE,
}
"""SQLite's codes for what the machine lacks."""
DAMAGE = (sqlite3.Error, ValueError, TypeError, OverflowError)
"""What reading a damaged file can raise: SQLite's errors, and texts and numbers that Python cannot take (column names, too)."""


@dataclass(slots=True)
class Findings:
    """What the check did. `replay_all`: the intake has to be worked off from its beginning."""

    set_aside: Path | None = None
    damaged_rows: list[int] = field(default_factory=list)
    damaged_notes: dict[str, int] = field(default_factory=dict)
    """Rows taken out of the other tables: what sinks had reached, who devices are."""
    replay_all: bool = False

    def sentences(self) -> list[str]:
        said = []
        if self.set_aside:
            said.append(f"the journal's file was damaged and is set aside in {self.set_aside}; readable things were carried over")
        if self.damaged_rows:
            numbers = ", ".join(map(str, self.damaged_rows[:20])) + (" and more" if len(self.damaged_rows) > 20 else "")  # noqa: PLR2004
            said.append(f"{len(self.damaged_rows)} damaged rows taken out of the journal: {numbers}")
        if self.damaged_notes:
            told = ", ".join(f"{count} in {table}" for table, count in self.damaged_notes.items())
            said.append(f"damaged notes taken out of the journal: {told}; sinks may get things once more")
        return said


def check(path: Path) -> Findings:
    """Make `path` fit to be opened. Call under the lock of the state directory, before anybody has it open."""
    findings = Findings()
    if not path.exists():
        findings.replay_all = True
        return findings
    # The index of the WAL is rebuilt from the WAL; a damaged one could only mislead.
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    marker = path.with_name(MARKER)
    thorough = marker.exists() or path.stat().st_size <= SMALL_BYTES
    try:
        with closing(connect(path)) as connection:
            if thorough and connection.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("integrity check failed")
            if not is_as_made(connection) and not _is_newer(connection):
                raise sqlite3.DatabaseError("a table is not declared as it was made")
            findings.damaged_rows = list(_damaged(connection, None if thorough else TAIL_ROWS))
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("DELETE FROM things WHERE n=?", [(n,) for n in findings.damaged_rows])
            findings.damaged_notes = _take_out_unsealed(connection)
            connection.execute("COMMIT")
            findings.replay_all = bool(findings.damaged_rows or findings.damaged_notes)
    except DAMAGE as error:
        if _is_want(error):
            raise StateError(f"{path}: {error}; make room and start again, nothing is lost") from error
        findings = _salvage(path)
    marker.unlink(missing_ok=True)
    return findings


def _is_newer(connection: sqlite3.Connection) -> bool:
    """Whether a later release wrote it: no damage, and `Journal` will say so."""
    with suppress(*DAMAGE):
        return int(connection.execute("SELECT value FROM meta WHERE key='version'").fetchone()[0]) > VERSION
    return False


def _is_want(error: Exception) -> bool:
    """No damage: the disk is full, or somebody else has the file. Setting the journal aside would only make it worse."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) in WANT


def scrub(path: Path) -> bool:
    """Read every row of a large journal; True if all is well, else the next start is told to be thorough."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
            sound = next(_damaged(connection, None), None) is None
            sound = sound and connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
    except DAMAGE:
        sound = False
    if not sound:
        path.with_name(MARKER).touch()
    return sound


def _damaged(connection: sqlite3.Connection, tail: int | None) -> Iterator[int]:
    where = "" if tail is None else f" WHERE n > (SELECT max(n) FROM things) - {tail:d}"  # noqa: S608 - an integer
    for row in connection.execute(f"SELECT {THING_COLUMNS} FROM things{where} ORDER BY n"):  # noqa: S608 - constants and an integer
        if not row_is_sound(row):
            yield row[0]


def _take_out_unsealed(connection: sqlite3.Connection) -> dict[str, int]:
    """A flipped bit in a device's identity would give all its things new ids: such rows go, and the replay makes them anew."""
    counts = {}
    for table in SEALED:
        rows = connection.execute(f"SELECT rowid, * FROM {table}").fetchall()  # noqa: S608 - a constant
        bad = [row[0] for row in rows if not _is_sealed(row[1:])]
        connection.executemany(f"DELETE FROM {table} WHERE rowid=?", [(number,) for number in bad])  # noqa: S608
        if bad:
            counts[table] = len(bad)
    if WAITING & counts.keys():
        _begin_anew(connection)
    return counts


def _begin_anew(connection: sqlite3.Connection) -> None:
    """Something that the cursors had passed and that waited is forgotten: only by sending everything again does it go for certain."""
    connection.execute("DELETE FROM sinks")


def _is_sealed(row: tuple[object, ...]) -> bool:
    return seal(*row[:-1]) == row[-1]


def _salvage(path: Path) -> Findings:
    """Raises `StateError`, with everything where it was, if there is no room for it."""
    number = 1
    while (aside := path.parent / f"damaged-{number}").exists():
        number += 1
    try:
        aside.mkdir(mode=0o700)
        _set_aside(path, aside)
        with closing(connect(path)) as fresh:
            # Read from a copy: what was set aside stays as it was found.
            work = aside / "work"
            shutil.copytree(aside, work, ignore=shutil.ignore_patterns("work"))
            fresh.execute("BEGIN IMMEDIATE")
            with suppress(*DAMAGE), closing(sqlite3.connect(work / path.name)) as old:
                old.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
                _carry_over(old, fresh)
            fresh.execute("COMMIT")
            shutil.rmtree(work)
    except (OSError, sqlite3.Error) as error:
        _put_back(path, aside)
        raise StateError(f"{path} is damaged, and to repair it there must be room: {error}; nothing is lost") from error
    return Findings(set_aside=aside, replay_all=True)


def _set_aside(path: Path, aside: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        source = path.with_name(path.name + suffix)
        if source.exists():
            source.rename(aside / source.name)


def _put_back(path: Path, aside: Path) -> None:
    if not (aside / path.name).exists():
        return
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
        found = aside / (path.name + suffix)
        if found.exists():
            found.rename(path.with_name(found.name))
    shutil.rmtree(aside, ignore_errors=True)


def _carry_over(old: sqlite3.Connection, fresh: sqlite3.Connection) -> None:
    highest = 0
    for ordering in ("DESC", "ASC"):
        with suppress(*DAMAGE):
            highest = max(highest, int(old.execute(f"SELECT n FROM things ORDER BY n {ordering} LIMIT 1").fetchone()[0]))  # noqa: S608
    for row in _readable(old, 1, min(highest, 1 << 40)):
        if row_is_sound(row):
            fresh.execute("INSERT OR IGNORE INTO things VALUES(?,?,?,?,?,?,?,?,?)", row)
    whole = {table for table in SEALED if _carry_table(old, fresh, table)}
    if not whole >= WAITING:
        _begin_anew(fresh)


def _carry_table(old: sqlite3.Connection, fresh: sqlite3.Connection, table: str) -> bool:
    """Whether every row of it could be read and was sound."""
    whole = False
    with suppress(*DAMAGE):
        rows_are_sound = True
        for row in old.execute(f"SELECT * FROM {table}"):  # noqa: S608 - a constant
            if _is_sealed(row):
                fresh.execute(f"INSERT OR REPLACE INTO {table} VALUES({','.join('?' * len(row))})", row)
            else:
                rows_are_sound = False
        whole = rows_are_sound
    return whole


def _readable(old: sqlite3.Connection, low: int, high: int) -> Iterator[tuple[object, ...]]:
    """Rows between `low` and `high` that SQLite can still reach: ask for the range, halve it where that fails."""
    if low > high:
        return
    try:
        yield from old.execute(f"SELECT {THING_COLUMNS} FROM things WHERE n BETWEEN ? AND ? ORDER BY n", (low, high)).fetchall()  # noqa: S608
    except DAMAGE:
        if low < high:
            middle = (low + high) // 2
            yield from _readable(old, low, middle)
            yield from _readable(old, middle + 1, high)

"""Taking everything of a person out of the journal. What is left of a thing is its number and its id, neither of which says anything."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from gateway.encryption import NO_KEYS, Keys
from gateway.errors import JournalError
from gateway.journal.schema import Connection, connect, put

_WAITING = ("deferred", "held")


@dataclass(slots=True)
class Found:
    """`ids` of things that are the person's now; `numbers` of all rows that say something of them or say that it is theirs, with their ids;
    `positions` of those things in the intake log, and `others`, of things that are not theirs.
    """

    ids: set[str] = field(default_factory=set)
    numbers: dict[int, str] = field(default_factory=dict)
    positions: set[int] = field(default_factory=set)
    others: set[int] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)
    """Devices that they came from."""
    shared: set[str] = field(default_factory=set)
    """Those of them that measure others, too."""
    standing: list[int] = field(default_factory=list)
    """Latest versions that are not retracted."""
    latest: set[int] = field(default_factory=set)
    """Of each id the last of these rows."""


class _Row(NamedTuple):
    n: int
    id: str
    version: int
    position: int
    address: str
    person: str | None
    retracted: bool


def _rows(connection: Connection) -> Iterator[_Row]:
    """Of what was measured. A damaged row says nothing; `repair` takes it out."""
    for n, thing_id, version, position, body in connection.execute("SELECT n, id, version, position, body FROM things ORDER BY n"):
        try:
            said = json.loads(connection.key.decrypt_text(body))
            if said["type"] != "device":
                address = str(said["device"]["address"])
                yield _Row(
                    n, connection.key.unmask_text(thing_id), version, position, address, said.get("person"), bool(said.get("retracted"))
                )
        except (ValueError, LookupError, TypeError):
            continue


def find(connection: Connection, person: str) -> Found:
    rows = list(_rows(connection))
    newest: dict[str, _Row] = {}
    for row in rows:
        if row.id not in newest or row.version >= newest[row.id].version:
            newest[row.id] = row
    found = Found(ids={row.id for row in newest.values() if row.person == person})
    for row in rows:
        if row.id in found.ids or row.person == person:
            found.numbers[row.n] = row.id
        if row.id in found.ids:
            found.positions.add(row.position)
            found.addresses.add(row.address)
    found.others = {row.position for row in rows if row.id not in found.ids} - found.positions
    found.standing = [newest[one].n for one in sorted(found.ids) if not newest[one].retracted]
    found.shared = {row.address for row in newest.values() if row.person != person} & found.addresses
    found.latest = set({thing_id: n for n, thing_id in sorted(found.numbers.items())}.values())
    return found


def untold(connection: Connection, sink: str, found: Found) -> str | None:
    """Why a sink has not been told everything about these rows, if it has not."""
    last = max(found.numbers, default=0)
    row = connection.execute("SELECT cursor FROM sinks WHERE name=?", (sink,)).fetchone()
    cursor = 0 if row is None else int(row[0])
    if cursor < last:
        return f"it has come to {cursor} of {last}"
    waiting = {n for table in _WAITING for (n,) in connection.execute(f"SELECT n FROM {table} WHERE sink=?", (sink,))}  # noqa: S608 - a constant
    count = len(waiting & found.latest)
    return f"{count} of them wait there" if count else None


def erase(connection: Connection, found: Found) -> int:
    """In a transaction; then the file is written anew, and its log emptied. Returns the rows that are gone."""
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute("BEGIN IMMEDIATE")
    for n, thing_id in found.numbers.items():
        connection.execute("DELETE FROM things WHERE n=?", (n,))
        for table in _WAITING:
            connection.execute(f"DELETE FROM {table} WHERE n=?", (n,))  # noqa: S608 - a constant
        put(connection, "purged", n, connection.key.mask_text(thing_id) if thing_id in found.ids else "")
    for address in found.addresses:
        connection.execute("DELETE FROM rejected WHERE address=?", (address,))
    for address in found.addresses - found.shared:
        connection.execute("DELETE FROM episodes WHERE device=(SELECT identity FROM devices WHERE address=?)", (address,))
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return len(found.numbers)


@contextmanager
def opened(path: Path, keys: Keys = NO_KEYS) -> Iterator[Connection]:
    """Raises `JournalError`, and `Locked`."""
    try:
        with closing(connect(path)) as connection:
            connection.unlock(keys, claim=True)
            yield connection
    except sqlite3.Error as error:
        raise JournalError(f"the journal could not be written: {error}") from error


def bury(connection: Connection, ids: Iterable[str]) -> None:
    """Ids of things that are to stay forgotten, of which this journal has no number."""
    for one in map(connection.key.mask_text, sorted(set(ids))):
        if connection.execute("SELECT 1 FROM purged WHERE id=?", (one,)).fetchone() is None:
            (lowest,) = connection.execute("SELECT min(coalesce(min(n), 0), 0) FROM purged").fetchone()
            put(connection, "purged", lowest - 1, one)

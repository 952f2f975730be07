"""Changing a sink's accounts by hand, while no daemon keeps them: how far it has come, and what waits for it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import suppress

from gateway.journal.schema import Connection, put

_WAITING = ("deferred", "held")


class NoSuchSink(Exception):
    """It has no accounts; or it has some already."""


def _cursor(connection: sqlite3.Connection, name: str) -> int | None:
    row = connection.execute("SELECT cursor FROM sinks WHERE name=?", (name,)).fetchone()
    return None if row is None else int(row[0])


def _head(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(n), 0) FROM things").fetchone()[0])


def begin(connection: sqlite3.Connection, name: str) -> int:
    """A new sink that gets only what comes from now on. Returns the number behind which it begins. Raises `NoSuchSink`."""
    if _cursor(connection, name) is not None:
        raise NoSuchSink(f"the sink {name} has accounts already; `sink rewind` changes how far it has come")
    head = _head(connection)
    put(connection, "sinks", name, head)
    return head


def forget(connection: sqlite3.Connection, name: str) -> int:
    """Its accounts. Returns how far it had come. Raises `NoSuchSink`."""
    cursor = _cursor(connection, name)
    if cursor is None:
        raise NoSuchSink(f"there are no accounts of a sink {name}")
    connection.execute("DELETE FROM sinks WHERE name=?", (name,))
    for table in _WAITING:
        connection.execute(f"DELETE FROM {table} WHERE sink=?", (name,))  # noqa: S608 - a constant
    return cursor


def rename(connection: sqlite3.Connection, name: str, new: str) -> int:
    """With everything that waits. Returns how far it has come. Raises `NoSuchSink`."""
    if _cursor(connection, new) is not None:
        raise NoSuchSink(f"the sink {new} has accounts already; `sink remove` forgets them")
    waiting = {
        "deferred": connection.execute("SELECT n, reason FROM deferred WHERE sink=?", (name,)).fetchall(),
        "held": connection.execute("SELECT n, line, reason FROM held WHERE sink=?", (name,)).fetchall(),
    }
    cursor = forget(connection, name)
    put(connection, "sinks", new, cursor)
    for table, rows in waiting.items():
        for row in rows:
            put(connection, table, new, *row)
    return cursor


def rewind(connection: sqlite3.Connection, name: str, to: int) -> int:
    """What is behind `to` goes again, what waited of it included. Returns how far it had come. Raises `NoSuchSink`."""
    cursor = _cursor(connection, name)
    if cursor is None:
        raise NoSuchSink(f"there are no accounts of a sink {name}; without any it begins at the beginning anyway")
    if not 0 <= to <= cursor:
        raise NoSuchSink(f"the sink {name} has come to {cursor}; a rewind goes to a number from 0 to that")
    put(connection, "sinks", name, to)
    for table in _WAITING:
        connection.execute(f"DELETE FROM {table} WHERE sink=? AND n>?", (name, to))  # noqa: S608 - a constant
    return cursor


def rewind_since(connection: Connection, name: str, since: str) -> tuple[int, int]:
    """To what was measured then. Returns how far it had come, and whereto it goes back. Raises `NoSuchSink`."""
    target = min(number_before(connection, since), _cursor(connection, name) or 0)
    return rewind(connection, name, target), target


def number_before(connection: Connection, since: str) -> int:
    """Of the last thing before the first that was measured at `since` (ISO date or time, as the things have it) or later."""
    for n, body in connection.execute("SELECT n, body FROM things ORDER BY n"):
        with suppress(ValueError, LookupError, TypeError):  # a damaged one says nothing
            if json.loads(connection.key.decrypt_text(body))["when"]["time"] >= since:
                return int(n) - 1
    return _head(connection)

"""Throwing away old things that every sink has had. Their ids stay, so that a device that tells them again makes no new ones."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gateway.journal.schema import Connection, put

TOGETHER = 500
"""Rows in one transaction: whoever files something meanwhile does not wait long."""
EARLIEST = "2010"
"""What was received before was received by a hub that did not know the time: how old it is nobody knows."""
SMALLEST_MOMENT = 1e9
"""Later than any time since a boot, and before any device that is read here: 2001."""
_PENDING = 0
"""The quality of what waits for the hub's clock."""


@dataclass(slots=True)
class Thinned:
    """`last`: how far the rows were looked at. `kept`: old enough, but this sink has not had them, by sink."""

    rows: int = 0
    last: int = 0
    kept: Counter[str] = field(default_factory=Counter)
    is_over: bool = False


def thin(connection: Connection, sinks: Sequence[str], before: str, behind: int) -> Thinned:
    """Looks at the next rows behind `behind`, up to the first that was received at `before` (ISO, UTC) or later."""
    done = Thinned(last=behind)
    cursors = {name: _cursor(connection, name) for name in sinks}
    query = "SELECT n, id, type, quality, body FROM things WHERE n>? ORDER BY n LIMIT ?"
    rows = connection.execute(query, (behind, TOGETHER)).fetchall()
    for n, thing_id, kind, _quality, body in rows:
        received = _received(connection, body)
        if received is not None and received >= before:
            done.is_over = True
            break
        done.last = n
        if kind != "device" and received is not None:
            _throw(connection, thing_id, before, cursors, done)
    done.is_over = done.is_over or len(rows) < TOGETHER
    return done


def tidy(connection: Connection, limit: float) -> None:
    """Of what came before `limit` (seconds since 1970): frames that no driver could read, and how repetitions were told apart."""
    connection.execute("DELETE FROM rejected WHERE at<?", (limit,))
    # Beside each moment by the clock stands one by the time since a boot, which is always the smaller one.
    old = "SELECT device, session FROM episodes WHERE last_seen<? AND last_seen>?"
    connection.execute(f"DELETE FROM episodes WHERE (device, session) IN ({old})", (limit, SMALLEST_MOMENT))  # noqa: S608 - a constant


def used(connection: Connection) -> int:
    """Octets of the file in which something is."""
    pages, free, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size"))
    return int((pages - free) * size)


def oldest_of(connection: Connection, newest: float) -> float:
    """When the first was received of the things that may go, in seconds since 1970; `newest` if that is later."""
    query = "SELECT body FROM things WHERE type<>'device' ORDER BY n LIMIT ?"
    for (body,) in connection.execute(query, (TOGETHER,)):
        if (received := _received(connection, body)) is not None:
            return min(newest, datetime.fromisoformat(received).timestamp())
    return newest


def _cursor(connection: Connection, name: str) -> int:
    row = connection.execute("SELECT cursor FROM sinks WHERE name=?", (name,)).fetchone()
    return 0 if row is None else int(row[0])


def _received(connection: Connection, body: str) -> str | None:
    """None for a damaged row, which `repair` takes out and files again; and where the hub's clock cannot have been right."""
    try:
        received = str(json.loads(connection.key.decrypt_text(body))["provenance"]["received"])
    except (ValueError, LookupError, TypeError):
        return None
    return received if received >= EARLIEST else None


def _throw(connection: Connection, thing_id: str, before: str, cursors: dict[str, int], done: Thinned) -> None:
    """A thing with all its versions, or nothing of it."""
    versions = connection.execute("SELECT n, quality, body FROM things WHERE id=?", (thing_id,)).fetchall()
    if not versions or any(quality == _PENDING or (_received(connection, body) or before) >= before for _, quality, body in versions):
        return
    numbers = [n for n, _, _ in versions]
    needing = [name for name, cursor in cursors.items() if cursor < max(numbers) or _waits(connection, name, numbers)]
    if needing:
        done.kept.update(dict.fromkeys(needing, 1))
        return
    for n in numbers:
        connection.execute("DELETE FROM things WHERE n=?", (n,))
        put(connection, "purged", n, thing_id)
    done.rows += len(numbers)


def _waits(connection: Connection, sink: str, numbers: Sequence[int]) -> bool:
    asked = json.dumps(list(numbers))
    return any(
        connection.execute(f"SELECT 1 FROM {table} WHERE sink=? AND n IN (SELECT value FROM json_each(?))", (sink, asked)).fetchone()  # noqa: S608 - a constant
        for table in ("deferred", "held")
    )

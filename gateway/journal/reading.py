"""What can be read of a journal, whether a daemon writes to it or not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from gateway.encryption import NO_KEYS, Keys
from gateway.journal.rows import Rejection, Row
from gateway.journal.schema import THING_COLUMNS, Connection, connect_reader, octets, row_is_sound
from gateway.provenance import Proof, Signed

_COLUMNS = ", ".join(f"things.{name}" for name in THING_COLUMNS.split(", "))
THINGS = f"SELECT {_COLUMNS}, key, previous, signature FROM things LEFT JOIN proofs USING(n)"  # noqa: S608 - constants
"""What `sound` makes rows of; more conditions may follow."""


def sound(reader: Connection, found: Iterable[tuple[Any, ...]]) -> Iterator[Row]:
    """Of rows of `THINGS` those that are what was written."""
    for row in found:
        if row_is_sound(row[:-3]):
            n, thing_id, version, kind, _digest, quality, _position, body, _crc, *proof = row
            with suppress(ValueError):
                said = reader.key.decrypt_text(body)
                yield Row(n, reader.key.unmask_text(thing_id), version, kind, quality, said, proof_of(reader, proof) if proof[0] else None)


def read_all(path: Path, keys: Keys = NO_KEYS) -> Iterator[Row]:
    with closing(connect_reader(path, keys)) as reader:
        yield from sound(reader, reader.execute(f"{THINGS} ORDER BY n"))


def read_signed(path: Path, keys: Keys = NO_KEYS) -> Iterator[Signed]:
    """Every row in order with its proof, sound or not: whoever verifies looks at what is there. What was purged is named."""
    with closing(connect_reader(path, keys)) as reader:
        for n, body, *proof in reader.execute(
            "SELECT n, body, key, previous, signature FROM (SELECT n, body FROM things UNION ALL SELECT n, NULL FROM purged WHERE n > 0)"
            " LEFT JOIN proofs USING(n) ORDER BY n"
        ):
            if body is None:
                yield Signed(n, b"", None, purged=True)
            else:
                yield Signed(n, _said(reader, str(body)), proof_of(reader, proof) if proof[0] is not None else None)


def read_audit(path: Path) -> Iterator[Signed]:
    """Every entry of the audit log in order, sound or not."""
    with closing(connect_reader(path)) as reader:
        for n, body, *proof in reader.execute("SELECT n, body, key, previous, signature FROM audit ORDER BY n"):
            yield Signed(n, octets(str(body)), Proof(*proof))


def proof_of(reader: Connection, found: Sequence[Any]) -> Proof:
    """Of a row's `key`, `previous` and `signature`. What is damaged is no proof, and is handed out as it is."""
    key, *masked = found
    with suppress(ValueError):
        masked = [reader.key.unmask(one) for one in masked]
    return Proof(key, *masked)


def _said(reader: Connection, body: str) -> bytes:
    with suppress(ValueError):
        body = reader.key.decrypt_text(body)
    return octets(body)


def read_latest(path: Path, keys: Keys = NO_KEYS) -> Iterator[Row]:
    """The latest sound version of each thing, in order."""
    newer = "SELECT 1 FROM things AS newer WHERE newer.id=things.id AND newer.version>things.version"
    query = f"{THINGS} WHERE NOT EXISTS ({newer}) ORDER BY n"
    with closing(connect_reader(path, keys)) as reader:
        yield from sound(reader, reader.execute(query))


def read_rejected(path: Path, keys: Keys = NO_KEYS, *, most: int = -1, until: int = (1 << 63) - 1) -> list[Rejection]:
    """In order. `most`: only so many of the latest up to the one at `until`; all for -1."""
    with closing(connect_reader(path, keys)) as reader:
        columns = "position, session, address, driver, characteristic, data, error, at"
        query = f"SELECT {columns} FROM rejected WHERE position<=? ORDER BY position DESC LIMIT ?"  # noqa: S608 - constants
        rows = reader.execute(query, (until, most)).fetchall()
        return [_opened(reader, Rejection.restored(row)) for row in rows[::-1]]


def _opened(reader: Connection, found: Rejection) -> Rejection:
    with suppress(ValueError):
        return found._replace(data=reader.key.decrypt(found.data))
    return found._replace(data=b"", error=f"{found.error}; its octets are damaged")


def read_sinks(path: Path) -> dict[str, dict[str, int]]:
    """By name: `cursor`, and how many are `deferred` and `held`."""
    with closing(connect_reader(path)) as reader:
        waiting = {
            table: dict(reader.execute(f"SELECT sink, count(*) FROM {table} GROUP BY sink").fetchall())  # noqa: S608 - constants
            for table in ("deferred", "held")
        }
        cursors = reader.execute("SELECT name, cursor FROM sinks ORDER BY name").fetchall()
    return {name: {"cursor": cursor, **{table: count.get(name, 0) for table, count in waiting.items()}} for name, cursor in cursors}


def before(reader: Connection, ids: Sequence[str]) -> Callable[[Row], tuple[str, ...]]:
    """Whose the earlier versions of a thing were; what is damaged says nothing."""
    query = f"{THINGS} WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id, version"  # noqa: S608 - constants
    known: dict[str, list[tuple[int, str]]] = {}
    for row in sound(reader, reader.execute(query, (json.dumps([reader.key.mask_text(one) for one in ids]),))):
        person = json.loads(row.body).get("person")
        if person is not None:
            known.setdefault(row.id, []).append((row.version, person))
    return lambda row: tuple(dict.fromkeys(person for version, person in known.get(row.id, ()) if version < row.version))

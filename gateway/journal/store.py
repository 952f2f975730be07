"""The durable log of things.

Invariants, each with its test in `tests/gateway/test_journal.py`:

1. What `commit` returned survives kill -9 and power loss: WAL, `synchronous=FULL`, one writer thread.
2. Rows are never changed. `n` counts from 1 without a gap; a number whose row is lost is named in `missing`.
3. (id, version) is unique; versions of an id count from 1. The same content again is no new version.
4. A commit is whole: its things, the device's mark, its identity and its rejected frames, or nothing.
5. A replay adds nothing that is there: content equal to any version of its id is passed over, and a version that was
   lost comes back under its own number. Nor does it put what was said before (a session that was cut off, say) over what was
   said later.
6. A sink's cursor passes a thing only together with its fate: sent, or entered in `deferred` or `held` in the same transaction.
7. A failed commit and a cancelled waiter harm nobody else (`writer`).
8. Every row carries a CRC; a row that does not fit is not handed out (`repair`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from gateway.encryption import NO_KEYS, Keys
from gateway.errors import StateError
from gateway.journal import jobs, purging
from gateway.journal.reading import THINGS, before, read_all, read_latest, read_rejected, read_sinks, sound
from gateway.journal.rows import Commit, Committed, Fate, Rejection, Row
from gateway.journal.schema import VERSION, Connection, connect, connect_reader, put
from gateway.journal.writer import Writer
from gateway.provenance import Signer


class Journal:
    """Open one per state directory, under its lock, after `repair.check`."""

    def __init__(self, path: Path, signer: Signer | None = None, keys: Keys = NO_KEYS) -> None:
        """`signer`: signs each thing that is new. `keys`: what is stored is encrypted with one of them. Raises `StateError`."""
        self.path, self.keys, self._signer = path, keys, signer
        try:
            self._connection = connect(path)
            self._claim_format()
        except sqlite3.Error as error:
            raise StateError(f"{path}: {error}; make room and start again, nothing is lost") from error
        self.writer = Writer(self._connection)

    def _claim_format(self) -> None:
        try:
            found = self._connection.execute("SELECT value FROM meta WHERE key='version'").fetchone()
            if found is not None and int(found[0]) > VERSION:
                raise StateError(f"{self.path} was written by a newer health-gateway (format {found[0]}); install that version again")
            if found is None or int(found[0]) < VERSION:
                put(self._connection, "meta", "version", str(VERSION))
            self._connection.unlock(self.keys, claim=True)
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        self.writer.close()
        self._connection.close()

    # -- writing ------------------------------------------------------------------------------------------------

    async def commit(self, commit: Commit) -> list[Committed]:
        """All of it or nothing; returns the things that were new."""
        return await self.writer.do(lambda connection: jobs.commit(connection, commit, self._signer))

    async def identity(self, address: str, derived: str) -> str:
        """The identity this address has had since first contact; `derived` if this is the first."""

        def job(connection: Connection) -> str:
            known = connection.execute("SELECT identity FROM devices WHERE address=?", (address,)).fetchone()
            if known is not None:
                return str(known[0])
            put(connection, "devices", address, derived, "{}", "{}")
            return derived

        return await self.writer.do(job)

    async def first_contact(self, identity: str, received: float) -> float:
        """When this device was met first: `received`, in seconds since 1970, if that is now."""
        key = f"met/{identity}"

        def job(connection: Connection) -> float:
            known = connection.execute("SELECT value FROM meta WHERE key=?", (key,)).fetchone()
            if known is not None:
                return float(known[0])
            put(connection, "meta", key, repr(received))
            return received

        return await self.writer.do(job)

    async def episode(self, device: str, content: str, session: str, moment: jobs.Moment, position: int, within: float) -> str:
        """A lasting name for a reading of a device that neither numbers nor stamps its records; the same for an equal one `within` so
        many seconds.
        """
        return await self.writer.do(lambda c: jobs.episode(c, device, content, session, moment, position, within))

    async def advance(self, sink: str, fate: Fate) -> None:
        """Move a sink's cursor, never back; in the same transaction enter what waits and take out what has gone after all."""

        def job(connection: Connection) -> None:
            before = connection.execute("SELECT cursor FROM sinks WHERE name=?", (sink,)).fetchone()
            put(connection, "sinks", sink, max(fate.cursor, before[0] if before else 0))
            for table in ("deferred", "held"):
                connection.executemany(f"DELETE FROM {table} WHERE sink=? AND n=?", [(sink, n) for n in fate.gone])  # noqa: S608 - constants
            for n, why in fate.deferred.items():
                put(connection, "deferred", sink, n, why)
            for n, (line, why) in fate.held.items():
                put(connection, "held", sink, n, line, why)

        await self.writer.do(job)

    async def set_meta(self, key: str, value: str) -> None:
        await self.writer.do(lambda connection: put(connection, "meta", key, value))

    async def note(self, body: str) -> str:
        """Enter this into the audit log; returns how far that goes."""
        return await self.writer.do(lambda connection: jobs.note(connection, body, self._signer))

    async def name_gaps(self, why: str) -> list[int]:
        """Enter numbers without a row into `missing`; returns them."""
        return await self.writer.do(lambda c: jobs.name_gaps(c, why))

    async def bury(self, ids: Iterable[str]) -> None:
        """Things with these ids are not to be there again, however often a device tells them."""
        await self.writer.do(lambda connection: purging.bury(connection, ids))

    # -- reading ------------------------------------------------------------------------------------------------

    def meta(self, key: str, default: str = "") -> str:
        return str(self._ask("SELECT value FROM meta WHERE key=?", key, default=default))

    def cursor(self, sink: str) -> int:
        return int(self._ask("SELECT cursor FROM sinks WHERE name=?", sink, default=0))

    def head(self) -> int:
        return int(self._ask("SELECT coalesce(max(n), 0) FROM things", default=0))

    def mark(self, address: str) -> dict[str, Any]:
        return dict(json.loads(self._ask("SELECT mark FROM devices WHERE address=?", address, default="{}")))

    def info(self, address: str) -> dict[str, Any]:
        """Who a device has said to be, by the names of `DeviceInfo`."""
        return dict(json.loads(self._ask("SELECT info FROM devices WHERE address=?", address, default="{}")))

    def after(self, n: int, limit: int) -> list[Row]:
        """Sound rows behind `n`, in order. A damaged one is left out; `repair` deals with it."""
        with closing(connect_reader(self.path, self.keys)) as reader:
            return _with_owners(reader, sound(reader, reader.execute(f"{THINGS} WHERE n>? ORDER BY n LIMIT ?", (n, limit))))

    def deferred(self, sink: str) -> list[tuple[int, str]]:
        with closing(connect_reader(self.path)) as reader:
            return reader.execute("SELECT n, reason FROM deferred WHERE sink=? ORDER BY n", (sink,)).fetchall()

    def held(self, sink: str) -> list[tuple[int, str, str]]:
        """Number, line and reason of what waits in line, oldest first."""
        with closing(connect_reader(self.path)) as reader:
            return reader.execute("SELECT n, line, reason FROM held WHERE sink=? ORDER BY n", (sink,)).fetchall()

    def rows(self, numbers: Sequence[int]) -> list[Row]:
        """Those of these numbers that have a sound row, in order."""
        with closing(connect_reader(self.path, self.keys)) as reader:
            query = f"{THINGS} WHERE n IN (SELECT value FROM json_each(?)) ORDER BY n"  # noqa: S608 - constants
            return _with_owners(reader, sound(reader, reader.execute(query, (json.dumps(list(numbers)),))))

    def versions(self, thing_id: str) -> list[Row]:
        query = f"{THINGS} WHERE id=? ORDER BY version"
        with closing(connect_reader(self.path, self.keys)) as reader:
            return list(sound(reader, reader.execute(query, (reader.key.mask_text(thing_id),))))

    def versions_of(self, ids: Sequence[str]) -> list[Row]:
        query = f"{THINGS} WHERE id IN (SELECT value FROM json_each(?)) ORDER BY n"  # noqa: S608 - constants
        with closing(connect_reader(self.path, self.keys)) as reader:
            return list(sound(reader, reader.execute(query, (json.dumps([reader.key.mask_text(one) for one in ids]),))))

    def last_position(self) -> int:
        """Of the latest things' frames in the intake log; -1 without any."""
        with closing(connect_reader(self.path)) as reader:
            found = reader.execute("SELECT coalesce(max(position), -1) FROM (SELECT position FROM things ORDER BY n DESC LIMIT 1000)")
            return int(found.fetchone()[0])

    def with_quality(self, quality: int) -> list[Row]:
        """Every version whose time has this quality (its rank); there is an index for the worst one."""
        query = f"{THINGS} WHERE quality={quality:d} ORDER BY n"
        with closing(connect_reader(self.path, self.keys)) as reader:
            return list(sound(reader, reader.execute(query)))

    def everything(self) -> Iterator[Row]:
        """Every sound row in order, one at a time, as of now."""
        yield from read_all(self.path, self.keys)

    def latest(self) -> Iterator[Row]:
        """The latest sound version of each thing, in order."""
        yield from read_latest(self.path, self.keys)

    def counts(self) -> dict[str, int]:
        with closing(connect_reader(self.path)) as reader:
            tables = ("rejected", "missing", "purged", "devices")
            one = {name: reader.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}  # noqa: S608 - constants
            one["things"] = reader.execute("SELECT count(*) FROM things").fetchone()[0]
        return one

    def sinks(self) -> dict[str, dict[str, int]]:
        return read_sinks(self.path)

    def rejected(self, *, most: int = -1, until: int = (1 << 63) - 1) -> list[Rejection]:
        return read_rejected(self.path, self.keys, most=most, until=until)

    def audit(self, before: int | None, limit: int) -> list[tuple[int, str]]:
        """Entries of the audit log before this number, latest first; those that are damaged, too."""
        with closing(connect_reader(self.path)) as reader:
            query = "SELECT n, body FROM audit WHERE n<? ORDER BY n DESC LIMIT ?"
            return reader.execute(query, ((1 << 62) if before is None else min(before, 1 << 62), limit)).fetchall()

    def missing(self) -> list[tuple[int, str]]:
        with closing(connect_reader(self.path)) as reader:
            return reader.execute("SELECT n, why FROM missing ORDER BY n").fetchall()

    def _ask(self, query: str, *values: object, default: object) -> Any:
        with closing(connect_reader(self.path)) as reader:
            row = reader.execute(query, values).fetchone()
        return default if row is None else row[0]


def _with_owners(reader: Connection, found: Iterable[Row]) -> list[Row]:
    """With whose they were, which sinks need that have to tell somebody that something is not theirs any more."""
    rows = list(found)
    later = [row.id for row in rows if row.version > 1]
    if not later:
        return rows
    whose = before(reader, later)
    return [row._replace(before=whose(row)) if row.version > 1 else row for row in rows]

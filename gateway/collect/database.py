"""PostgreSQL: one connection, one transaction for what has come together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from gateway.collect.arrived import Checked
from gateway.collect.config import DatabaseSection
from gateway.collect.schema import COPY, MIGRATIONS, REFUSE, STAGE, UPSERT
from gateway.credentials import Unusable, secret

_LOCK = 0x6865616C7468
"""Of migrations: workers that start together."""
CONNECT_SECONDS, STATEMENT_MS = 10, 60_000


class DatabaseLost(Exception):
    """Not now; in a sentence."""


class Unacceptable(Exception):
    """The database will never take what was in this transaction."""


class Database:
    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection

    @classmethod
    async def connected(cls, settings: DatabaseSection) -> Database:
        """With the tables as this version wants them. Raises `DatabaseLost`."""
        try:
            password = {}
            if settings.password_file is not None:
                password = {"password": secret(settings.password_file)}
            where = make_conninfo(
                settings.url,
                application_name="health-gateway collect",
                connect_timeout=CONNECT_SECONDS,
                options=f"-c statement_timeout={STATEMENT_MS}",
                tcp_user_timeout=STATEMENT_MS,
                **password,
            )
            connection = await psycopg.AsyncConnection.connect(where, autocommit=False)
        except Unusable as error:
            raise DatabaseLost(str(error)) from error
        except (psycopg.Error, OSError, ValueError) as error:
            raise DatabaseLost(_sentence(error)) from error
        made = cls(connection)
        try:
            await made._prepare()
        except (psycopg.Error, OSError) as error:
            await made.close()
            raise DatabaseLost(_sentence(error)) from error
        except DatabaseLost:
            await made.close()
            raise
        return made

    async def _prepare(self) -> None:
        async with self._connection.transaction():
            run = self._connection.execute
            await run("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            await run("CREATE TABLE IF NOT EXISTS migrations (number integer PRIMARY KEY, run_at timestamptz NOT NULL DEFAULT now())")
            row = await (await run("SELECT coalesce(max(number), 0) FROM migrations")).fetchone()
            done = int(row[0]) if row else 0
            if done > len(MIGRATIONS):
                raise DatabaseLost(f"the tables are a later version's ({done}, this one knows {len(MIGRATIONS)}); update the workers first")
            for number in range(done, len(MIGRATIONS)):
                await run(MIGRATIONS[number])
                await run("INSERT INTO migrations (number) VALUES (%s)", (number + 1,))
        async with self._connection.transaction():
            await self._connection.execute(STAGE)

    async def store(self, things: Sequence[Checked]) -> None:
        """The highest version of each id, for good when this returns. Raises `DatabaseLost`, and `Unacceptable` for what it cannot hold."""
        try:
            async with self._connection.transaction(), self._connection.cursor() as cursor:
                async with cursor.copy(COPY) as copy:
                    for one in things:
                        await copy.write_row(_row(one))
                await cursor.execute(UPSERT)
        except psycopg.DataError as error:
            raise Unacceptable(type(error).__name__) from error
        except (psycopg.Error, OSError) as error:
            raise DatabaseLost(_sentence(error)) from error

    async def refuse(self, refused: Sequence[tuple[str, bytes]]) -> None:
        """Raises `DatabaseLost`."""
        try:
            async with self._connection.transaction(), self._connection.cursor() as cursor:
                await cursor.executemany(REFUSE, refused)
        except (psycopg.Error, OSError) as error:
            raise DatabaseLost(_sentence(error)) from error

    async def close(self) -> None:
        await self._connection.close()


def _row(one: Checked) -> tuple[Any, ...]:
    thing, arrived = one.thing, one.arrived
    provenance, device, when = thing.get("provenance") or {}, thing.get("device") or {}, thing["when"]
    key, previous, signature = arrived.proof or (None, None, None)
    # JSON's text for the character 0 is the one that a jsonb cannot hold; the payload keeps it.
    body = arrived.payload.decode("utf-8", "replace").replace("\\u0000", "\\ufffd")
    return (
        *(_text(thing["id"]), thing["version"], _text(thing["type"]), _text(thing.get("person"))),
        *(_text(provenance.get("gateway")), _text(device.get("identity")), when["time"], _text(when.get("quality"))),
        *(bool(thing.get("retracted")), body, arrived.payload, arrived.n, _text(key), previous, signature, one.verified),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value).replace("\0", "\ufffd")


_SENTENCES = (
    ("password authentication failed", "it does not accept user and password; check `database.url` and `database.password_file`"),
    ("no password supplied", "it wants a password; check `database.password_file`"),
    ("fe_sendauth", "it wants a password; check `database.password_file`"),
    ("does not exist", "there is no such database or user; check `database.url`"),
    ("connection refused", "nothing listens there; does PostgreSQL run, and is the port right?"),
    ("could not translate host name", "there is no such name; check `database.url`"),
    ("failed to resolve host", "there is no such name; check `database.url`"),
    ("certificate", "its certificate is not to be trusted; check `sslrootcert` in `database.url`"),
    ("permission denied", "the user may not make or write the tables; give it a schema of its own"),
    ("starting up", "it is starting"),
    ("shutting down", "it is ending"),
    ("timeout", "no answer; check the network and `database.url`"),
    ("invalid connection option", "check `database.url`"),
    ("no space left", "its disk is full"),
)


def _sentence(error: Exception) -> str:
    """In words without values: what the database says of a row may repeat it."""
    plain = str(error).lower()
    for sign, text in _SENTENCES:
        if sign in plain:
            return f"the database: {text}"
    if isinstance(error, OSError) and error.strerror:
        return f"the database: {error.filename or ''} {error.strerror}"
    return f"the database: {type(error).__name__}"

"""How to get to a NATS server: what the configuration says made into a connection, and what went wrong made into a sentence.

The library's own way of connecting again is switched off: what was sent over a connection that is lost must be known to have been, and the
outlet has pauses of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from nats.aio.client import Client
from nats.errors import AuthorizationError, Error, NoServersError, UnexpectedEOF

from gateway.config_sinks import NatsConnection
from gateway.credentials import Unusable, secret, tls_context
from gateway.nats.credentials import callbacks

CLOSE_SECONDS = 2.0
FORBIDDEN = "permissions violation"


class Lost(Exception):
    """No connection, or no more; in a sentence."""


class Connection:
    """One connection, for as long as it lasts. `complaints`: called with what is not permitted, in small letters."""

    def __init__(self, client: Client, where: str) -> None:
        self.client, self.where = client, where
        self.gone = asyncio.Event()
        self.complaints: Callable[[str], None] = lambda _text: None
        self._problem = ""

    @property
    def why(self) -> str:
        return f"{self.where}: {self._problem or 'the server has closed the connection'}"

    async def heard(self, error: Exception) -> None:
        """What is not permitted leaves the connection as it is; anything else may be why it ends."""
        if FORBIDDEN in str(error).lower():
            self.complaints(str(error))
        else:
            self._problem = self._problem or _sentence(error)

    async def closed(self) -> None:
        self.gone.set()

    async def flush(self, seconds: float) -> None:
        """There and back, behind all that was published. Raises `Lost`."""
        try:
            for _ in range(2):  # the first overtakes what the library has not written yet
                await self.client.flush(timeout=max(1, int(seconds)))
        except (Error, OSError, TimeoutError) as error:
            await self.close()
            raise Lost(f"{self.where}: {_sentence(error)}") from error

    async def close(self) -> None:
        self.gone.set()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.client.close()
        except (Error, OSError, TimeoutError):  # it is gone either way
            transport = self.client._transport  # noqa: SLF001 - the library waits for a server that reads no more
            if transport:
                transport.close()  # type: ignore[no-untyped-call]  # the library's


async def connected(settings: NatsConnection, name: str) -> Connection:
    """To the first of the servers that lets us in. Raises `Lost`."""
    options = _options(settings)
    problems = []
    for server in settings.servers:
        try:
            return await _connected(settings, server, {**options, "name": name})
        except Lost as error:
            problems.append(str(error))
    raise Lost("; ".join(problems))


async def _connected(settings: NatsConnection, server: str, options: dict[str, Any]) -> Connection:
    client = Client()
    where = server.rsplit("://", maxsplit=1)[-1]
    made = Connection(client, where)

    def kept(text: str) -> Callable[[], str]:
        def told() -> str:
            _must_be_encrypted(settings, client)
            return text

        return told

    secrets: dict[str, Any] = {key: kept(options.pop(key)) for key in ("user", "password", "token") if key in options}
    problems: list[Exception] = []

    async def heard(error: Exception) -> None:
        problems.append(error)

    try:
        await client.connect(
            [server],
            **options,
            **secrets,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=max(1, int(settings.timeout_seconds)),
            error_cb=heard,
            closed_cb=made.closed,
            pending_size=1 << 24,
        )
        _must_be_encrypted(settings, client)
    except (Error, OSError, TimeoutError, ValueError, Lost) as error:
        has_met = bool(client._server_info)  # noqa: SLF001 - it has introduced itself
        cause = problems[-1] if problems and isinstance(error, NoServersError) else error
        await made.close()
        if isinstance(error, Lost):
            raise Lost(f"{where}: {error}") from error
        if has_met and isinstance(error, ConnectionError | UnexpectedEOF):
            # Its reason may be lost on the way when it hangs up on hearing who we are.
            raise Lost(f"{where}: {_CLOSED if secrets or not settings.tls else _CERTIFICATE}") from error
        raise Lost(f"{where}: {_sentence(cause)}") from error
    client._error_cb = made.heard  # noqa: SLF001 - what it told while it connected is of no use any more
    return made


def _must_be_encrypted(settings: NatsConnection, client: Client) -> None:
    """The library encrypts where the server says so, whatever the address says. Raises `Lost` before anything secret is sent."""
    if settings.tls and not client._server_info.get("tls_required"):  # noqa: SLF001 - it says so nowhere else
        raise Lost("the server does not encrypt; set up TLS there, or `tls = false` here")


def _options(settings: NatsConnection) -> dict[str, Any]:
    """Raises `Lost` for a file that cannot be used."""
    found: dict[str, Any] = {}
    try:
        if settings.username is not None and settings.password_file is not None:
            found |= {"user": settings.username, "password": secret(settings.password_file)}
        if settings.token_file is not None:
            found["token"] = secret(settings.token_file)
        if settings.credentials_file is not None:
            found |= callbacks(settings.credentials_file, secret(settings.credentials_file))
        if settings.tls:
            found["tls"] = tls_context(settings.ca_file, settings.certificate_file, settings.key_file)
    except Unusable as error:
        raise Lost(str(error)) from error
    return found


_CLOSED = "the server does not let us in; check `username` and `password_file`, `token_file` or `credentials_file`"
_CERTIFICATE = "the server refuses our certificate, or wants one; check `certificate_file`"
_SENTENCES = (
    ("authorization violation", _CLOSED),
    ("user authentication expired", "our credentials have expired; get a new `credentials_file`"),
    ("name or service not known", "there is no such name; check `servers`, or the network's name server"),
    ("name resolution", "the name server does not answer"),
    ("connection refused", "nothing listens there; does the server run, and is the port right?"),
    ("connect call failed", "nothing listens there; does the server run, and is the port right?"),
    ("hostname mismatch", "the server's certificate is for another name; check `servers`"),
    ("ip address mismatch", "the server's certificate is for another address; check `servers`"),
    ("certificate has expired", "the server's certificate has expired"),
    ("certificate verify failed", "the server's certificate is not signed by anybody we trust; check `ca_file`"),
    (" alert ", _CERTIFICATE),
    ("certificate", _CERTIFICATE),
    ("stale connection", "no answer any more; check the network"),
    ("empty response from server when expecting info", "this is no NATS server; check `servers`"),
    ("json parse error", "this is no NATS server; check `servers`"),
    ("unexpected eof", "the server has closed the connection"),
)


def _sentence(error: Exception) -> str:
    if isinstance(error, AuthorizationError):
        return _CLOSED
    if isinstance(error, TimeoutError):
        return "no answer; check the network and `servers`"
    plain = str(error).lower().replace("_", " ")
    return next((text for sign, text in _SENTENCES if sign in plain), " ".join(str(error).split()) or type(error).__name__)

"""The `webhook` sink: one POST for each thing, signed as standardwebhooks.com says (1.0.0), answered by the status code.

2xx: it has the thing. 400, 409, 413, 415, 422: it refuses this one, and no other. Anything else, and no answer: not now. So a thing may
arrive twice; `webhook-id` is the same then. Redirects are not followed: things go to the address that was agreed on.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import http.client
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar
from urllib.parse import urlsplit

from gateway import __version__, crashpoints
from gateway.config_sinks import WebhookSection
from gateway.credentials import located
from gateway.journal import Row
from gateway.sinks.base import Answer, Refused, Sink, Unreachable

T = TypeVar("T")
REFUSING = {400, 409, 413, 415, 422}
MOST_OF_AN_ANSWER = 1 << 16
SECRET = "whsec_"  # noqa: S105 - what a secret begins with
_SENTENCES = {
    401: "it does not let us in; check `secret_file`, and its own settings",
    403: "it does not let us in; check `secret_file`, and its own settings",
    404: "there is nothing at this address; check `url`",
    405: "nothing takes a POST at this address; check `url`",
    410: "the address is given up; check `url`",
    429: "it wants us to go slower",
}
_STALE = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)
"""What a server that has closed a connection meanwhile looks like."""


class WebhookSink(Sink):
    """`now`: seconds since 1970."""

    def __init__(self, settings: WebhookSection, now: Callable[[], float] = time.time) -> None:
        self._settings, self._now = settings, now
        parts = urlsplit(settings.url)
        self._is_tls, self._host, self._port = parts.scheme == "https", str(parts.hostname), parts.port
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._link: http.client.HTTPConnection | None = None

    async def send(self, batch: Sequence[Row]) -> Sequence[Answer]:
        answers: list[Answer] = []
        for place, row in enumerate(batch):
            try:
                status = await self._within(lambda row=row: self._post(row))  # type: ignore[misc]  # mypy infers no default's type
            except Unreachable as error:
                raise Unreachable(str(error), taken=place, answers=answers) from error
            crashpoints.reached("sink-written")
            if status in REFUSING:
                answers.append(Refused(row.n, f"the server refuses it ({status})"))
            elif not 200 <= status < 300:  # noqa: PLR2004 - what went well
                raise Unreachable(_sentence(status), taken=place, answers=answers)
        return answers

    async def reach(self) -> None:
        """Connect, with TLS where there is to be, and send nothing. Raises `Unreachable`."""
        await self._within(self._connect)
        self._drop()

    async def close(self) -> None:
        self._drop()

    async def _within(self, do: Callable[[], T]) -> T:
        """In a thread. Who dribbles an answer, octet by octet, does not hold us up for longer than twice who gives none."""
        try:
            async with asyncio.timeout(2 * self._settings.timeout_seconds):
                return await asyncio.to_thread(do)
        except TimeoutError as error:
            self._drop()
            raise Unreachable("no answer; check the network and `url`") from error
        except http.client.HTTPException as error:
            self._drop()
            raise Unreachable("it does not speak HTTP here; check `url`") from error
        except (OSError, ValueError) as error:
            self._drop()
            raise Unreachable(_why(error)) from error

    # -- in a thread ---------------------------------------------------------------------------------------------

    def _post(self, row: Row) -> int:
        """The status code. Raises `OSError`, `HTTPException`, and `ValueError` for files of the configuration."""
        body = row.body.encode("utf-8", "surrogateescape")
        headers = self._headers(row, body)
        was_open = self._link is not None
        try:
            return self._exchange(body, headers)
        except _STALE:
            self._drop()
            if not was_open:
                raise
            return self._exchange(body, headers)

    def _exchange(self, body: bytes, headers: dict[str, str]) -> int:
        link = self._link or self._connect()
        link.request("POST", self._target, body, headers)
        answer = link.getresponse()
        answer.read(MOST_OF_AN_ANSWER)
        if not answer.isclosed():
            self._drop()  # there is more of it than anybody wants
        return answer.status

    def _connect(self) -> http.client.HTTPConnection:
        seconds = self._settings.timeout_seconds
        if self._is_tls:
            ca = self._settings.ca_file
            context = ssl.create_default_context(cafile=str(located(ca)) if ca else None)
            # Python 3.13 also wants key identifiers, which authorities made at home seldom write; earlier ones do not ask.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
            link: http.client.HTTPConnection = http.client.HTTPSConnection(self._host, self._port, timeout=seconds, context=context)
        else:
            link = http.client.HTTPConnection(self._host, self._port, timeout=seconds)
        self._link = link
        link.connect()
        return link

    def _headers(self, row: Row, body: bytes) -> dict[str, str]:
        called, moment = f"{row.id}-{row.version}", str(int(self._now()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"health-gateway/{__version__}",
            "webhook-id": called,
            "webhook-timestamp": moment,
        }
        if (secret := self._secret()) is not None:
            signature = hmac.digest(secret, f"{called}.{moment}.".encode() + body, hashlib.sha256)
            headers["webhook-signature"] = f"v1,{base64.b64encode(signature).decode()}"
        if row.proof is not None:
            said = {"n": str(row.n), "key": row.proof.key, "previous": row.proof.previous.hex(), "signature": row.proof.signature.hex()}
            headers |= {f"health-gateway-{name}": value for name, value in said.items()}
        return headers

    def _secret(self) -> bytes | None:
        path = self._settings.secret_file
        if path is None:
            return None
        text = located(path).read_text(encoding="utf-8").strip()
        try:
            return base64.b64decode(text.removeprefix(SECRET), validate=True)
        except binascii.Error as error:
            raise ValueError(f"{path} holds no secret: it is {SECRET} and base64") from error

    def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            sock: socket.socket | None = link.sock
            with suppress(OSError):
                if sock is not None:
                    sock.shutdown(socket.SHUT_RDWR)  # else a thread that reads from it goes on
            with suppress(OSError):
                link.close()


def _sentence(status: int) -> str:
    if 300 <= status < 400:  # noqa: PLR2004 - redirects
        return f"it sends us elsewhere ({status}), where nobody agreed that things go; put the new address into `url`"
    return f"{_SENTENCES.get(status, 'it cannot take anything now')} ({status})"


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server's certificate is not to be trusted: {error.verify_message}; check `url` and `ca_file`"
    if isinstance(error, ssl.SSLError):
        return "the server does not speak TLS here; check `url`"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there; does the server run, and is `url` right?"
    return getattr(error, "strerror", None) or str(error)

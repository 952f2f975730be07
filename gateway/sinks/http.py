"""One server, one request at a time: the standard library's client, in a thread, with a limit to how long anybody may take."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

from gateway import __version__
from gateway.credentials import tls_context
from gateway.sinks.base import Unreachable

T = TypeVar("T")
MOST_OF_AN_ANSWER = 1 << 16
_SENTENCES = {
    404: "there is nothing at this address; check `{url}`",
    405: "nothing takes a POST at this address; check `{url}`",
    410: "the address is given up; check `{url}`",
    429: "it wants us to go slower",
}
_STALE = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)
"""What a server that has closed a connection looks like, meanwhile or on hearing who we are."""


class Said(NamedTuple):
    status: int
    body: bytes
    """As much of it as anybody wants."""

    @property
    def is_well(self) -> bool:
        return 200 <= self.status < 300  # noqa: PLR2004 - what went well


class Server:
    """`url_key`: what its address is called in the configuration, for sentences. Redirects are not followed: things go to the address that
    was agreed on. `most`: octets of an answer that are read.
    """

    def __init__(
        self,
        url: str,
        *,
        seconds: float,
        url_key: str = "url",
        ca: Path | None = None,
        certificate: Path | None = None,
        key: Path | None = None,
        most: int = MOST_OF_AN_ANSWER,
    ) -> None:
        self._seconds, self._url_key, self._most = seconds, url_key, most
        self._ca, self._certificate, self._key = ca, certificate, key
        parts = urlsplit(url)
        self._is_tls, self._host, self._port = parts.scheme == "https", str(parts.hostname), parts.port
        self.target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._link: http.client.HTTPConnection | None = None

    async def within(self, do: Callable[[], T]) -> T:
        """In a thread. Who dribbles an answer, octet by octet, does not hold us up for longer than twice who gives none.

        Raises `Unreachable` for whatever goes wrong on the way, and for files of the configuration (`ValueError`, `OSError`).
        """
        try:
            async with asyncio.timeout(2 * self._seconds):
                return await asyncio.to_thread(do)
        except TimeoutError as error:
            self.drop()
            raise Unreachable(f"no answer; check the network and `{self._url_key}`") from error
        except (*_STALE, ssl.SSLEOFError) as error:
            self.drop()
            more = "; it may want another certificate of ours" if self._is_tls else ""
            raise Unreachable(f"it hangs up without an answer{more}; check `{self._url_key}`") from error
        except http.client.HTTPException as error:
            self.drop()
            raise Unreachable(f"it does not speak HTTP here; check `{self._url_key}`") from error
        except (OSError, ValueError) as error:
            self.drop()
            raise Unreachable(self._why(error)) from error

    def sentence(self, status: int, mine: Mapping[int, str] | None = None) -> str:
        """Why this status means "not now". `mine`: sentences of the sink's own."""
        if 300 <= status < 400:  # noqa: PLR2004 - redirects
            return f"it sends us elsewhere ({status}), where nobody agreed that things go; put the new address into `{self._url_key}`"
        said = (mine or {}).get(status) or _SENTENCES.get(status, "it cannot take anything now").format(url=self._url_key)
        return f"{said} ({status})"

    # -- in a thread ---------------------------------------------------------------------------------------------

    def post(self, body: bytes, headers: Mapping[str, str], target: str | None = None) -> Said:
        """A connection that the server has closed meanwhile is made anew. Raises `OSError`, `HTTPException`, `ValueError`."""
        was_open = self._link is not None
        try:
            return self._exchange(body, headers, target or self.target)
        except _STALE:
            self.drop()
            if not was_open:
                raise
            return self._exchange(body, headers, target or self.target)

    def _exchange(self, body: bytes, headers: Mapping[str, str], target: str) -> Said:
        link = self._link or self.connect()
        link.request("POST", target, body, {"User-Agent": f"health-gateway/{__version__}", **headers})
        answer = link.getresponse()
        said = Said(answer.status, answer.read(self._most))
        if not answer.isclosed():
            self.drop()  # there is more of it than anybody wants
        return said

    def connect(self) -> http.client.HTTPConnection:
        """With TLS where there is to be."""
        if self._is_tls:
            context = tls_context(self._ca, self._certificate, self._key)
            link: http.client.HTTPConnection = http.client.HTTPSConnection(self._host, self._port, timeout=self._seconds, context=context)
        else:
            link = http.client.HTTPConnection(self._host, self._port, timeout=self._seconds)
        self._link = link
        link.connect()
        return link

    def drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            sock: socket.socket | None = link.sock
            with suppress(OSError):
                if sock is not None:
                    sock.shutdown(socket.SHUT_RDWR)  # else a thread that reads from it goes on
            with suppress(OSError):
                link.close()

    def _why(self, error: Exception) -> str:
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"the server's certificate is not to be trusted: {error.verify_message}; check `{self._url_key}` and `ca_file`"
        if isinstance(error, ssl.SSLError):
            if "certificate" in str(error).lower() or "alert" in str(error).lower():
                return "the server wants another certificate of ours; check `certificate_file`"
            return f"the server does not speak TLS here; check `{self._url_key}`"
        if isinstance(error, ConnectionRefusedError):
            return f"nothing listens there; does the server run, and is `{self._url_key}` right?"
        return getattr(error, "strerror", None) or str(error)

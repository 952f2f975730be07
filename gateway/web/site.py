"""The page, put together: its API and its files behind the guard, on a port of its own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable
from typing import Any

import h11
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway import __version__
from gateway.api.door import Server
from gateway.api.metrics import TEXT, exposition
from gateway.config import PageSection
from gateway.credentials import located
from gateway.web import files
from gateway.web.endpoints import BASE, TECHNICAL, Call, Endpoint, openapi
from gateway.web.guard import Guard

log = structlog.get_logger()
HEADER_SECONDS = 10.0
MOST_CONNECTIONS = 128


def application(guard: Guard, endpoints: Iterable[Endpoint], works: Callable[[], bool], status: Callable[[], dict[str, Any]]) -> ASGIApp:
    async def get_metrics(_call: Call) -> Response:
        return Response(exposition(status()), media_type=TEXT)

    listed = [
        *endpoints,
        Endpoint("GET", "/metrics", TECHNICAL, get_metrics, "How the gateway is doing, for Prometheus", None, media="text/plain"),
    ]
    described: dict[str, Any] = {}

    async def get_description(_request: Request) -> Response:
        if not described:
            described.update(openapi(listed, __version__))
        return JSONResponse(described)

    async def get_health(_request: Request) -> Response:
        return PlainTextResponse("ok\n") if works() else PlainTextResponse("the journal does not write\n", 503)

    async def get_nothing(_request: Request) -> Response:
        return JSONResponse({"error": "there is no such function; see openapi.json", "code": "not-here"}, 404)

    app = Starlette(
        routes=[
            *(Route(f"{BASE}{one.path}", guard.wrap(one), methods=[one.method]) for one in listed),
            Route(f"{BASE}/openapi.json", get_description),
            Route("/healthz", get_health),
            Route(f"{BASE}/{{path:path}}", get_nothing, methods=["GET", "POST", "PUT", "DELETE"]),
            *files.routes(),
        ]
    )
    return guard.around(app)


class _Protocol(H11Protocol):
    """Whoever does not say within some seconds what they want is let go: uvicorn waits for ever for the rest of a head."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn declares its own
        super().connection_made(transport)
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_head()
        super().connection_lost(exc)

    def _watch_head(self) -> None:
        """Octets that come to nothing are no reason to wait longer."""
        if self.conn.their_state is not h11.IDLE:
            self._forget_head()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEADER_SECONDS, self._too_late)

    def _forget_head(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


def url(section: PageSection) -> str:
    """Where a browser on this machine finds it."""
    host, _, port = section.listen.rpartition(":")
    host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104 - what somebody may have configured
    return f"{'http' if section.certificate_file is None else 'https'}://{host}:{port}/"


async def serve(app: ASGIApp, section: PageSection, at: socket.socket) -> None:
    """Until cancelled. Raises `OSError` for a certificate that cannot be used."""
    config = uvicorn.Config(
        app,
        log_config=None,
        lifespan="off",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        http=_Protocol,
        ws="none",
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=2,
        ssl_certfile=str(located(section.certificate_file)) if section.certificate_file is not None else None,
        ssl_keyfile=str(located(section.key_file)) if section.key_file is not None else None,
    )
    await Server(config).serve(sockets=[at])

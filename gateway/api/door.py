"""The control socket: HTTP on a Unix socket of mode 0660, for the commands of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from gateway.api import functions
from gateway.api.consent import Consent
from gateway.api.pairing import Pairing
from gateway.api.people import People
from gateway.audit import Note
from gateway.exports import FORMATS
from gateway.journal import Journal

CHUNK_LINES = 200


def application(
    journal: Journal,
    *,
    status: Callable[[], dict[str, Any]],
    why: Callable[[str], list[dict[str, Any]] | None],
    release_time: Callable[[], Awaitable[int]],
    retry: Callable[[str | None], list[str]],
    pairing: Pairing,
    people: People,
    consent: Consent,
    note: Note,
    more: Iterable[Route] = (),
) -> Starlette:
    async def get_status(_request: Request) -> Response:
        return JSONResponse(status())

    async def get_rejected(_request: Request) -> Response:
        note("rejected frames shown")
        return JSONResponse([functions.rejection(item) for item in journal.rejected()])

    async def get_why(request: Request) -> Response:
        found = why(request.path_params["address"].upper())
        return JSONResponse(found) if found is not None else JSONResponse({"error": "not seen since the start"}, 404)

    async def get_export(request: Request) -> Response:
        kind, since = request.query_params.get("format", "ndjson"), request.query_params.get("since")
        if kind not in (*FORMATS, "signed"):
            return JSONResponse({"error": f"unknown format {kind!r}"}, 400)
        note("exported", format=kind, since=since)
        return StreamingResponse(
            _in_thread(functions.export(journal.path, kind, since, journal.keys)), media_type="application/octet-stream"
        )

    async def post_release_time(_request: Request) -> Response:
        return JSONResponse({"released": await release_time()})

    async def post_retry(request: Request) -> Response:
        name = request.query_params.get("sink")
        tried = retry(name)
        note("retried", sinks=tried)
        return JSONResponse({"sinks": tried}) if tried else JSONResponse({"error": f"there is no sink {name!r}"}, 404)

    async def post_backed_up(_request: Request) -> Response:
        note("backed up")
        return JSONResponse({})

    return Starlette(
        routes=[
            Route("/status", get_status),
            Route("/rejected", get_rejected),
            Route("/export", get_export),
            Route("/why/{address}", get_why),
            Route("/release-time", post_release_time, methods=["POST"]),
            Route("/retry", post_retry, methods=["POST"]),
            Route("/backed-up", post_backed_up, methods=["POST"]),
            *pairing.routes(),
            *people.routes(),
            *consent.routes(),
            *more,
        ]
    )


async def _in_thread(lines: Iterator[str]) -> AsyncIterator[bytes]:
    """Pull from a blocking generator without holding up the loop, some lines at a time."""

    def some() -> bytes:
        return "".join(line for _, line in zip(range(CHUNK_LINES), lines, strict=False)).encode("utf-8", "surrogateescape")

    while chunk := await asyncio.to_thread(some):
        yield chunk


def tcp(listen: str) -> socket.socket:
    """Bound to `address:port`. Raises `OSError` or `OverflowError`.

    Named as TCP, which `socket.create_server` leaves to the system: asyncio switches Nagle's algorithm off for those that are, and an
    answer in two parts else waits 40 ms for the other side's acknowledgement.
    """
    host, _, port = listen.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host.strip("[]"), int(port)))
        made.listen()
    except BaseException:
        made.close()
        raise
    return made


class Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The daemon has its own handlers."""
        yield

    async def main_loop(self) -> None:
        """Until cancelled. Uvicorn's own wakes ten times a second, for a Date header and for what we do not use."""
        await asyncio.Event().wait()


def _bind(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    previous = os.umask(0o117)
    try:
        door.bind(str(path))
    finally:
        os.umask(previous)
    return door


def _unlink(path: Path) -> None:
    path.unlink(missing_ok=True)


async def serve(app: Starlette, path: Path) -> None:
    """Until cancelled."""
    server = Server(uvicorn.Config(app, log_config=None, lifespan="off", access_log=False, date_header=False, timeout_graceful_shutdown=2))
    door = _bind(path)
    try:
        await server.serve(sockets=[door])
    finally:
        door.close()
        _unlink(path)

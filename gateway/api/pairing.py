"""Pairing through the control socket: what a terminal asks for, and what the page will."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from gateway.errors import AdapterError
from gateway.pairing import Desk, NotAsked

STILL_SECONDS = 10.0
"""A line at least so often, so that the other side knows that we are there."""


class Pairing:
    """`pair` returns what stands in the way, if anything; `forget` whether there was anything, or raises `AdapterError`."""

    def __init__(self, desk: Desk, pair: Callable[[str], str | None], forget: Callable[[str], Awaitable[bool]]) -> None:
        self._desk, self._pair, self._forget = desk, pair, forget

    def routes(self) -> list[Route]:
        return [
            Route("/pairing", self.get_questions),
            Route("/pair/{address}", self.post_pair, methods=["POST"]),
            Route("/pair/{address}/answer", self.post_answer, methods=["POST"]),
            Route("/forget/{address}", self.post_forget, methods=["POST"]),
        ]

    async def get_questions(self, _request: Request) -> Response:
        return JSONResponse(self._desk.questions())

    async def post_pair(self, request: Request) -> Response:
        """A line of JSON for everything that happens, until the other side hangs up."""
        address = _address(request)
        news = self._desk.follow(address)
        problem = self._pair(address)
        if problem is not None:
            return JSONResponse({"error": problem}, 409)
        return StreamingResponse(self._lines(news), media_type="application/x-ndjson")

    async def post_answer(self, request: Request) -> Response:
        try:
            self._desk.answer(_address(request), request.query_params.get("text", ""))
        except NotAsked:
            return JSONResponse({"error": "it asks nothing now: it was too late, or it has gone"}, 409)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"answered": True})

    async def post_forget(self, request: Request) -> Response:
        try:
            return JSONResponse({"forgotten": await self._forget(_address(request))})
        except AdapterError as error:
            return JSONResponse({"error": str(error)}, 503)

    @staticmethod
    async def _lines(news: asyncio.Queue[dict[str, Any]]) -> AsyncIterator[bytes]:
        while True:
            try:
                async with asyncio.timeout(STILL_SECONDS):
                    event = await news.get()
            except TimeoutError:
                event = {"event": "still"}
            yield json.dumps(event).encode() + b"\n"


def _address(request: Request) -> str:
    return str(request.path_params["address"]).upper()

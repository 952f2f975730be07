"""Whose readings are, through the control socket: the inbox, and the owner's word."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway import inbox
from gateway.audit import Note
from gateway.errors import JournalError
from gateway.journal import Committed, Journal

MOST_NAMED = 100
"""So many new versions are named by their number in the audit log; of more, how many they are."""


class People:
    """`known`: the persons of the configuration. `committed` is told what is new."""

    def __init__(
        self,
        journal: Journal,
        known: Callable[[], Collection[str]],
        committed: Callable[[list[Committed]], None],
        note: Note,
        keep: inbox.Keep | None = None,
    ) -> None:
        """`keep`: puts what the owner says where it outlives the journal."""
        self._keep = keep
        self._journal, self._known, self._committed, self._note = journal, known, committed, note

    def routes(self) -> list[Route]:
        return [
            Route("/inbox", self.get_entries),
            Route("/inbox/assign", self.post_assign, methods=["POST"]),
            Route("/inbox/discard", self.post_discard, methods=["POST"]),
        ]

    async def get_entries(self, request: Request) -> Response:
        self._note("readings shown", person=request.query_params.get("person"))
        return JSONResponse([entry.told() for entry in await self._entries(request)])

    async def post_assign(self, request: Request) -> Response:
        person = request.query_params.get("to", "")
        if person and person not in self._known():
            return JSONResponse({"error": f"no [[person]] has the id {person!r}; there are: {', '.join(self._known()) or 'none'}"}, 404)
        return await self._decide(
            request, lambda numbers: inbox.assign(self._journal, numbers, person or None, self._keep), "assigned", to=person or None
        )

    async def post_discard(self, request: Request) -> Response:
        return await self._decide(request, lambda numbers: inbox.retract(self._journal, numbers, self._keep), "retracted")

    async def _entries(self, request: Request) -> list[inbox.Entry]:
        asked = request.query_params

        def found() -> list[inbox.Entry]:
            return inbox.entries(self._journal.latest(), person=asked.get("person"), address=asked.get("address"), since=asked.get("since"))

        return await asyncio.to_thread(found)

    async def _decide(
        self, request: Request, decide: Callable[[Sequence[int]], Awaitable[list[Committed]]], what: str, **said: Any
    ) -> Response:
        """About the `numbers` that are named, or about `all` that a list with the same filter shows."""
        asked = request.query_params
        if asked.get("all"):
            numbers = [entry.number for entry in await self._entries(request)]
        else:
            numbers = [int(one) for one in asked.get("numbers", "").split(",") if one.isdecimal()]
        try:
            new = await decide(numbers)
        except inbox.NoSuchEntry as error:
            return JSONResponse({"error": f"{error}; nothing was changed"}, 404)
        except (JournalError, OSError) as error:
            return JSONResponse({"error": getattr(error, "strerror", None) or str(error)}, 503)
        self._committed(new)
        self._note(what, **said, things=[item.n for item in new][:MOST_NAMED], count=len(new))
        return JSONResponse({"things": len(new)})

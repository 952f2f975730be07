"""Whose readings are, through the control socket: the inbox, and the owner's word."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway import inbox
from gateway.api.refusing import Refused, told
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
            Route("/inbox/assign", told(self.post_assign), methods=["POST"]),
            Route("/inbox/discard", told(self.post_discard), methods=["POST"]),
        ]

    async def get_entries(self, request: Request) -> Response:
        self._note("readings shown", person=request.query_params.get("person"))
        return JSONResponse([entry.told() for entry in await self._entries(request)])

    async def post_assign(self, request: Request) -> Response:
        person = request.query_params.get("to", "")
        self.check(person or None)
        return JSONResponse({"things": await self.assign(await self._named(request), person or None)})

    async def post_discard(self, request: Request) -> Response:
        return JSONResponse({"things": await self.discard(await self._named(request))})

    # -- for every door ------------------------------------------------------------------------------------------

    def check(self, person: str | None) -> None:
        """Raises `Refused` if there is nobody of this name."""
        if person is not None and person not in self._known():
            raise Refused(404, f"no [[person]] has the id {person!r}; there are: {', '.join(self._known()) or 'none'}")

    async def assign(self, numbers: Sequence[int], person: str | None, **by: Any) -> int:
        """To this person, or to nobody; how many things that were. `by`: for the audit log. Raises `Refused`."""
        self.check(person)
        return await self._decide(inbox.assign(self._journal, numbers, person, self._keep), "assigned", to=person, **by)

    async def discard(self, numbers: Sequence[int], **by: Any) -> int:
        """They do not count any more. Raises `Refused`."""
        return await self._decide(inbox.retract(self._journal, numbers, self._keep), "retracted", **by)

    async def _entries(self, request: Request) -> list[inbox.Entry]:
        asked = request.query_params

        def found() -> list[inbox.Entry]:
            return inbox.entries(self._journal.latest(), person=asked.get("person"), address=asked.get("address"), since=asked.get("since"))

        return await asyncio.to_thread(found)

    async def _named(self, request: Request) -> list[int]:
        """The `numbers` that are named, or `all` that a list with the same filter shows."""
        asked = request.query_params
        if asked.get("all"):
            return [entry.number for entry in await self._entries(request)]
        return [int(one) for one in asked.get("numbers", "").split(",") if one.isdecimal()]

    async def _decide(self, deciding: Awaitable[list[Committed]], what: str, **said: Any) -> int:
        try:
            new = await deciding
        except inbox.NoSuchEntry as error:
            raise Refused(404, f"{error}; nothing was changed") from error
        except (JournalError, OSError) as error:
            raise Refused(503, getattr(error, "strerror", None) or str(error)) from error
        self._committed(new)
        self._note(what, **said, things=[item.n for item in new][:MOST_NAMED], count=len(new))
        return len(new)

"""Grants through the control socket."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.api.refusing import Refused, told
from gateway.audit import Note
from gateway.config import Config
from gateway.consent import Consents, Grant
from gateway.normalize.things import BY_NAME


class Consent:
    """`config`: as it stands. `changed` is told when what may go has changed."""

    def __init__(self, consents: Consents, config: Callable[[], Config], changed: Callable[[], object], note: Note) -> None:
        self._consents, self._config, self._changed, self._note = consents, config, changed, note

    def routes(self) -> list[Route]:
        return [
            Route("/consent", self.get_grants),
            Route("/consent/grant", told(self.post_grant), methods=["POST"]),
            Route("/consent/revoke", told(self.post_revoke), methods=["POST"]),
        ]

    async def get_grants(self, _request: Request) -> Response:
        return JSONResponse(self.standing())

    async def post_grant(self, request: Request) -> Response:
        asked = request.query_params
        types = tuple(one for one in asked.get("types", "").split(",") if one)
        given = await self.grant(
            *(asked.get("person", ""), asked.get("sink", ""), types, asked.get("since"), asked.get("until"), asked.get("why", ""))
        )
        return JSONResponse(given)

    async def post_revoke(self, request: Request) -> Response:
        ended = await self.revoke(request.query_params.get("person", ""), request.query_params.get("sink", ""))
        return JSONResponse({"revoked": ended})

    # -- for every door ------------------------------------------------------------------------------------------

    def standing(self) -> list[dict[str, object]]:
        return self._consents.told()

    def asking(self) -> list[str]:
        """The sinks that ask for consent."""
        return [name for name, section in self._config().sink.items() if section.consent == "required"]

    async def grant(
        self, person: str, sink: str, types: tuple[str, ...], since: str | None, until: str | None, why: str, **by: Any
    ) -> dict[str, object]:
        """`since` and `until` are ISO dates; `by`: for the audit log. What was granted. Raises `Refused`."""
        try:
            first, last = (datetime.fromisoformat(one).timestamp() if one else None for one in (since, until))
        except (ValueError, OverflowError) as error:
            raise Refused(400, "since and until are dates, such as 2026-03-14") from error
        problem = self._problem(person, sink, types)
        if problem is None and first is not None and last is not None and first >= last:
            problem = "until is not after since"
        if problem is not None:
            raise Refused(400, problem)
        grant = Grant(person, sink, types, first, last, why)
        try:
            await self._consents.grant(grant)
        except OSError as error:
            raise Refused(503, f"it could not be written down: {error.strerror}; nothing was granted") from error
        self._note("granted", **grant.told(), **by)
        self._changed()
        return grant.told()

    async def revoke(self, person: str, sink: str, **by: Any) -> int:
        """How many grants have ended. Raises `Refused`."""
        try:
            ended = await self._consents.revoke(person, sink)
        except OSError as error:
            raise Refused(503, f"it could not be written down: {error.strerror}; the grant still stands") from error
        self._note("revoked", person=person, sink=sink, grants=ended, **by)
        self._changed()
        if not ended:
            raise Refused(404, f"{person} has granted nothing to {sink}")
        return ended

    def _problem(self, person: str, sink: str, types: tuple[str, ...]) -> str | None:
        persons = [one.id for one in self._config().person]
        if person not in persons:
            return f"no [[person]] has the id {person!r}; there are: {', '.join(persons) or 'none'}"
        asking = self.asking()
        if sink not in asking:
            return f'no sink {sink!r} asks for consent (consent = "required"); there are: {", ".join(asking) or "none"}'
        unknown = sorted(set(types) - BY_NAME.keys())
        return f"there is no thing-type {unknown[0]!r}; there are: {', '.join(sorted(BY_NAME))}" if unknown else None

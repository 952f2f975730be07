"""Grants through the control socket."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

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
            Route("/consent/grant", self.post_grant, methods=["POST"]),
            Route("/consent/revoke", self.post_revoke, methods=["POST"]),
        ]

    async def get_grants(self, _request: Request) -> Response:
        return JSONResponse(self._consents.told())

    async def post_grant(self, request: Request) -> Response:
        asked = request.query_params
        types = tuple(one for one in asked.get("types", "").split(",") if one)
        try:
            since, until = (datetime.fromisoformat(asked[name]).timestamp() if name in asked else None for name in ("since", "until"))
        except ValueError:
            return JSONResponse({"error": "since and until are dates, such as 2026-03-14"}, 400)
        problem = self._problem(asked.get("person", ""), asked.get("sink", ""), types)
        if problem is None and since is not None and until is not None and since >= until:
            problem = "until is not after since"
        if problem is not None:
            return JSONResponse({"error": problem}, 400)
        grant = Grant(asked["person"], asked["sink"], types, since, until, asked.get("why", ""))
        try:
            await self._consents.grant(grant)
        except OSError as error:
            return JSONResponse({"error": f"it could not be written down: {error.strerror}; nothing was granted"}, 503)
        self._note("granted", **grant.told())
        self._changed()
        return JSONResponse(grant.told())

    async def post_revoke(self, request: Request) -> Response:
        person, sink = request.query_params.get("person", ""), request.query_params.get("sink", "")
        try:
            ended = await self._consents.revoke(person, sink)
        except OSError as error:
            return JSONResponse({"error": f"it could not be written down: {error.strerror}; the grant still stands"}, 503)
        self._note("revoked", person=person, sink=sink, grants=ended)
        self._changed()
        return JSONResponse({"revoked": ended}) if ended else JSONResponse({"error": f"{person} has granted nothing to {sink}"}, 404)

    def _problem(self, person: str, sink: str, types: tuple[str, ...]) -> str | None:
        config = self._config()
        persons = [one.id for one in config.person]
        if person not in persons:
            return f"no [[person]] has the id {person!r}; there are: {', '.join(persons) or 'none'}"
        asking = [name for name, section in config.sink.items() if section.consent == "required"]
        if sink not in asking:
            return f'no sink {sink!r} asks for consent (consent = "required"); there are: {", ".join(asking) or "none"}'
        unknown = sorted(set(types) - BY_NAME.keys())
        return f"there is no thing-type {unknown[0]!r}; there are: {', '.join(sorted(BY_NAME))}" if unknown else None

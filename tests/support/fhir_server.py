"""A FHIR server as far as a gateway can tell: transactions, all or nothing, with conditional creates and updates, that hold what comes
against R4's definitions and the guide's rules; and a place that gives tokens for it. It takes what a record needs and nothing else.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from fhir.resources.R4B import get_fhir_model_class
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.certificates import Pair
from tests.support.fhir_rules import problems
from tests.support.web import listening

Stored = dict[str, Any]


class Conflict(Exception):
    """`status`, and an issue's code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


@dataclass
class FhirServer:
    """`answers`: statuses, or bodies of a 200, in turn, before anything is looked at. `lose`: take the next one, and say nothing.
    `refuses`: whether a resource is refused.
    """

    answers: list[int | str] = field(default_factory=list)
    refuses: Callable[[Stored], bool] = lambda _resource: False
    lose: bool = False
    secret: str | None = None
    """Of the client `hub`; then tokens are wanted."""
    stored: dict[str, Stored] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)
    scopes: list[str | None] = field(default_factory=list)
    transactions: int = 0
    port: int = 0

    def of(self, kind: str) -> list[Stored]:
        return [one for one in self.stored.values() if one["resourceType"] == kind]

    def observations(self) -> list[Stored]:
        """Without those of clocks."""
        return [one for one in self.of("Observation") if "CoincidentTimeStamp" not in str(one["meta"])]

    # -- what it does --------------------------------------------------------------------------------------------

    def take(self, bundle: Stored) -> list[str]:
        """The statuses of its entries. Raises `Conflict`, and has taken nothing then."""
        get_fhir_model_class("Bundle").model_validate(bundle)
        if found := problems(bundle):
            raise Conflict(422, "invariant" if found else "")
        before, names = dict(self.stored), dict[str, str]()
        try:
            statuses = [self._entry(entry, names) for entry in bundle["entry"]]
        except Conflict:
            self.stored = before
            raise
        text = json.dumps(self.stored)
        for name, reference in names.items():
            text = text.replace(name, reference)
        self.stored = json.loads(text)
        self.transactions += 1
        return statuses

    def _entry(self, entry: Stored, names: dict[str, str]) -> str:
        resource, request = entry["resource"], entry["request"]
        if self.refuses(resource):
            raise Conflict(422, "business-rule")
        kind = resource["resourceType"]
        query = request.get("ifNoneExist") or request["url"].partition("?")[2]
        matches = self._found(kind, query) if query else []
        if len(matches) > 1:
            raise Conflict(412, "multiple-matches")
        if matches and request["method"] == "POST":
            names[entry["fullUrl"]] = matches[0]
            return "200 OK"
        reference = matches[0] if matches else f"{kind}/{len(self.stored) + 1}"
        names[entry["fullUrl"]] = reference
        self.stored[reference] = resource
        return "200 OK" if matches else "201 Created"

    def _found(self, kind: str, query: str) -> list[str]:
        """As a URL is read: a plus is a blank, and what is between ampersands must all hold."""
        wanted = [unquote(part.replace("+", " ")).removeprefix("identifier=").split("|", 1) for part in query.split("&")]
        return [
            reference
            for reference, one in self.stored.items()
            if one["resourceType"] == kind
            and all([system, value] in [[name["system"], name["value"]] for name in one.get("identifier", ())] for system, value in wanted)
        ]

    # -- HTTP ----------------------------------------------------------------------------------------------------

    async def root(self, request: Request) -> Response:
        body = await request.body()
        if self.secret is not None and request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return JSONResponse({}, 401)
        if self.answers:
            answer = self.answers.pop(0)
            return Response(answer) if isinstance(answer, str) else JSONResponse({}, answer)
        assert request.headers["content-type"] == "application/fhir+json"
        try:
            statuses = self.take(json.loads(body))
        except Conflict as error:
            issue = {"severity": "error", "code": error.code, "diagnostics": body.decode()[:500]}
            return JSONResponse({"resourceType": "OperationOutcome", "issue": [issue]}, error.status)
        if self.lose:
            self.lose = False
            await asyncio.sleep(5)
        entries = [{"response": {"status": status}} for status in statuses]
        return JSONResponse({"resourceType": "Bundle", "type": "transaction-response", "entry": entries})

    async def token(self, request: Request) -> Response:
        form = parse_qs((await request.body()).decode())
        who = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        if who != f"hub:{self.secret}" or form["grant_type"] != ["client_credentials"]:
            return JSONResponse({"error": "invalid_client"}, 401)
        self.scopes.append(form.get("scope", [None])[0])
        self.tokens = [f"token-{len(self.scopes)}"]
        return JSONResponse({"access_token": self.tokens[0], "token_type": "Bearer", "expires_in": 3600})


@asynccontextmanager
async def served(server: FhirServer, pair: Pair | None = None, clients: Path | None = None) -> AsyncIterator[str]:
    """Its base. `clients`: whose certificates a client must have."""
    routes = [Route("/r4", server.root, methods=["POST"]), Route("/token", server.token, methods=["POST"])]
    async with listening(routes, server.port, pair, clients) as url:
        server.port = int(url.rsplit(":", 1)[1])
        yield f"{url}/r4"

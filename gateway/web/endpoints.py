"""What the page's API is made of: a table of endpoints, each with who may call it, and what goes in and comes out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.refusing import Refused
from gateway.web.accounts import Account, Caller, Role

BASE = "/api/v1"
EVERYBODY = frozenset(Role)
OWNER = frozenset({Role.OWNER})
KEEPERS = frozenset({Role.OWNER, Role.MEMBER})
"""Who see health values: the owner everybody's, a member their own."""
TECHNICAL = frozenset({Role.OWNER, Role.TECHNICIAN})


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Done(Model):
    """It was done; there is nothing more to say."""


class Call(NamedTuple):
    """What a handler gets, checked. `asked`: what stands in the query."""

    who: Caller | None
    path: Mapping[str, str]
    asked: Any
    body: Any
    request: Request

    @property
    def caller(self) -> Caller:
        if self.who is None:
            raise Refused(401, "log in first", "log-in")
        return self.who

    @property
    def account(self) -> Account:
        return self.caller.account

    def check_person(self, person: str | None) -> None:
        """Raises `Refused` with what somebody is told of whom there is not: nobody learns who there is."""
        if not may_see(self.account, person):
            raise Refused(404, "there is nobody of this name, or not for you", "not-here")


def may_see(account: Account, person: str | None) -> bool:
    """The values of this person; of nobody (None): what is in the inbox."""
    return account.role is Role.OWNER or (account.role is Role.MEMBER and person is not None and account.person == person)


Handler = Callable[[Call], Awaitable[Any]]


class Endpoint(NamedTuple):
    """`roles`: None for everybody, without an account. `answer`: a model, a list of them, or None if the handler answers by itself."""

    method: str
    path: str
    roles: frozenset[Role] | None
    handler: Handler
    summary: str
    answer: Any = Done
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    media: str = "application/json"

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


def answering(endpoint: Endpoint) -> Callable[[Any], Response]:
    adapter = TypeAdapter(endpoint.answer) if endpoint.answer is not None else None

    def answer(said: Any) -> Response:
        if adapter is None:
            return said if isinstance(said, Response) else Response(status_code=204)
        return Response(adapter.dump_json(said, by_alias=True), media_type="application/json")

    return answer


def openapi(endpoints: Iterable[Endpoint], version: str) -> dict[str, Any]:
    """The description of the API, as OpenAPI 3.1: its schemas are JSON Schemas, which is what the models give."""
    schemas: dict[str, Any] = {}

    def schema(kind: Any, mode: Any) -> dict[str, Any]:
        made = TypeAdapter(kind).json_schema(mode=mode, ref_template="#/components/schemas/{model}")
        schemas.update(made.pop("$defs", {}))
        return made

    paths: dict[str, Any] = {}
    for one in endpoints:
        names = [part[1:-1].partition(":")[0] for part in one.path.split("/") if part.startswith("{")]
        operation: dict[str, Any] = {
            "summary": one.summary,
            "operationId": _operation(one),
            "responses": {
                "200": {"description": "Done", "content": {one.media: {}}},
                "default": {"$ref": "#/components/responses/Refused"},
            },
            "parameters": [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names],
        }
        if one.answer is not None:
            operation["responses"]["200"]["content"][one.media] = {"schema": schema(one.answer, "serialization")}
        if one.query is not None:
            asked = schema(one.query, "validation")
            for name, said in asked["properties"].items():
                needed = name in asked.get("required", ())
                operation["parameters"].append({"name": name, "in": "query", "required": needed, "schema": said})
        if one.body is not None:
            operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema(one.body, "validation")}}}
        if one.roles is None:
            operation["security"] = []
        else:
            operation["description"] = f"For: {', '.join(sorted(one.roles))}."
        paths.setdefault(_plain(one.path), {})[one.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "health-gateway",
            "version": version,
            "description": "The local page's own API. Programs send a token, made under Settings: `Authorization: Bearer hg_…`.",
        },
        "servers": [{"url": BASE}],
        "security": [{"token": []}, {"session": [], "csrf": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {
                "Refused": {
                    "description": "It was not done. `error` says why, `code` is the same for a program, where there is one.",
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "required": ["error"],
                                "properties": {"error": {"type": "string"}, "code": {"type": ["string", "null"]}},
                            }
                        }
                    },
                }
            },
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "session"},
                "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
            },
        },
    }


def _plain(path: str) -> str:
    """Without Starlette's kinds of parameters."""
    return "/".join(f"{part.partition(':')[0]}}}" if part.startswith("{") and ":" in part else part for part in path.split("/"))


def _operation(endpoint: Endpoint) -> str:
    words = [part.strip("{}").partition(":")[0] for part in endpoint.path.split("/") if part]
    return "_".join([endpoint.method.lower(), *words]).replace("-", "_").replace(".", "_")

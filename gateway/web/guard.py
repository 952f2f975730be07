"""What stands before every function of the page: who asks, from where, how often, and whether it is they who mean it."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import math
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import structlog
from pydantic import BaseModel, ValidationError
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.api.refusing import Refused
from gateway.errors import AdapterError, JournalError
from gateway.web.accounts import Accounts, Caller, NotPossible
from gateway.web.endpoints import Call, Endpoint, answering
from gateway.web.limits import Limit

log = structlog.get_logger()
COOKIE = "session"
LARGEST_BODY = 16 << 10
BODY_SECONDS = 10.0
BURST, EVERY_SECONDS = 240, 0.05
"""Of requests by one address."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), usb=()",
}
CHANGING = frozenset({"POST", "PUT", "DELETE"})


def own_names(listen: str, names: Iterable[str]) -> frozenset[str]:
    """By which browsers may call the page. One that is told that another name leads here (DNS rebinding) is not let in."""
    host = listen.rpartition(":")[0].strip("[]")
    here = socket.gethostname().lower()
    return frozenset({"localhost", here, f"{here}.local", host.lower(), *(name.lower() for name in names)})


def is_own(host: str, names: frozenset[str]) -> bool:
    """Numbers are not names: nobody can make them lead elsewhere."""
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    name = name.strip("[]").lower().rstrip(".")
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name in names
    return True


class Guard:
    """A middleware for all, and what wraps each endpoint."""

    def __init__(self, accounts: Accounts, names: frozenset[str], steady: Callable[[], float]) -> None:
        self.accounts, self._names = accounts, names
        self._requests = Limit(BURST, EVERY_SECONDS, steady)

    # -- for everything ------------------------------------------------------------------------------------------

    def around(self, app: ASGIApp) -> ASGIApp:
        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                return
            request = Request(scope)

            async def with_headers(message: Message) -> None:
                if message["type"] == "http.response.start":
                    headers = MutableHeaders(scope=message)
                    for name, value in HEADERS.items():
                        headers.setdefault(name, value)
                    headers.setdefault("Cache-Control", "no-store")
                await send(message)

            refusal = self._refusal(request)
            await (refusal or app)(scope, receive, with_headers)

        return guarded

    def _refusal(self, request: Request) -> Response | None:
        if not is_own(request.headers.get("host", ""), self._names):
            return _refused(421, "this page has another name; add yours to page.names in the configuration", "wrong-name")
        if wait := self._requests.take(_from(request)):
            return _refused(429, "too much at once", "slower", wait)
        return None

    # -- for each endpoint ---------------------------------------------------------------------------------------

    def wrap(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        answer = answering(endpoint)

        async def handle(request: Request) -> Response:
            try:
                who = self._who(request)
                self._check(endpoint, request, who)
                asked = _query(endpoint.query, request)
                body = await _body(endpoint.body, request)
                return answer(await endpoint.handler(Call(who, request.path_params, asked, body, request)))
            except Exception as error:  # noqa: BLE001 - whatever it is, the browser gets an answer and the log the rest
                refused = _refusal(endpoint, error)
                return _refused(refused.status, str(refused), refused.code, refused.wait)

        return handle

    def _who(self, request: Request) -> Caller | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.accounts.bearer(token.strip())
        key = request.cookies.get(COOKIE)
        return self.accounts.whose(key) if key else None

    def _check(self, endpoint: Endpoint, request: Request, who: Caller | None) -> None:
        """Raises `Refused`."""
        if request.method in CHANGING:
            self._check_origin(request)
        if endpoint.roles is None:
            return
        if who is None:
            raise Refused(401, "log in first", "log-in")
        if who.account.role not in endpoint.roles:
            raise Refused(403, f"this is for: {', '.join(sorted(endpoint.roles))}", "not-for-you")
        if request.method in CHANGING and who.token is None and request.headers.get("x-csrf-token") != who.csrf:
            raise Refused(403, "the page is out of date: load it again", "csrf")

    def _check_origin(self, request: Request) -> None:
        """Browsers say from which page a change comes."""
        origin, host = request.headers.get("origin"), request.headers.get("host", "")
        # By name alone: a proxy in front may speak TLS for us.
        is_other = origin is not None and origin.partition("://")[2] != host
        if is_other or request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise Refused(403, "another page may not do this", "other-page")


def _from(request: Request) -> str:
    return request.client.host if request.client is not None else ""


def _refused(status: int, text: str, code: str | None, wait: float = 0.0) -> Response:
    headers = {"Retry-After": str(math.ceil(wait))} if wait else None
    return JSONResponse({"error": text, "code": code}, status, headers)


def _refusal(endpoint: Endpoint, error: Exception) -> Refused:
    """Whatever goes wrong, in words for whoever asked: never a stack trace."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, NotPossible):
        return Refused(409, str(error))
    if isinstance(error, ClientDisconnect):
        return Refused(400, "the browser has gone")
    if isinstance(error, AdapterError):
        return Refused(503, str(error))
    if isinstance(error, JournalError | OSError):
        log.error("the page could not do what was asked", endpoint=endpoint.name, problem=type(error).__name__)
        return Refused(503, f"the disk did not take or give it: {getattr(error, 'strerror', None) or error}", "disk")
    log.error("a function of the page failed", endpoint=endpoint.name, exc_info=error)
    return Refused(500, "something is wrong with this program; the log says what", "failed")


def _query(model: type[BaseModel] | None, request: Request) -> Any:
    if model is None:
        return None
    try:
        return model.model_validate(dict(request.query_params))
    except ValidationError as error:
        raise _problem(error) from error


async def _body(model: type[BaseModel] | None, request: Request) -> Any:
    if model is None:
        return None
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "send application/json", "not-json")
    octets = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                octets += chunk
                if len(octets) > LARGEST_BODY:
                    raise Refused(413, f"that is more than {LARGEST_BODY} octets", "too-large")
    except TimeoutError as error:
        raise Refused(408, f"it did not come within {BODY_SECONDS:.0f} s", "too-slow") from error
    try:
        return model.model_validate(json.loads(octets))
    except ValidationError as error:
        raise _problem(error) from error
    except (ValueError, RecursionError) as error:
        raise Refused(400, "that is no JSON", "not-json") from error


def _problem(error: ValidationError) -> Refused:
    """The first, with the name of its field and never with what stood there."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    return Refused(400, f"{'.'.join(str(part) for part in first['loc']) or 'it'}: {first['msg'].removeprefix('Value error, ')}", "field")

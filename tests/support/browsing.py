"""A household with a gateway and its page, and what a browser or a program would ask of it."""

from __future__ import annotations

import asyncio
import http.client
import json
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.app import Gateway
from gateway.config import Config
from gateway.registry import load
from gateway.sinks.base import Sink
from gateway.sinks.file import FileSink
from tests.support.fakes import FakeClock, FakeRadio, until
from tests.support.loopback import free_port

REGISTRY = load()
PASSWORD = "correct horse battery"


@dataclass
class Browser:
    """With its cookie, or with a token. `host`: what it says in its Host line."""

    port: int
    cookie: str | None = None
    csrf: str | None = None
    token: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    source: str = "127.0.0.1"
    """The address that it has itself."""
    seen: Mapping[str, str] = field(default_factory=dict)
    """The headers of the last answer."""

    def _ask(self, method: str, path: str, body: Any) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20, source_address=(self.source, 0))
        headers = {"Connection": "close"}
        if self.cookie:
            headers["Cookie"] = f"session={self.cookie}"
        if self.csrf:
            headers["X-CSRF-Token"] = self.csrf
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        octets = None
        if isinstance(body, bytes):
            octets = body
        elif body is not None:
            octets, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        try:
            connection.request(method, path, octets, headers | self.headers)
            response = connection.getresponse()
            said = response.read()
            self.seen = {name.lower(): value for name, value in response.getheaders()}
        finally:
            connection.close()
        if (set_cookie := self.seen.get("set-cookie")) is not None:
            self.cookie = set_cookie.partition("=")[2].partition(";")[0].strip('"') or None
        return response.status, said

    async def raw(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        return await asyncio.to_thread(self._ask, method, path, body)

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Of the API."""
        status, said = await self.raw(method, f"/api/v1{path}", body)
        return status, json.loads(said)

    async def get(self, path: str) -> Any:
        status, said = await self.ask("GET", path)
        assert status == 200, (path, status, said)
        return said

    async def do(self, method: str, path: str, body: Any = None) -> Any:
        status, said = await self.ask(method, path, body)
        assert status == 200, (path, status, said)
        return said

    async def enter(self, path: str, body: Any) -> tuple[int, Any]:
        """Log in, or choose a password."""
        status, said = await self.ask("POST", path, body)
        if status == 200:
            self.csrf = said["me"]["csrf"]
        return status, said


@dataclass
class Household:
    gateway: Gateway
    port: int
    state: Path

    def browser(self) -> Browser:
        return Browser(self.port)

    @property
    def page(self) -> Any:
        return self.gateway.page

    async def owner(self, name: str = "Carla") -> Browser:
        """The first account."""
        browser = self.browser()
        status, said = await browser.enter("/welcome", {"code": self.page.accounts.first_code(), "name": name, "password": PASSWORD})
        assert status == 200, said
        return browser

    async def somebody(self, owner: Browser, name: str, role: str, person: str | None = None) -> Browser:
        code = (await owner.do("POST", "/accounts", {"name": name, "role": role, "person": person}))["code"]
        browser = self.browser()
        status, said = await browser.enter("/welcome", {"code": code, "password": PASSWORD})
        assert status == 200, said
        return browser

    async def read(self) -> None:
        """Until the page has read all of the journal."""
        await until(lambda: self.page._following._at == self.gateway.journal.head() and self.page._following.progress == 1.0)

    async def audit(self) -> list[dict[str, Any]]:
        await self.gateway._audit.settle()
        return [json.loads(body) for _, body in self.gateway.journal.audit(None, 1000)][::-1]


@asynccontextmanager
async def household(
    place: Path,
    lived_in: Path | None = None,
    *,
    sinks: Mapping[str, Sink] | None = None,
    clock: FakeClock | None = None,
    change: Callable[[dict[str, Any]], None] = lambda _config: None,
) -> AsyncIterator[Household]:
    """Anna and Ben live there, and a gateway with a page of its own runs."""
    state = place / "state"
    if lived_in is not None and not state.exists():
        shutil.copytree(lived_in, state)
    told: dict[str, Any] = {
        "gateway": {"state": str(state)},
        "bluetooth": {"accept": "any"},
        "disk": {"reserve_mb": 1},
        "person": [{"id": "anna"}, {"id": "ben"}],
        "page": {"listen": f"127.0.0.1:{free_port()}"},
    }
    change(told)
    port = int(told["page"]["listen"].rpartition(":")[2])
    if sinks is None and "sink" not in told:
        sinks = {"file": FileSink(state / "things.ndjson")}
    gateway = Gateway(Config.model_validate(told), REGISTRY, FakeRadio(), clock or FakeClock(), sinks=sinks)
    running = asyncio.create_task(gateway.run())
    made = Household(gateway, port, state)
    try:
        await until(lambda: gateway.ready.is_set() or running.done())
        if running.done():
            running.result()
        await until(lambda: made.page.problem is not None or (made.page.is_open and _answers(port)))
        if made.page.problem is None:
            await made.read()
        yield made
    finally:
        gateway.stop()
        await running


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False

"""What has changed, told to open pages as it happens: names of topics only, so that a slow page misses nothing and costs nothing.

Source of the format: WHATWG HTML, server-sent events.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable

from starlette.responses import StreamingResponse

from gateway.api.refusing import Refused
from gateway.web.accounts import Accounts, Caller, Role
from gateway.web.endpoints import EVERYBODY, Call, Endpoint

STILL_SECONDS = 20.0
PACE_SECONDS = 0.25
"""However much happens, a page hears of it so often."""
MOST_PAGES = 64
TECHNICAL = frozenset({"devices", "delivery", "log", "pairing", "rejected"})


class Live:
    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._pages: set[_Page] = set()
        self._closed = False

    def changed(self, topic: str, persons: Iterable[str | None] | None = None) -> None:
        """`persons`: whose it is about, for a topic that is about people."""
        whose = None if persons is None else set(persons)
        for page in self._pages:
            page.hear(topic, whose)

    def close(self) -> None:
        """The daemon stops: pages are let go, and come again."""
        self._closed = True
        for page in self._pages:
            page.news.set()

    def endpoints(self) -> list[Endpoint]:
        summary = "What changes, as server-sent events with the names of topics"
        return [Endpoint("GET", "/events", EVERYBODY, self.events, summary, None, media="text/event-stream")]

    async def events(self, call: Call) -> StreamingResponse:
        if len(self._pages) >= MOST_PAGES:
            raise Refused(503, "too many pages are open", "too-many", STILL_SECONDS)
        page = _Page(call.caller)
        self._pages.add(page)
        told = self._told(page, self._is_let_in(call.caller))
        return StreamingResponse(told, headers={"Connection": "close"}, media_type="text/event-stream")

    def _is_let_in(self, caller: Caller) -> Callable[[], bool]:
        return lambda: self._accounts.still(caller)

    async def _told(self, page: _Page, is_let_in: Callable[[], bool]) -> AsyncIterator[bytes]:
        try:
            yield b"retry: 2000\n\n"
            while not self._closed:
                try:
                    async with asyncio.timeout(STILL_SECONDS):
                        await page.news.wait()
                except TimeoutError:
                    yield b": still here\n\n"
                if not is_let_in():
                    yield b"event: over\ndata: {}\n\n"
                    return
                if topics := page.taken():
                    yield f"event: changed\ndata: {json.dumps(sorted(topics))}\n\n".encode()
                    await asyncio.sleep(PACE_SECONDS)
        finally:
            self._pages.discard(page)


class _Page:
    __slots__ = ("_caller", "_topics", "news")

    def __init__(self, caller: Caller) -> None:
        self._caller, self._topics = caller, set[str]()
        self.news = asyncio.Event()

    def hear(self, topic: str, persons: set[str | None] | None) -> None:
        account = self._caller.account
        if account.role is Role.MEMBER and (persons is None or account.person not in persons) and topic != "devices":
            return
        if account.role is Role.TECHNICIAN and topic not in TECHNICAL:
            return
        self._topics.add(topic)
        self.news.set()

    def taken(self) -> set[str]:
        topics, self._topics = self._topics, set()
        self.news.clear()
        return topics

"""The page in the daemon: what it is made of, and what the rest of the daemon tells it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.api.consent import Consent
from gateway.api.door import tcp
from gateway.api.people import People
from gateway.audit import Note
from gateway.clock import Clock
from gateway.config import Config
from gateway.errors import JournalError
from gateway.journal import Journal
from gateway.known import Known
from gateway.lately import Lately
from gateway.pairing import Desk
from gateway.registry import Registry
from gateway.web.accounts import FILE, Accounts, NotPossible
from gateway.web.delivery import DeliveryApi
from gateway.web.devices import DevicesApi
from gateway.web.following import Following
from gateway.web.guard import Guard, own_names
from gateway.web.live import Live
from gateway.web.people import PeopleApi
from gateway.web.points import Points
from gateway.web.records import RecordsApi
from gateway.web.sessions import SessionsApi
from gateway.web.site import application, serve, url

log = structlog.get_logger()
OFF = "off"


class Page:
    """`config`: as it stands. The functions are the daemon's; `note` enters into the audit log."""

    def __init__(
        self,
        config: Callable[[], Config],
        journal: Journal,
        registry: Registry,
        desk: Desk,
        clock: Clock,
        lately: Lately,
        words: People,
        consent: Consent,
        *,
        status: Callable[[], dict[str, Any]],
        works: Callable[[], bool],
        met: Callable[[], Mapping[str, Known]],
        pair: Callable[[str], str | None],
        forget: Callable[[str], Awaitable[bool]],
        retry: Callable[[str | None], list[str]],
        release_time: Callable[[], Awaitable[int]],
        note: Note,
        simulated: bool = False,
    ) -> None:
        self._section, self._lately = config().page, lately
        self.accounts = Accounts(config().state / FILE, clock.now)
        is_https = self._section.certificate_file is not None
        names = own_names(self._section.listen, self._section.names)
        guard = Guard(self.accounts, names, clock.boottime)
        self._live = Live(self.accounts)
        points = Points()
        self._following = Following(journal, points, self._moved)

        def persons() -> list[str]:
            return [one.id for one in config().person]

        sessions = SessionsApi(self.accounts, persons, clock.boottime, note, is_https=is_https, simulated=simulated)
        people = PeopleApi(journal, points, self._following, words, persons, note)
        self._devices = DevicesApi(
            journal, registry, desk, config, status=status, met=met, pair=pair, forget=forget, changed=self._live.changed, note=note
        )
        delivery = DeliveryApi(journal, consent, status=status, retry=retry, release_time=release_time, persons=persons, note=note)
        records = RecordsApi(journal, lately, note)
        parts = (sessions, people, self._devices, delivery, records, self._live)
        self._app = application(guard, [one for part in parts for one in part.endpoints()], works, status)
        self.problem: str | None = None
        self.is_open = False
        self._note = note

    # -- what it hears of the daemon -----------------------------------------------------------------------------

    def committed(self) -> None:
        self._following.wake()

    def thinned(self) -> None:
        self._following.begin_anew()

    def changed(self, topic: str) -> None:
        self._live.changed(topic)

    def _moved(self, persons: set[str | None]) -> None:
        if persons - {None} or not persons:
            self._live.changed("people", persons)
        if None in persons:
            self._live.changed("inbox")

    def close(self) -> None:
        """Open pages are let go, so that nobody is waited for."""
        self._live.close()

    # -- its own life --------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled. An address that is taken or a certificate that does not fit is told, and the gateway does without."""
        if self._section.listen == OFF:
            return
        try:
            at = tcp(self._section.listen)
        except (OSError, OverflowError) as error:
            self._cannot(getattr(error, "strerror", None) or str(error))
            return
        self.is_open = True
        loop = asyncio.get_running_loop()

        def said() -> None:
            with suppress(RuntimeError):  # a line from another thread, after the end
                loop.call_soon_threadsafe(self._live.changed, "log")

        following = loop.create_task(self._following.run(), name="page")
        self._welcome()
        self._lately.news = said
        try:
            await serve(self._app, self._section, at)
        except OSError as error:
            self._cannot(f"{self._section.certificate_file}: {getattr(error, 'strerror', None) or error}")
        finally:
            self._lately.news = lambda: None
            at.close()
            following.cancel()
            self._devices.close()

    def _cannot(self, why: str) -> None:
        self.problem = f"the page cannot be served at {self._section.listen}: {why}"
        log.error("the page cannot be served", listen=self._section.listen, problem=why)

    def _welcome(self) -> None:
        code = self.accounts.first_code()
        if code is not None:
            log.warning("the page waits for its first account", page=url(self._section), code=code)

    # -- the control socket's side -------------------------------------------------------------------------------

    def routes(self) -> list[Route]:
        return [Route("/page", self.get_page), Route("/page/invite", self.post_invite, methods=["POST"])]

    def told(self) -> dict[str, Any]:
        """Where the page is, and how to get in."""
        off = self._section.listen == OFF
        return {
            "url": None if off else url(self._section),
            "problem": self.problem,
            "code": None if off else self.accounts.first_code(),
            "accounts": [{"name": one.name, "role": one.role, "person": one.person} for one in self.accounts.all()],
        }

    async def get_page(self, _request: Request) -> Response:
        return JSONResponse(self.told())

    async def post_invite(self, request: Request) -> Response:
        """For one who has forgotten their password, by whoever rules over this machine."""
        name = request.query_params.get("name", "")
        try:
            code = await self.accounts.invite(name)
        except NotPossible as error:
            return JSONResponse({"error": str(error)}, 404)
        except (JournalError, OSError) as error:
            return JSONResponse({"error": f"it could not be written down: {error}"}, 503)
        self._note("password to be chosen anew", account=name)
        return JSONResponse({"code": code})

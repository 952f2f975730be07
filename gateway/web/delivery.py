"""Where things go: how far each sink is, what waits there and why, and what people have agreed to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import Field

from gateway.api.consent import Consent
from gateway.api.refusing import Refused
from gateway.audit import Note
from gateway.journal import Journal
from gateway.normalize.things import BY_NAME
from gateway.web.accounts import Role
from gateway.web.endpoints import KEEPERS, OWNER, TECHNICAL, Call, Endpoint, Model

MOST_WAITING = 200


class SinkState(Model):
    name: str
    problem: str | None
    lag: int = Field(description="Things that it has not been given yet")
    deferred: int = Field(description="Refused, or not allowed to go yet: each waits for an event of its own")
    held: int = Field(description="Wait in their person's line")


class Delivery(Model):
    sinks: list[SinkState]
    head: int
    pending: int = Field(description="Things that wait for the hub's clock")
    pending_since: str | None
    synchronized: bool


class Waiting(Model):
    number: int
    reason: str
    held: bool
    type: str | None
    person: str | None


class Retried(Model):
    sinks: list[str]


class Released(Model):
    released: int


class Grant(Model):
    person: str
    sink: str
    types: list[str] = Field(default_factory=list, description="Empty: all")
    since: str | None = None
    until: str | None = None
    why: str = ""
    stated: bool = Field(default=False, description="By the configuration")


class Grants(Model):
    grants: list[Grant]
    sinks: list[str] = Field(description="Those that ask for consent")
    types: list[str]
    persons: list[str]


class NewGrant(Model):
    person: str = Field(max_length=200)
    sink: str = Field(max_length=200)
    types: list[str] = Field(default_factory=list, max_length=100)
    since: str | None = Field(None, max_length=40, description="An ISO date")
    until: str | None = Field(None, max_length=40)
    why: str = Field("", max_length=500)


class Revoke(Model):
    person: str = Field(max_length=200)
    sink: str = Field(max_length=200)


class Revoked(Model):
    revoked: int


class DeliveryApi:
    def __init__(
        self,
        journal: Journal,
        consent: Consent,
        *,
        status: Callable[[], dict[str, Any]],
        retry: Callable[[str | None], list[str]],
        release_time: Callable[[], Awaitable[int]],
        persons: Callable[[], list[str]],
        note: Note,
    ) -> None:
        self._journal, self._consent, self._status = journal, consent, status
        self._retry, self._release_time, self._persons, self._note = retry, release_time, persons, note

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint("GET", "/delivery", TECHNICAL, self.delivery, "How far each sink is", Delivery),
            Endpoint("GET", "/delivery/{sink:path}", OWNER, self.waiting, "What waits there, and why; the oldest first", list[Waiting]),
            Endpoint("POST", "/delivery/{sink:path}/retry", TECHNICAL, self.retry, "Try again what waits, now", Retried),
            Endpoint("POST", "/release-time", OWNER, self.release, "File what waits for the hub's clock as it is", Released),
            Endpoint("GET", "/consent", KEEPERS, self.grants, "Who agreed that what goes where", Grants),
            Endpoint("POST", "/consent/grant", KEEPERS, self.grant, "Agree", Grant, NewGrant),
            Endpoint("POST", "/consent/revoke", KEEPERS, self.revoke, "End what was agreed", Revoked, Revoke),
        ]

    async def delivery(self, _call: Call) -> Delivery:
        told = self._status()
        clock, head = told["clock"], told["head"]
        return Delivery(
            sinks=[
                SinkState(
                    name=name,
                    problem=sink["problem"],
                    lag=max(0, head - sink["cursor"]),
                    deferred=sink["deferred"],
                    held=sink["held"],
                )
                for name, sink in told["sinks"].items()
            ],
            head=head,
            pending=clock["pending_things"],
            pending_since=clock["pending_since"],
            synchronized=clock["synchronized"],
        )

    async def waiting(self, call: Call) -> list[Waiting]:
        sink = self._named(call)

        def found() -> list[tuple[int, str, bool]]:
            deferred = [(n, why, False) for n, why in self._journal.deferred(sink)[:MOST_WAITING]]
            held = [(n, why, True) for n, _line, why in self._journal.held(sink)[:MOST_WAITING]]
            return sorted([*deferred, *held])[:MOST_WAITING]

        waiting = await asyncio.to_thread(found)
        rows = {row.n: row for row in await asyncio.to_thread(self._journal.rows, [n for n, _, _ in waiting])}
        bodies = {n: BY_NAME[row.type].model_validate_json(row.body) for n, row in rows.items()}
        return [
            Waiting(
                number=n,
                reason=why,
                held=held,
                type=rows[n].type if n in rows else None,
                person=bodies[n].person if n in bodies else None,
            )
            for n, why, held in waiting
        ]

    async def retry(self, call: Call) -> Retried:
        tried = self._retry(self._named(call))
        self._note("retried", sinks=tried, by=call.caller.by)
        return Retried(sinks=tried)

    def _named(self, call: Call) -> str:
        sink = str(call.path["sink"])
        if sink not in self._status()["sinks"]:
            raise Refused(404, f"there is no sink {sink!r}", "not-here")
        return sink

    async def release(self, _call: Call) -> Released:
        return Released(released=await self._release_time())

    # -- consent -------------------------------------------------------------------------------------------------

    async def grants(self, call: Call) -> Grants:
        account = call.account
        mine = [Grant.model_validate(one) for one in self._consent.standing()]
        if account.role is Role.MEMBER:
            mine = [one for one in mine if one.person == account.person]
        persons = self._persons() if account.role is Role.OWNER else [account.person] if account.person else []
        return Grants(grants=mine, sinks=self._consent.asking(), types=sorted(set(BY_NAME) - {"device"}), persons=persons)

    async def grant(self, call: Call) -> Grant:
        wanted = call.body
        call.check_person(wanted.person)
        given = await self._consent.grant(
            *(wanted.person, wanted.sink, tuple(wanted.types), wanted.since, wanted.until, wanted.why), by=call.caller.by
        )
        return Grant.model_validate(given)

    async def revoke(self, call: Call) -> Revoked:
        call.check_person(call.body.person)
        return Revoked(revoked=await self._consent.revoke(call.body.person, call.body.sink, by=call.caller.by))

"""People and what was measured of them: the latest, charts, lists, single things; and the owner's word about one of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection
from typing import Any

from pydantic import Field

from gateway import inbox
from gateway.api.people import People as Words
from gateway.api.refusing import Refused
from gateway.audit import Note
from gateway.journal import Journal, Row
from gateway.web.endpoints import KEEPERS, OWNER, Call, Endpoint, Model
from gateway.web.following import Following
from gateway.web.points import Columns, Points, columns

MOST_POINTS = 400
MOST_QUANTITIES = 8
AT_ONCE = 50
LAST = 20
MOST_IN_INBOX = 200
LARGEST = (1 << 63) - 1
"""Number that a database can look for."""
_HIDDEN = ("received_boottime", "boot_id", "intake_position")
"""Of a thing's provenance: for this program alone."""


class Quantity(Model):
    key: str
    name: str
    unit: str | None
    digits: int | None


class Latest(Model):
    quantity: Quantity
    value: float
    time: float = Field(description="Seconds since 1970")
    number: int = Field(description="Of the thing")
    count: int
    since: float = Field(description="When the last twenty began")


class Person(Model):
    id: str
    listed: bool = Field(description="Stands in the configuration")
    things: int
    latest: list[Latest]


class Everybody(Model):
    people: list[Person]
    unassigned: int = Field(description="Readings that are nobody's; 0 for whom they are not for")
    progress: float = Field(description="How much of the journal has been read since the start: 1 for all")


class ChartQuery(Model):
    quantities: str = Field(description="Keys, with commas between them")
    since: float = Field(0.0, description="Seconds since 1970")
    until: float = Field(1e11, description="Likewise")
    most: int = Field(MOST_POINTS, ge=1, le=2000, description="About so many points; where there are more, they are put together")


class Line(Model):
    quantity: Quantity
    times: list[float]
    values: list[float] = Field(description="What was measured; or means, where points were put together")
    numbers: list[int] = Field(description="Of the things; of the last one where points were put together")
    low: list[float] | None
    high: list[float] | None
    counts: list[int] | None


class Chart(Model):
    lines: list[Line]
    first: float | None = Field(description="When the first of all was taken, in range or not")
    last: float | None


class ThingsQuery(Model):
    before: int | None = Field(None, ge=0, description="`next` of the answer before")


class Shown(Model):
    number: int
    version: int
    thing: dict[str, Any] = Field(description="As `health-gateway schema` describes it")
    signed_by: str | None = Field(description="The name of the key")


class Things(Model):
    things: list[Shown]
    next: int | None


class Entry(Model):
    number: int
    time: str
    device: str
    address: str
    things: list[dict[str, Any]]


class Inbox(Model):
    entries: list[Entry]
    more: int
    persons: list[str]


class Assign(Model):
    numbers: list[int] = Field(min_length=1, max_length=MOST_IN_INBOX)
    person: str | None = Field(description="null: nobody")


class Decided(Model):
    things: int = Field(description="How many have a new version")


class PeopleApi:
    """`listed`: the persons of the configuration."""

    def __init__(
        self, journal: Journal, points: Points, following: Following, words: Words, listed: Callable[[], Collection[str]], note: Note
    ) -> None:
        self._journal, self._points, self._following, self._words = journal, points, following, words
        self._listed, self._note = listed, note

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint("GET", "/people", KEEPERS, self.people, "People with their latest values", Everybody),
            Endpoint("GET", "/people/{person:path}/chart", KEEPERS, self.chart, "Values over time", Chart, query=ChartQuery),
            Endpoint("GET", "/people/{person:path}/things", KEEPERS, self.things, "All readings, latest first", Things, query=ThingsQuery),
            Endpoint("GET", "/things/{number:int}", KEEPERS, self.thing, "One thing, in full, with all its versions", list[Shown]),
            Endpoint("POST", "/things/{number:int}/retract", KEEPERS, self.retract, "One reading does not count any more", Decided),
            Endpoint("GET", "/inbox", OWNER, self.inbox, "Readings that are nobody's yet, latest first", Inbox),
            Endpoint("POST", "/inbox/assign", OWNER, self.assign, "Say whose readings are", Decided, Assign),
        ]

    async def people(self, call: Call) -> Everybody:
        listed = self._listed()
        if call.account.person is not None and call.account.role != "owner":
            names = [call.account.person]
        else:
            names = list(dict.fromkeys([*listed, *self._points.persons()]))
        for name in names:
            self._note("readings shown", person=name, by=call.caller.by, how="latest")
        unassigned = len(self._points.things(None)) if call.account.role == "owner" else 0
        return Everybody(
            people=[self._person(name, listed=name in listed) for name in names], unassigned=unassigned, progress=self._following.progress
        )

    def _person(self, name: str, *, listed: bool) -> Person:
        latest = [
            Latest(
                quantity=self._quantity(key),
                value=series.values[-1],
                time=series.times[-1],
                number=series.numbers[-1],
                count=len(series),
                since=series.times[-min(len(series), LAST)],
            )
            for key, series in self._points.of(name).items()
        ]
        return Person(id=name, listed=listed, things=len(self._points.things(name)), latest=latest)

    def _quantity(self, key: str) -> Quantity:
        entity = self._points.quantities[key]
        return Quantity(key=key, name=entity.name, unit=entity.unit, digits=entity.digits)

    async def chart(self, call: Call) -> Chart:
        person, asked = call.path["person"], call.asked
        call.check_person(person)
        keys = [key for key in dict.fromkeys(asked.quantities.split(",")) if key][:MOST_QUANTITIES]
        self._note("readings shown", person=person, by=call.caller.by, how=f"chart {','.join(keys)}"[:200])
        known = self._points.of(person)
        found = {key: known[key] for key in keys if key in known}
        lines = [self._line(key, columns(series, asked.since, asked.until, asked.most)) for key, series in found.items()]
        return Chart(
            lines=lines,
            first=min((series.times[0] for series in found.values()), default=None),
            last=max((series.times[-1] for series in found.values()), default=None),
        )

    def _line(self, key: str, found: Columns) -> Line:
        return Line(quantity=self._quantity(key), **found._asdict())

    async def things(self, call: Call) -> Things:
        person = call.path["person"]
        call.check_person(person)
        series = self._points.things(person)
        end = len(series) if call.asked.before is None else min(call.asked.before, len(series))
        begin = max(0, end - AT_ONCE)
        self._note("readings shown", person=person, by=call.caller.by, how="list")
        numbers = series.numbers[begin:end].tolist()
        rows = {row.n: row for row in await asyncio.to_thread(self._journal.rows, numbers)}
        return Things(things=[_shown(rows[n]) for n in reversed(numbers) if n in rows], next=begin or None)

    async def thing(self, call: Call) -> list[Shown]:
        row = await self._seen(call)
        versions = await asyncio.to_thread(self._journal.versions, row.id)
        person = json.loads(row.body).get("person")
        self._note("readings shown", person=person, by=call.caller.by, how=f"thing {row.n}")
        shown = [_shown(one) for one in versions if call.account.role == "owner" or json.loads(one.body).get("person") == person]
        return shown[::-1]

    async def retract(self, call: Call) -> Decided:
        row = await self._seen(call)
        return Decided(things=await self._words.discard([row.n], by=call.caller.by))

    async def _seen(self, call: Call) -> Row:
        """The latest version of the thing that is named by any of its numbers, if it is for them. Raises `Refused`."""
        number = min(int(call.path["number"]), LARGEST)
        for row in await asyncio.to_thread(self._journal.rows, [number]):
            latest = (await asyncio.to_thread(self._journal.versions, row.id))[-1]
            thing = json.loads(latest.body)
            if thing["type"] != "device":
                call.check_person(thing.get("person"))
                return latest
        raise Refused(404, "there is nobody of this name, or not for you", "not-here")

    async def inbox(self, call: Call) -> Inbox:
        series = self._points.things(None)
        numbers = series.numbers[-MOST_IN_INBOX:].tolist()
        self._note("readings shown", person=None, by=call.caller.by, how="inbox")
        found = inbox.entries(await asyncio.to_thread(self._journal.rows, numbers))
        entries = [Entry(number=e.number, time=e.time, device=e.device, address=e.address, things=list(e.told()["things"])) for e in found]
        return Inbox(entries=entries[::-1], more=len(series) - len(numbers), persons=list(self._listed()))

    async def assign(self, call: Call) -> Decided:
        numbers = call.body.numbers
        return Decided(things=await self._words.assign(numbers, call.body.person, by=call.caller.by))


def _shown(row: Row) -> Shown:
    thing = json.loads(row.body)
    thing["provenance"] = {name: value for name, value in thing["provenance"].items() if name not in _HIDDEN}
    return Shown(number=row.n, version=row.version, thing=thing, signed_by=row.proof.key if row.proof is not None else None)

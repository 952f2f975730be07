"""The `healthvault` sink: each person's things into their record, as docs/healthvault.md says.

PutThings is not idempotent there: what is put twice is there twice. So before anything is put the record is asked, by the names that
things have from us, what it has: then a lost answer, a restart, and a sink that begins anew double nothing. A request is taken whole
or not at all.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from xml.etree.ElementTree import Element

from gateway import crashpoints
from gateway.config_sinks import HealthVaultSection
from gateway.credentials import Unusable, secret
from gateway.exports.healthvault_xml import thing_element
from gateway.healthvault import rules, wire
from gateway.healthvault.status import OK, Means, means, sentence
from gateway.journal import Row
from gateway.sinks.base import Answer, Held, Refused, Sink, Unreachable
from gateway.sinks.http import Server

MOST_OF_AN_ANSWER = 1 << 24
A = TypeVar("A")
B = TypeVar("B")
NOBODY = "it is nobody's: say whose it is with `health-gateway inbox assign`"


@dataclass(frozen=True, slots=True)
class _Item:
    row: Row
    thing: dict[str, Any]
    element: Element | None
    """None: it is to be there no more."""


class _NotTaken(Exception):
    """By the record: `code` says why."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class HealthVaultSink(Sink):
    def __init__(self, settings: HealthVaultSection, now: Callable[[], float] = time.time) -> None:
        self._settings, self._now = settings, now
        self._server = Server(settings.url, seconds=settings.timeout_seconds, ca=settings.ca_file, most=MOST_OF_AN_ANSWER)
        self._session: wire.Session | None = None

    async def send(self, batch: Sequence[Row]) -> Sequence[Answer]:
        answers: list[Answer] = []
        closed: dict[str | None, str] = {}
        """By person: why their record takes nothing. What follows of theirs waits behind it."""
        start = 0
        for rows in _runs(batch, self._settings.together):
            try:
                answers += await self._deliver(rows, closed)
            except Unreachable as error:
                raise Unreachable(str(error), taken=start + error.taken, answers=[*answers, *error.answers]) from error
            start += len(rows)
        return answers

    async def reach(self) -> None:
        """Get a session, and send nothing. Raises `Unreachable`."""
        await self._renewed()
        await self.close()

    async def close(self) -> None:
        self._server.drop()

    # -- one person's things ---------------------------------------------------------------------------------------------

    async def _deliver(self, rows: Sequence[Row], closed: dict[str | None, str]) -> list[Answer]:
        """Raises `Unreachable`, which says how many have their answer."""
        thing: dict[str, Any] = json.loads(rows[-1].body)
        person = thing.get("person")
        if rows[0].type == "device":
            return []  # nobody's; each thing names its device
        for before in rows[0].before:
            if before != person and (record := self._settings.records.get(before)) is not None:
                await self._withdraw(record, rows)
        if person is None:
            return [] if rows[0].before else [Refused(row.n, NOBODY) for row in rows]
        record = self._settings.records.get(person)
        if record is None:
            return [Refused(row.n, "there is no record for whose it is; name it in `records`") for row in rows]
        if person in closed:
            return [Held(row.n, closed[person]) for row in rows]
        answers, items = _looked_at(rows)
        try:
            return [*answers, *await self._put(record, items)]
        except _NotTaken as error:
            closed[person] = sentence(error.code)
            return [Held(row.n, closed[person]) for row in rows]

    async def _withdraw(self, record: str, rows: Sequence[Row]) -> None:
        """From the record of somebody whose they are no more. A record that is closed to us keeps what it has."""
        try:
            await self._put(record, [_Item(row, {}, None) for row in rows])
        except _NotTaken:
            return

    async def _put(self, record: str, items: Sequence[_Item]) -> list[Answer]:
        """All of them, or all but those that are refused. Raises `_NotTaken` for a record that takes nothing, and `Unreachable`."""
        if not items:
            return []
        code = await self._once(record, items)
        if code == OK:
            return []
        kind = means(code)
        if kind in (Means.CLOSED, Means.FULL):
            raise _NotTaken(code)
        if kind not in (Means.HALVE, Means.POISON):
            raise Unreachable(sentence(code))
        if len(items) == 1:
            return [Refused(items[0].row.n, f"the record service refuses it (status {code})")]
        return await self._halves(record, items)

    async def _halves(self, record: str, items: Sequence[_Item]) -> list[Answer]:
        middle = len(items) // 2
        first = await self._put(record, items[:middle])
        try:
            return [*first, *await self._put(record, items[middle:])]
        except Unreachable as error:
            # What was found to be refused is found again: nobody here knows how many rows these items were.
            raise Unreachable(str(error)) from error

    async def _once(self, record: str, items: Sequence[_Item]) -> int:
        """The status of the last request that was needed. Once more if somebody else has changed something in between."""
        code = OK
        for _ in range(2):
            found = await self._call("GetThings", 3, wire.lookup_info([item.row.id for item in items]), record)
            if found.code != OK:
                return found.code
            code = await self._changes(record, items, _sound(wire.stored, found.info))
            if means(code) is not Means.VERSION:
                break
        return code

    async def _changes(self, record: str, items: Sequence[_Item], known: dict[str, wire.Stored]) -> int:
        news = [
            (item.element, known.get(item.row.id))
            for item in items
            if item.element is not None and (item.row.id not in known or known[item.row.id].version < item.row.version)
        ]
        gone = [known[item.row.id] for item in items if item.element is None and item.row.id in known]
        code = OK
        if news:
            code = (await self._call("PutThings", 2, wire.put_info(news), record)).code
        if gone and code == OK:
            code = (await self._call("RemoveThings", 1, wire.remove_info(gone), record)).code
        if code == OK:
            crashpoints.reached("sink-written")
        return code

    # -- requests ----------------------------------------------------------------------------------------------------------

    async def _call(self, method: str, version: int, info: Element, record: str) -> wire.Response:
        """In a session, that is renewed once where it has ended. Raises `Unreachable`."""
        session = self._session or await self._renewed()
        for is_last in (False, True):
            body = wire.call(method, version, info, self._now(), session=session, person=self._settings.person_id, record=record)
            said = await self._post(body)
            if means(said.code) is not Means.RENEW or said.code == OK:
                return said
            if not is_last:
                session = await self._renewed()
        raise Unreachable(sentence(said.code))

    async def _renewed(self) -> wire.Session:
        settings, self._session = self._settings, None
        try:
            shared = base64.b64decode(secret(settings.secret_file).strip(), validate=True)
        except Unusable as error:
            raise Unreachable(str(error)) from error
        except ValueError as error:
            raise Unreachable(f"{settings.secret_file} holds no secret (base64)") from error
        info = wire.session_info(settings.app_id, shared, self._now())
        said = await self._post(wire.call("CreateAuthenticatedSessionToken", 2, info, self._now(), app_id=settings.app_id))
        if said.code != OK:
            raise Unreachable(sentence(said.code))
        self._session = _sound(wire.session_of, said.info)
        return self._session

    async def _post(self, body: bytes) -> wire.Response:
        said = await self._server.within(lambda: self._server.post(body, {"Content-Type": "text/xml; charset=utf-8"}))
        if not said.is_well:
            raise Unreachable(self._server.sentence(said.status))
        return _sound(wire.understood, said.body)


def _sound(read: Callable[[A], B], what: A) -> B:
    try:
        return read(what)
    except ValueError as error:
        raise Unreachable("it answers, but not as HealthVault does; check `url`") from error


def _runs(batch: Sequence[Row], most: int) -> Iterator[list[Row]]:
    """What can go together: of one person, and not moved from one to another."""
    run: list[Row] = []
    of: object = None
    for row in batch:
        belongs = None if row.before or row.type == "device" else json.loads(row.body).get("person")
        if run and (belongs is None or belongs != of or len(run) == most):
            yield run
            run = []
        run.append(row)
        of = belongs if belongs is not None else object()
    if run:
        yield run


def _looked_at(rows: Sequence[Row]) -> tuple[list[Answer], list[_Item]]:
    """What the record cannot need is refused; of several versions the last goes."""
    answers: list[Answer] = []
    items: dict[str, _Item] = {}
    for row in rows:
        thing = json.loads(row.body)
        element = None if thing.get("retracted") else thing_element(thing, row)
        why = [] if element is None else list(rules.problems(element[1][0]))
        if why:
            answers.append(Refused(row.n, "no record needs this: " + "; ".join(dict.fromkeys(why))))
        else:
            items.pop(row.id, None)
            items[row.id] = _Item(row, thing, element)
    return answers, list(items.values())

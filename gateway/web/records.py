"""What the gateway keeps about itself: frames that no driver could read, the audit log, and what it just said."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

from pydantic import Field
from starlette.responses import JSONResponse, Response

from gateway.api import functions
from gateway.api.refusing import Refused
from gateway.audit import Note
from gateway.journal import Journal
from gateway.lately import Lately
from gateway.web.accounts import Role
from gateway.web.endpoints import KEEPERS, OWNER, TECHNICAL, Call, Endpoint, Model

AT_ONCE = 100
MOST_REJECTED = 200
LARGEST = (1 << 63) - 1
MOST_LOOKED_AT = 20_000
"""So many entries of the audit log, for the few that concern a member."""


class Rejected(Model):
    position: int
    device: str
    driver: str
    uuid: str
    error: str
    received: float


class BeforeQuery(Model):
    before: int | None = Field(None, ge=0)


class AfterQuery(Model):
    after: int = Field(0, ge=0, description="`last` of the answer before")


class AuditEntry(Model):
    n: int
    at: str
    what: str
    particulars: dict[str, Any]


class AuditLog(Model):
    entries: list[AuditEntry]
    next: int | None


class LogLine(Model):
    n: int
    at: str
    level: str
    event: str
    particulars: dict[str, str]


class Log(Model):
    lines: list[LogLine]
    last: int


class RecordsApi:
    def __init__(self, journal: Journal, lately: Lately, note: Note) -> None:
        self._journal, self._lately, self._note = journal, lately, note

    def endpoints(self) -> list[Endpoint]:
        summary = "The latest frames that no driver could read, without their octets"
        audit = "Who did what, latest first; for a member what is about them"
        return [
            Endpoint("GET", "/rejected", TECHNICAL, self.rejected, summary, list[Rejected]),
            Endpoint("GET", "/rejected/{position:int}", OWNER, self.download, "One of them with its octets: they are health data", None),
            Endpoint("GET", "/audit", KEEPERS, self.audit, audit, AuditLog, query=BeforeQuery),
            Endpoint("GET", "/log", TECHNICAL, self.log, "What the daemon has said lately", Log, query=AfterQuery),
        ]

    async def rejected(self, _call: Call) -> list[Rejected]:
        found = await asyncio.to_thread(lambda: self._journal.rejected(most=MOST_REJECTED))
        told = [functions.rejection(one) for one in found]
        return [Rejected(**{name: one[name] for name in Rejected.model_fields}) for one in told[::-1]]

    async def download(self, call: Call) -> Response:
        position = min(int(call.path["position"]), LARGEST)
        found = [one for one in await asyncio.to_thread(lambda: self._journal.rejected(most=1, until=position)) if one.position == position]
        if not found:
            raise Refused(404, f"there is no rejected frame {position}", "not-here")
        self._note("rejected frames shown", by=call.caller.by, position=position)
        named = {"Content-Disposition": f'attachment; filename="rejected-{position}.json"'}
        return JSONResponse([functions.rejection(one) for one in found], headers=named)

    async def audit(self, call: Call) -> AuditLog:
        entries: list[AuditEntry] = []
        before, looked = call.asked.before, 0
        while len(entries) < AT_ONCE and looked < MOST_LOOKED_AT:
            found = await asyncio.to_thread(self._journal.audit, before, AT_ONCE)
            entries += [entry for n, body in found if (entry := _entry(n, body)) is not None and _concerns(call, entry)]
            looked += len(found)
            before = found[-1][0] if found else None
            if before is None:
                break
        if len(entries) > AT_ONCE:
            entries = entries[:AT_ONCE]
            before = entries[-1].n
        return AuditLog(entries=entries, next=before)

    async def log(self, call: Call) -> Log:
        said = self._lately.after(call.asked.after)
        lines = [LogLine(n=one.n, at=_iso(one.at), level=one.level, event=one.event, particulars=dict(one.particulars)) for one in said]
        return Log(lines=lines, last=self._lately.last)


def _entry(n: int, body: str) -> AuditEntry | None:
    try:
        said = json.loads(body)
        return AuditEntry(n=n, at=said.pop("at"), what=said.pop("what"), particulars=said)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # damaged; `audit verify` says where


def _concerns(call: Call, entry: AuditEntry) -> bool:
    if call.account.role is Role.OWNER:
        return True
    said, mine = entry.particulars, call.account.person
    is_theirs = str(said.get("by")).partition("/")[0] == call.account.name
    return is_theirs or (mine is not None and mine in (said.get("person"), said.get("to")))


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

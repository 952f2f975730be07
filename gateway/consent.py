"""Who agreed that what goes where: grants, by the configuration and by command.

A sink with `consent = "required"` gets a thing only while a grant covers its person, its type and that sink; that is asked each time that
something is sent, so a grant that has ended or was revoked stops the very next. What may not go waits as `deferred` and goes when a grant
covers it. What belongs to nobody is covered by no grant. Who the devices are goes where anything goes.

What commands said is kept in a file of its own, beside the journal and not in it: a damaged journal is built anew from what devices
said, and a revocation must not be forgotten by that. If the file cannot be read, nothing is granted until somebody grants it anew.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import structlog

from gateway.config import GrantSection
from gateway.config_sinks import SinkBase
from gateway.journal import Row
from gateway.sinks.base import person_of
from gateway.whole import write_whole

FILE = "consent.json"
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Grant:
    """`types`: empty for all. `since`, `until`: seconds since 1970. `stated`: by the configuration."""

    person: str
    sink: str
    types: tuple[str, ...] = ()
    since: float | None = None
    until: float | None = None
    why: str = ""
    stated: bool = False

    def covers(self, person: str | None, kind: str, sink: str, now: float) -> bool:
        return (
            self.sink == sink
            and (kind == "device" or (self.person == person and (not self.types or kind in self.types)))
            and (self.since is None or self.since <= now)
            and (self.until is None or now < self.until)
        )

    def told(self) -> dict[str, object]:
        moments = {name: None if (at := getattr(self, name)) is None else _local(at) for name in ("since", "until")}
        return {**asdict(self), "types": list(self.types), **moments}


def _local(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().isoformat(timespec="minutes")


def stated(section: GrantSection) -> Grant:
    """As the configuration says it. A date without a time is its beginning here; without a zone a time is the hub's."""
    return Grant(
        section.person, section.sink, tuple(section.types), _moment(section.since), _moment(section.until), section.why, stated=True
    )


def _moment(said: datetime | None) -> float | None:
    return None if said is None else said.timestamp()


class Consents:
    """Grants of the configuration and of commands, and what was revoked of the former. `path`: of the file."""

    def __init__(self, path: Path, sections: Sequence[GrantSection], now: Callable[[], float]) -> None:
        self._path, self._now = path, now
        self._granted: list[Grant] = []
        self._revoked: list[tuple[str, str]] = []
        self.reload(sections)
        try:
            self._granted, self._revoked = _read(path)
        except FileNotFoundError:
            pass
        except (OSError, ValueError, TypeError, KeyError) as error:
            self._revoked = [(grant.person, grant.sink) for grant in self._stated]
            log.error(
                "what was granted and revoked cannot be read: nothing goes to sinks that ask for consent",
                file=str(path),
                problem=type(error).__name__,
                cure="health-gateway consent grant PERSON SINK, for each anew",
            )

    def reload(self, sections: Sequence[GrantSection]) -> None:
        self._stated = [stated(section) for section in sections]

    def gate(self, sink: str, section: SinkBase | None) -> Callable[[Row], bool] | None:
        """What the sink is to be asked with; None for one that needs no consent."""
        if section is None or section.consent != "required":
            return None
        return lambda row: self.allow(sink, row)

    def allow(self, sink: str, row: Row) -> bool:
        now, person = self._now(), person_of(row)
        return any(grant.covers(person, row.type, sink, now) for grant in self._standing())

    def _standing(self) -> Iterator[Grant]:
        yield from self._granted
        yield from (grant for grant in self._stated if (grant.person, grant.sink) not in self._revoked)

    def told(self) -> list[dict[str, object]]:
        """All that stand, whether their time has come or not."""
        return [grant.told() for grant in self._standing()]

    async def grant(self, grant: Grant) -> None:
        """Raises `OSError`, and then nothing has changed."""
        granted = [one for one in self._granted if one != grant] + [grant]
        await self._keep(granted, [one for one in self._revoked if one != (grant.person, grant.sink)])

    async def revoke(self, person: str, sink: str) -> int:
        """All that this person granted to this sink, the configuration's too. How many there were. Raises `OSError`."""
        ended = [grant for grant in self._standing() if (grant.person, grant.sink) == (person, sink)]
        if ended:
            granted = [one for one in self._granted if (one.person, one.sink) != (person, sink)]
            await self._keep(granted, [*self._revoked, (person, sink)])
        return len(ended)

    async def _keep(self, granted: list[Grant], revoked: list[tuple[str, str]]) -> None:
        said = json.dumps({"granted": [asdict(one) for one in granted], "revoked": revoked})
        await asyncio.to_thread(write_whole, self._path, json.dumps({"said": said, "sha256": _sum(said)}).encode())
        self._granted, self._revoked = granted, revoked


def _sum(said: str) -> str:
    return hashlib.sha256(said.encode()).hexdigest()


def _read(path: Path) -> tuple[list[Grant], list[tuple[str, str]]]:
    """Raises `OSError`, and `ValueError`, `TypeError` or `KeyError` for what was not written so."""
    kept = json.loads(path.read_text(encoding="utf-8"))
    if kept["sha256"] != _sum(kept["said"]):
        raise ValueError("damaged")
    said = json.loads(kept["said"])
    granted = [Grant(**{**one, "types": tuple(one["types"])}) for one in said["granted"]]
    return granted, [(person, sink) for person, sink in said["revoked"]]

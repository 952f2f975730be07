"""Laws of identity: what is told again is nothing new, to whomever and whenever; what a device says has one name for good."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

from drivers import Batch, Frame, Observation, Quantity, Reading
from drivers.kit.capture import Record
from gateway import inbox
from gateway.conformance.case import Case
from gateway.filing import Filing, SessionFacts
from gateway.journal import Committed, Journal
from gateway.journal.reading import read_latest
from gateway.replay import work_off

ZONE = ZoneInfo("Europe/Berlin")
YEAR_SECONDS = 365 * 86_400.0


def later(given: Sequence[Record], seconds: float = 20.0) -> list[Record]:
    """The same conversation once more, behind the first."""
    last = given[-1].position + 1000
    return [
        replace(one, session=f"{one.session}-again", time=one.time + seconds, boottime=one.boottime + seconds, position=one.position + last)
        for one in given
    ]


class _Mended(Filing):
    """As if the codec had been mended: every value is another."""

    async def file(self, facts: SessionFacts, batch: Batch, rejected: list[tuple[Frame, Exception]]) -> list[Committed]:
        items = tuple(_changed(item) if isinstance(item, Reading) else item for item in batch.items)
        return await super().file(facts, replace(batch, items=items), rejected)


def _changed(value: Any) -> Any:
    """With every quantity in it doubled."""
    if isinstance(value, Quantity):
        return replace(value, value=value.value * 2)
    if isinstance(value, Mapping):
        return {name: _changed(one) for name, one in value.items()}
    if isinstance(value, tuple):
        return tuple(_changed(one) for one in value)
    if isinstance(value, Reading) or (dataclasses.is_dataclass(value) and not isinstance(value, Frame | type)):
        fields = [field.name for field in dataclasses.fields(value) if field.name not in ("frame", "key", "device_time")]
        return replace(value, **{name: _changed(getattr(value, name)) for name in fields})
    return value


class _Gateway:
    """One that knows this driver, for as long as `with` lasts."""

    def __init__(self, case: Case) -> None:
        self._registry = case.registry

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="health-gateway-")
        self.path = Path(self._folder.name) / "journal.db"
        self.journal = Journal(self.path)
        return self

    def __exit__(self, *_: object) -> None:
        self.journal.close()
        self._folder.cleanup()

    def file(self, given: Sequence[Record], filing: type[Filing] = Filing) -> str | None:
        """What went wrong, if anything."""
        outcome = asyncio.run(work_off(given, self._registry, filing(self.journal, ZONE)))
        return f"the gateway could not file it: {outcome.failed}" if outcome.failed else None

    def ids(self) -> dict[str, int]:
        """By id, of what was measured: the highest version."""
        found: dict[str, int] = {}
        for row in self.journal.everything():
            if row.type != "device":
                found[row.id] = max(row.version, found.get(row.id, 0))
        return found

    def values(self) -> dict[str, str]:
        return {row.id: json.dumps(json.loads(row.body)["data"]) for row in self.journal.everything() if row.type != "device"}


def _is_of_now(reading: Reading) -> bool:
    """Its name is its place in the log: what is told again is another."""
    return reading.key.kind == "episode" and reading.key.parts[0] == str(reading.frame.position).encode().hex()


def _kinds(case: Case, capture: Sequence[Record]) -> set[str]:
    return {"now" if _is_of_now(item) else item.key.kind for item in case.replay(capture).readings}


def told_again(case: Case) -> Iterator[str]:
    """A memory that is read twice adds nothing."""
    for capture in case.captures:
        kinds = _kinds(case, capture)
        if "now" in kinds and not case.tells_what_is_now:
            yield "a reading is named by its place in the log: only a driver that `streams` may do that"
            continue
        with _Gateway(case) as gateway:
            if wrong := gateway.file(capture):
                yield wrong
                continue
            before = gateway.ids()
            gateway.file(later(capture))
            after = gateway.ids()
            if "now" not in kinds and after != before:
                yield f"read twice, {len(before)} things are {len(after)}, or other versions: a key is not of the record alone"


def a_year_off(case: Case) -> Iterator[str]:
    """A clock that is a year wrong changes when things were, not which they are."""
    for capture in case.captures:
        kinds = _kinds(case, capture)
        with _Gateway(case) as right, _Gateway(case) as wrong:
            right.file(capture)
            if problem := wrong.file([replace(one, time=one.time + YEAR_SECONDS) for one in capture]):
                yield problem
            one, other = right.ids(), wrong.ids()
            if kinds <= {"content", "sequence"} and one.keys() != other.keys():
                yield "with a clock that is a year off, the same records have other names: a key holds the gateway's time"
            elif len(one) != len(other):
                yield f"with a clock that is a year off, {len(one)} things are {len(other)}"


def mended(case: Case) -> Iterator[str]:
    """A mended codec makes versions, and no other things."""
    for capture in case.captures:
        with _Gateway(case) as gateway:
            gateway.file(capture)
            before, values = gateway.ids(), gateway.values()
            gateway.file(capture, _Mended)
            after, mended_values = gateway.ids(), gateway.values()
            if set(after) != set(before):
                yield "a mended codec would make other things"
                continue
            changed = {one for one in after if mended_values[one] != values[one]}
            if {one: after[one] - before[one] for one in after} != {one: int(one in changed) for one in after}:
                yield "a mended codec does not make one version of each thing that it changes"
            if not changed and not all(isinstance(item, Observation) for item in case.replay(capture).readings):
                yield "no reading holds a quantity"


def given_away(case: Case) -> Iterator[str]:
    """What is given to somebody, and back, stays one and where its owner says."""
    for capture in case.captures[:1]:
        with _Gateway(case) as gateway:
            gateway.file(capture)
            before = set(gateway.ids())
            for person in ("anna", "ben", "anna"):
                numbers = [row.n for row in read_latest(gateway.path) if row.type != "device"]
                asyncio.run(inbox.assign(gateway.journal, numbers, person))
                gateway.file(capture)
            latest = [json.loads(row.body) for row in read_latest(gateway.path) if row.type != "device"]
            if set(gateway.ids()) != before or {thing["person"] for thing in latest} - {"anna"}:
                yield "what its owner gave away comes back by itself when the device tells it again"


def two_gateways(case: Case) -> Iterator[str]:
    """Another one hears it at another moment, in another session, after another history."""
    for capture in case.captures:
        kinds = _kinds(case, capture)
        with _Gateway(case) as one, _Gateway(case) as other:
            one.file(capture)
            other.file(later(capture, 3.0))
            same = one.ids() == other.ids() if kinds <= {"content", "sequence"} else len(one.ids()) == len(other.ids())
            if not same:
                yield "two gateways give the same record two names"


LAWS = (told_again, a_year_off, mended, given_away, two_gateways)

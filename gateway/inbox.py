"""Whose readings are: what belongs to nobody yet, and the owner's word about it.

A word makes a new version of the thing, which every sink carries, and stands from then on, however often the device tells its record
again (`gateway.journal.jobs`). What was measured together (a weight and what a scale makes of it) is one entry and moves together.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from drivers.kit.capture import CaptureError, Record
from gateway.filing import candidates
from gateway.intake import Intake
from gateway.journal import Commit, Committed, Journal, Row
from gateway.normalize.things import BY_NAME, Thing

SAID = "said"
"""The kind of an owner's word in the intake log: `ids` of things, and `person` with `by_hand`, or `retracted`."""
_SAYABLE = ("person", "by_hand", "retracted")


@dataclass(frozen=True, slots=True)
class Entry:
    """What was measured at once. `number`: by which it is called; of the first of its things in the journal."""

    number: int
    time: str
    device: str
    address: str
    person: str | None
    things: tuple[dict[str, Any], ...]

    def told(self) -> dict[str, Any]:
        things = [{"type": thing["type"], "id": thing["id"], "data": thing["data"]} for thing in self.things]
        return {
            "number": self.number,
            "time": self.time,
            "device": self.device,
            "address": self.address,
            "person": self.person,
            "things": things,
        }


def entries(rows: Iterable[Row], *, person: str | None = None, address: str | None = None, since: str | None = None) -> list[Entry]:
    """Of the latest versions: those of a person (None: of nobody), oldest first. `since`: an ISO date or time, as the things have it."""
    found: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    for row in rows:
        thing = json.loads(row.body)
        if thing["type"] == "device" or thing.get("retracted") or thing.get("person") != person:
            continue
        if address not in (None, thing["device"]["address"]) or (since is not None and thing["when"]["time"] < since):
            continue
        found.setdefault(_group(thing), []).append((row.n, thing))
    made = [_entry(group) for group in found.values()]
    return sorted(made, key=lambda entry: (entry.time, entry.number))


def _group(thing: dict[str, Any]) -> str:
    return str(min([thing["id"], *_together(thing)]))


def _together(thing: dict[str, Any]) -> list[str]:
    return [one["id"] for one in thing.get("related", ()) if one["relationship"] == "same-measurement"]


def _entry(group: Sequence[tuple[int, dict[str, Any]]]) -> Entry:
    first = group[0][1]
    things = tuple(thing for _, thing in group)
    return Entry(
        min(number for number, _ in group),
        first["when"]["time"],
        first["device"]["name"],
        first["device"]["address"],
        first.get("person"),
        things,
    )


class NoSuchEntry(Exception):
    """`number`: of no thing."""

    def __init__(self, number: int) -> None:
        super().__init__(f"there is no entry {number}")
        self.number = number


Keep = Callable[[dict[str, Any]], Awaitable[None]]
"""Puts a word where it outlives the journal."""


async def assign(journal: Journal, numbers: Sequence[int], person: str | None, keep: Keep | None = None) -> list[Committed]:
    """To this person, or to nobody. Raises `NoSuchEntry`, and then does nothing."""
    return await _decided(journal, numbers, {"person": person, "by_hand": True}, keep)


async def retract(journal: Journal, numbers: Sequence[int], keep: Keep | None = None) -> list[Committed]:
    """They do not count any more. Raises `NoSuchEntry`, and then does nothing."""
    return await _decided(journal, numbers, {"retracted": True}, keep)


def keeper(intake: Intake, now: Callable[[], float]) -> Keep:
    """In the intake log, as a record of its own."""

    async def keep(word: dict[str, Any]) -> None:
        intake.append(Record(kind=SAID, session="", time=now(), extra=word))
        await intake.flush()

    return keep


def forgotten(records: Iterable[Record | CaptureError]) -> set[str]:
    """Ids of things that their owner has had purged."""
    words = (record.extra for record in records if isinstance(record, Record) and record.kind == SAID)
    return {str(one) for word in words if word.get("purged") for one in word.get("ids", ())}


async def uphold(journal: Journal, records: Iterable[Record | CaptureError]) -> list[Committed]:
    """What was said by these records and the journal does not know: it was lost with what it knew, or never reached it."""
    words: dict[str, dict[str, Any]] = {}
    for record in records:
        if isinstance(record, Record) and record.kind == SAID:
            change = {name: record.extra[name] for name in _SAYABLE if name in record.extra}
            for thing_id in record.extra.get("ids", ()):
                words.setdefault(str(thing_id), {}).update(change)
    changed = []
    for thing_id, change in words.items():
        versions = journal.versions(thing_id)
        if versions:
            thing = BY_NAME[versions[-1].type].model_validate_json(versions[-1].body)
            if any(getattr(thing, name) != value for name, value in change.items()):
                changed.append(thing.model_copy(update=change))
    return await journal.commit(Commit("", tuple(candidates(changed, decided=True)))) if changed else []


async def _decided(journal: Journal, numbers: Sequence[int], change: dict[str, Any], keep: Keep | None) -> list[Committed]:
    things: dict[str, Thing] = {}
    by_number = {row.n: row for row in journal.rows(numbers)}
    for number in numbers:
        if number not in by_number or by_number[number].type == "device":
            raise NoSuchEntry(number)
        named = json.loads(by_number[number].body)
        for thing_id in (named["id"], *_together(named)):
            versions = journal.versions(thing_id)
            if versions and thing_id not in things:
                latest = versions[-1]
                things[thing_id] = BY_NAME[latest.type].model_validate_json(latest.body).model_copy(update=change)
    if keep is not None:
        await keep({"ids": sorted(things), **change})
    return await journal.commit(Commit("", tuple(candidates(list(things.values()), decided=True))))

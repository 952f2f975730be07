"""What each entity has been told last, so that old readings do not take the place of new ones, and what was taken back is not shown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from gateway.homeassistant.discovery import LAST, Owner, measuring, person
from gateway.journal import Row
from gateway.quantities import Entity, said

KEPT = 64
"""So many readings of an entity are known: of the newest that is taken back the one before it comes forward."""


class Reading(NamedTuple):
    moment: float
    value: str
    about: Mapping[str, Any]

    def payload(self) -> str:
        return json.dumps({"value": self.value, "about": self.about}, ensure_ascii=False)


NOTHING = json.dumps({"value": None, "about": {}})
"""Shown as unknown."""


class Memory:
    """By owner and entity; `owners` as they were named last."""

    def __init__(self) -> None:
        self.owners: dict[str, Owner] = {}
        self.entities: dict[str, dict[str, Entity]] = {}
        self._readings: dict[tuple[str, str], dict[str, Reading]] = {}
        self._shown: dict[tuple[str, str], str] = {}

    def take(self, row: Row) -> None:
        """A version of a thing, the latest so far."""
        thing = json.loads(row.body)
        if thing["type"] == "device":
            return
        for key, readings in self._readings.items():
            if key[1] != LAST.key or thing.get("retracted"):
                readings.pop(row.id, None)
        if thing.get("retracted"):
            return
        device = measuring(thing["device"])
        owner = person(thing["person"]) if thing.get("person") else device
        moment = datetime.fromisoformat(thing["when"]["time"]).timestamp()
        about = _about(thing)
        for one in said(thing):
            self._keep(owner, one.entity, row.id, Reading(moment, one.value, about))
        self._keep(device, LAST, row.id, Reading(moment, thing["when"]["time"], {}))

    def _keep(self, owner: Owner, entity: Entity, thing_id: str, reading: Reading) -> None:
        self.owners[owner.key] = owner
        self.entities.setdefault(owner.key, {})[entity.key] = entity
        readings = self._readings.setdefault((owner.key, entity.key), {})
        readings[thing_id] = reading
        if len(readings) > KEPT:
            del readings[min(readings, key=lambda one: readings[one].moment)]

    def newest(self) -> Iterator[tuple[str, str, str]]:
        """Owner, entity and payload of each."""
        for (owner, entity), readings in self._readings.items():
            latest = max(readings.values(), key=lambda one: one.moment, default=None)
            yield owner, entity, latest.payload() if latest is not None else NOTHING

    def news(self) -> list[tuple[str, str, str]]:
        """Those that have not been shown so."""
        return [one for one in self.newest() if self._shown.get(one[:2]) != one[2]]

    def shown(self, owner: str, entity: str, payload: str) -> None:
        self._shown[owner, entity] = payload


def _about(thing: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes: when it was measured, how far that can be believed, and by what."""
    found = {"measured": thing["when"]["time"], "time_quality": thing["when"]["quality"], "device": thing["device"]["name"]}
    if thing["status"]:
        found["status"] = ", ".join(thing["status"])
    for name in ("meal", "sample", "location"):
        if thing["data"].get(name):
            found[name] = thing["data"][name]
    return found

"""The laws of identity, for every driver there is: what its capture says is said again, by a mended codec, to another gateway, and given to
one person and another.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from drivers import Batch, Frame, Quantity, Reading
from drivers.kit.capture import Record
from gateway import inbox, registry
from gateway.filing import Filing, SessionFacts
from gateway.journal import Committed, Journal
from gateway.journal.reading import read_latest
from gateway.replay import work_off
from tests.support import golden
from tests.support.replaying import records

BERLIN = ZoneInfo("Europe/Berlin")
EVERY = pytest.mark.parametrize("path", golden.every(), ids=golden.name)
STREAMS = {
    *("mi-band", "xoss-belt", "viatom-o2", "viatom-pc60fw", "jumper-jpd500f", "berry-bm1000", "nonin-3230"),
    *("heart-rate", "cycling", "running", "cycling-power", "fitness-machine", "pulse-oximeter-continuous"),
    *("cables/contec-cms50", "cables/contec-cms50-new", "cables/nonin", "cables/pos-scale"),
}
"""They show what is now: said at another moment it is another reading."""
SELF_DESCRIBING = {"generic-health-sensor", "cables/phd", "cables/phd-tcp"}
"""They say observations with codes, not quantities: there is nothing here that could be doubled."""
STAMPED = {"beurer-sanitas", "medisana-bs44x", "sanitas-sbf72", "xiaomi-scale", "xiaomi-body-scale", "xiaomi-mibeacon", "amazfit-scale"}
"""Vendor devices that say when."""
EPISODES = {"bthome", "thermometer", "weight-scale", "body-composition"} | {
    item.driver.name
    for item in registry.load().loaded
    if "/vendor/" in item.source and item.driver.name not in STAMPED and not item.driver.name.startswith("omron-")
}
"""In these captures something was measured without number or stamp: each gateway keeps count of such for itself."""


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "journal.db")
    yield made
    made.close()


async def file(journal: Journal, given: list[Record], filing: type[Filing] = Filing) -> int:
    outcome = await work_off(given, golden.REGISTRY, filing(journal, BERLIN))
    assert not outcome.failed
    return outcome.things


def later(given: list[Record], seconds: float = 20.0) -> list[Record]:
    """The same conversation once more, behind the first."""
    last = given[-1].position + 1000
    return [
        replace(one, session=f"{one.session}-again", time=one.time + seconds, boottime=one.boottime + seconds, position=one.position + last)
        for one in given
    ]


def ids(journal: Journal) -> dict[str, int]:
    """By id, of what was measured: the highest version."""
    found: dict[str, int] = {}
    for row in journal.everything():
        if row.type != "device":
            found[row.id] = max(row.version, found.get(row.id, 0))
    return found


@EVERY
async def test_what_is_told_again_is_nothing_new(path: Path, journal: Journal) -> None:
    given = records(path)
    await file(journal, given)
    before = ids(journal)
    await file(journal, later(given))
    if golden.name(path) in STREAMS:
        assert set(ids(journal)) >= set(before)
    else:
        assert ids(journal) == before


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


@EVERY
async def test_a_mended_codec_makes_versions_and_no_things(path: Path, journal: Journal) -> None:
    given = records(path)
    await file(journal, given)
    before = {row.id: row for row in journal.everything()}
    await file(journal, given, _Mended)
    after = {row.id: row for row in journal.everything()}
    assert set(after) == set(before)
    changed = {one for one, row in after.items() if json.loads(row.body)["data"] != json.loads(before[one].body)["data"]}
    assert {one: row.version - before[one].version for one, row in after.items()} == {one: int(one in changed) for one in after}
    quantified = {one for one, row in before.items() if row.type != "coded-observation" and '"display"' in row.body}
    assert quantified <= changed or golden.name(path) in SELF_DESCRIBING


@EVERY
async def test_what_is_given_away_and_back_stays_one_and_where_its_owner_says(path: Path, journal: Journal, tmp_path: Path) -> None:
    given = records(path)
    await file(journal, given)
    before = set(ids(journal))
    for person in ("anna", "ben", "anna"):
        numbers = [row.n for row in read_latest(tmp_path / "journal.db") if row.type != "device"]
        await inbox.assign(journal, numbers, person)
        assert await file(journal, given) == 0, "told again it changes nothing"
    assert set(ids(journal)) == before
    assert set(ids(journal).values()) == {4}
    latest = [json.loads(row.body) for row in read_latest(tmp_path / "journal.db") if row.type != "device"]
    assert {thing["person"] for thing in latest} == {"anna"}


@EVERY
async def test_two_gateways_on_one_device_say_one_thing(path: Path, journal: Journal, tmp_path: Path) -> None:
    """The other one hears it at another moment, in another session, after another history."""
    given = records(path)
    await file(journal, given)
    other = Journal(tmp_path / "other.db")
    try:
        await file(other, later(given, 3.0))
        if golden.name(path) in STREAMS | EPISODES:
            assert len(ids(other)) == len(ids(journal))
        else:
            assert ids(other) == ids(journal)
    finally:
        other.close()

"""Whose readings are: the inbox, re-attribution and retraction."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from drivers import BodyComposition, Key, Quantity
from gateway import inbox, pending
from gateway.cli import root
from gateway.config import DeviceSection
from gateway.journal import Journal
from gateway.journal.reading import read_latest
from gateway.simulator.cables.freestyle import FreeStyleUsb
from gateway.transports.cables.plugs import Plugged
from tests.gateway.test_filing import FRAME, TIME, A, facts, glucose, info, put
from tests.support.cable_cases import NOW, records
from tests.support.cables import house

ANNA = DeviceSection(address=A, person="anna")


def latest(path: Path) -> dict[str, tuple[int, str | None, bool]]:
    """By glucose value: version, person, whether it is retracted."""
    found = {}
    for row in read_latest(path):
        thing = json.loads(row.body)
        if thing["type"] == "blood-glucose":
            found[thing["data"]["glucose"]["display"]["value"]] = (thing["version"], thing.get("person"), thing.get("retracted", False))
    return found


async def test_what_belongs_to_nobody_is_listed_oldest_first(journal: Journal, path: Path) -> None:
    earlier = glucose(2, "99")
    await put(journal, glucose(1, "101"), about=info())
    await put(journal, glucose(3, "88"), on=facts(session="s2", settings=ANNA))
    await put(journal, earlier, on=facts(session="s3"))
    listed = inbox.entries(read_latest(path))
    assert [entry.things[0]["data"]["glucose"]["display"]["value"] for entry in listed] == ["101", "99"]
    assert [entry.person for entry in inbox.entries(read_latest(path), person="anna")] == ["anna"]
    assert inbox.entries(read_latest(path), address="C1:00:00:00:00:99") == []
    assert inbox.entries(read_latest(path), since="2026-03-15") == []


async def test_assigned_and_back_and_told_again_by_its_device(journal: Journal, path: Path) -> None:
    """The owner's word stands above the configuration's, and each word is a version that sinks carry."""
    await put(journal, glucose(1, "101"), on=facts(settings=ANNA))
    [entry] = inbox.entries(read_latest(path), person="anna")
    for version, person in ((2, "ben"), (3, "anna"), (4, "ben")):
        [committed] = await inbox.assign(journal, [entry.number], person)
        assert committed.version == version
    assert await inbox.assign(journal, [entry.number], "ben") == [], "said already"
    assert await put(journal, glucose(1, "101"), on=facts(session="s2", settings=ANNA)) == []
    assert latest(path) == {"101": (4, "ben", False)}


async def test_what_was_taken_from_everybody_stays_nobody_s(journal: Journal, path: Path) -> None:
    """Though the configuration names somebody for all that its device measures."""
    await put(journal, glucose(1, "101"), on=facts(settings=ANNA))
    [entry] = inbox.entries(read_latest(path), person="anna")
    await inbox.assign(journal, [entry.number], None)
    assert await put(journal, glucose(1, "101"), on=facts(session="s2", settings=ANNA)) == []
    [mended] = await put(journal, glucose(1, "102"), on=facts(session="s3", settings=ANNA))
    assert (mended["version"], mended.get("person"), mended["by_hand"]) == (3, None, True)
    assert [found.number for found in inbox.entries(read_latest(path))] == [3]


async def test_what_was_retracted_is_not_said_again(journal: Journal, path: Path) -> None:
    await put(journal, glucose(1, "101"), glucose(2, "102"))
    [wrong, _] = inbox.entries(read_latest(path))
    await inbox.retract(journal, [wrong.number])
    assert [entry.number for entry in inbox.entries(read_latest(path))] == [2]
    assert await put(journal, glucose(1, "101"), on=facts(session="s2", settings=ANNA)) == []
    assert await put(journal, glucose(1, "103"), on=facts(session="s3", settings=ANNA)) == [], "nor by a mended codec"
    assert latest(path)["101"] == (2, None, True)


async def test_what_was_retracted_waits_for_no_clock(journal: Journal) -> None:
    """It would be mended in vain every ten seconds."""
    await put(journal, glucose(1, "101"), glucose(2, "102"), on=replace(facts(), clock_trusted=False))
    assert len(pending.pending(journal)) == 2
    await inbox.retract(journal, [1])
    assert [row.n for row in pending.pending(journal)] == [2]


async def test_a_replay_does_not_undo_a_word(journal: Journal, path: Path) -> None:
    await put(journal, glucose(1, "101"), glucose(2, "102"), on=facts(settings=ANNA))
    first, second = inbox.entries(read_latest(path), person="anna")
    await inbox.assign(journal, [first.number], "ben")
    await inbox.retract(journal, [second.number])
    again = facts(settings=ANNA, replaying=True)
    assert await put(journal, glucose(1, "101"), glucose(2, "102"), on=again) == []
    assert await put(journal, glucose(1, "101"), glucose(2, "102"), on=facts(replaying=True)) == []
    assert latest(path) == {"101": (2, "ben", False), "102": (2, "anna", True)}


async def test_a_row_that_was_damaged_meanwhile_holds_up_nothing(journal: Journal, path: Path) -> None:
    await put(journal, glucose(1, "101"))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE things SET body=substr(body, 5)")
    assert [thing["version"] for thing in await put(journal, glucose(1, "102"), glucose(2, "103"), on=facts(session="s2"))] == [2, 1]


async def test_what_was_measured_together_moves_together(journal: Journal, path: Path) -> None:
    """A scale's weight, and what it makes of the body."""
    weighed = BodyComposition(
        frame=FRAME,
        key=Key.content(TIME, 1, b"x", 0),
        device_time=TIME,
        weight=Quantity(Decimal("71.2"), "kg"),
        fat=Quantity(Decimal("22.1"), "%"),
        water_mass=Quantity(Decimal("40.0"), "kg"),
    )
    await put(journal, weighed)
    [entry] = inbox.entries(read_latest(path))
    assert len(entry.things) > 1
    new = await inbox.assign(journal, [entry.number], "anna")
    assert len(new) == len(entry.things)
    assert inbox.entries(read_latest(path)) == []
    [entry] = inbox.entries(read_latest(path), person="anna")
    assert len(entry.things) == len(new)


async def test_a_number_that_is_none_changes_nothing(journal: Journal, path: Path) -> None:
    await put(journal, glucose(1, "101"), about=info())
    device = next(row.n for row in read_latest(path) if row.type == "device")
    [entry] = inbox.entries(read_latest(path))
    for number in (device, 99):
        with pytest.raises(inbox.NoSuchEntry, match=str(number)):
            await inbox.assign(journal, [entry.number, number], "anna")
    assert latest(path) == {"101": (1, None, False)}


async def test_an_old_number_names_the_thing_as_it_is_now(journal: Journal, path: Path) -> None:
    await put(journal, glucose(1, "101"))
    [entry] = inbox.entries(read_latest(path))
    await put(journal, glucose(1, "101", meal="fasting"))
    [committed] = await inbox.assign(journal, [entry.number], "anna")
    assert committed.version == 3
    thing = json.loads(journal.versions(committed.id)[-1].body)
    assert (thing["data"]["meal"], thing["person"]) == ("fasting", "anna")


async def test_a_person_goes_through_the_inbox(tmp_path: Path) -> None:
    """By the command, through the control socket of a gateway that runs."""
    config = tmp_path / "config.toml"
    config.write_text(f'[gateway]\nstate = "{tmp_path}/state"\n[[person]]\nid = "anna"\n[[person]]\nid = "ben & co"\n')

    async def said(*arguments: str) -> tuple[int, str]:
        result = await asyncio.to_thread(CliRunner().invoke, root, ["inbox", *arguments, "-c", str(config)])
        return result.exit_code, result.output

    async with house(tmp_path, person=[{"id": "anna"}, {"id": "ben & co"}]) as home:
        await home.plug(FreeStyleUsb(records(4), lambda: NOW), Plugged("1-10", 0x1A61, 0x3850))
        code, listed = await said("list")
        numbers = [line.split()[0] for line in listed.splitlines()]
        assert (code, len(numbers)) == (0, 5)
        assert "glucose 91 mg/dL" in listed.splitlines()[-1]
        assert await said("assign", "ben & co", *numbers[:2]) == (0, "2 things have a new version\n")
        assert await said("discard", numbers[2]) == (0, "1 things have a new version\n")
        assert await said("assign", "anna", "--all", "--device", "C1:00:00:00:00:99") == (0, "0 things have a new version\n")
        assert await said("assign", "anna", "--all") == (0, "2 things have a new version\n")
        assert await said("list") == (0, "everything belongs to somebody\n")
        assert len(json.loads((await said("list", "--person", "ben & co", "--json"))[1])) == 2
        assert await said("assign", "nobody", numbers[0]) == (0, "1 things have a new version\n")
        code, problem = await said("assign", "carla", numbers[0])
        assert (code, "no [[person]] has the id 'carla'; there are: anna, ben & co" in problem) == (1, True)
        code, problem = await said("discard", numbers[0], "99999")
        assert (code, "there is no entry 99999; nothing was changed" in problem) == (1, True)
        for wrong in (["discard"], ["assign", "anna"], ["assign", "anna", numbers[0], "--all"]):
            assert (await said(*wrong))[0] == 2
        # What the device tells again changes nothing of it.
        before = home.gateway.journal.head()
        await home.plug(FreeStyleUsb(records(4), lambda: NOW), Plugged("1-10", 0x1A61, 0x3850))
        assert home.gateway.journal.head() == before
    code, problem = await said("list")
    assert (code, "the gateway does not run" in problem) == (1, True)

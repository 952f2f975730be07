"""What the page shows of the journal: the newest, charts, single things, the inbox, and all of it as it changes."""

from __future__ import annotations

import asyncio
import json
import math
import random
import shutil
import sqlite3
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway import inbox
from gateway.filing import candidates
from gateway.journal import Commit, Journal, thinning
from gateway.journal.reading import read_latest
from gateway.normalize.things import BY_NAME
from gateway.quantities import said
from gateway.web import accounts, following
from gateway.web.following import Following
from gateway.web.points import Points, Series, columns, time_of, told
from tests.support.browsing import Browser, household
from tests.support.fakes import until


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "N", 16)
    monkeypatch.setattr(accounts, "P", 1)


def series_of(values: list[tuple[float, float]]) -> Series:
    made = Series()
    for number, (time, value) in enumerate(values, 1):
        made.add(time, value, number)
    return made


# -- points -------------------------------------------------------------------------------------------------------


def test_values_stand_by_their_time_and_leave_again() -> None:
    made = series_of([(5.0, 1), (3.0, 2), (5.0, 3), (4.0, 4)])
    assert (list(made.times), list(made.values), list(made.numbers)) == ([3, 4, 5, 5], [2, 4, 1, 3], [2, 4, 1, 3])
    made.remove(5.0, 3)
    made.remove(5.0, 99)
    made.remove(9.0, 1)
    assert list(made.numbers) == [2, 4, 1]


@pytest.mark.parametrize("seed", range(20))
def test_what_is_put_together_keeps_extremes_and_leaves_nothing_out(seed: int) -> None:
    chance = random.Random(seed)
    values = sorted((chance.uniform(0, 1e6), chance.uniform(40, 200)) for _ in range(chance.randrange(1, 3000)))
    since, until_ = sorted((chance.uniform(-1e5, 1.1e6), chance.uniform(-1e5, 1.1e6)))
    most = chance.randrange(1, 500)
    within = [value for time, value in values if since <= time <= until_]
    got = columns(series_of(values), since, until_, most)
    assert len(got.times) <= most + 1
    assert got.times == sorted(got.times)
    if len(within) <= most:
        assert (got.values, got.low) == (within, None)
        return
    assert got.low is not None
    assert got.high is not None
    assert got.counts is not None
    assert sum(got.counts) == len(within)
    assert min(got.low) == min(within)
    assert max(got.high) == max(within)
    assert math.isclose(sum(mean * count for mean, count in zip(got.values, got.counts, strict=True)), sum(within))
    assert all(low <= mean <= high for low, mean, high in zip(got.low, got.values, got.high, strict=True))


def test_equal_times_are_put_together_too() -> None:
    got = columns(series_of([(7.0, n) for n in range(100)]), 0, 10, 5)
    assert (got.times, got.low, got.high, got.counts) == ([7.0], [0], [99], [100])


# -- following the journal ----------------------------------------------------------------------------------------


def shown(points: Points) -> dict[str | None, dict[str, list[tuple[float, float]]]]:
    found: dict[str | None, dict[str, list[tuple[float, float]]]] = {}
    for person in [*points.persons(), None]:
        whose = {key: series for (who, key), series in points._series.items() if who == person and len(series)}
        found[person] = {key: sorted(zip(series.times, series.values, strict=True)) for key, series in whose.items()}
    return found


def truth(path: Path) -> dict[str | None, dict[str, list[tuple[float, float]]]]:
    """By the journal's latest versions."""
    found: dict[str | None, dict[str, list[tuple[float, float]]]] = {None: {}}
    for row in read_latest(path):
        thing = json.loads(row.body)
        if thing["type"] != "device" and not thing.get("retracted"):
            for one in said(thing):
                found.setdefault(thing.get("person"), {}).setdefault(one.entity.key, []).append((time_of(thing), float(one.value)))
    return {person: {key: sorted(values) for key, values in by.items()} for person, by in found.items()}


@pytest.mark.parametrize("at_once", [1, 3, 7, 500])
async def test_whatever_is_said_of_things_the_points_are_what_the_journal_says(
    tmp_path: Path, lived_in: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Things are assigned, taken away and retracted while the journal is being read, and after."""
    monkeypatch.setattr(following, "AT_ONCE", at_once)
    path = tmp_path / "journal.db"
    shutil.copy(lived_in / "journal.db", path)
    journal, points, heard = Journal(path), Points(), set[str | None]()
    follower = Following(journal, points, heard.update)
    running = asyncio.create_task(follower.run())
    chance = random.Random(at_once)
    numbers = [row.n for row in journal.latest() if row.type != "device"]
    for _ in range(12):
        number = chance.choice(numbers)
        if chance.random() < 0.3:
            await inbox.retract(journal, [number])
        else:
            await inbox.assign(journal, [number], chance.choice(["anna", "ben", "carla", None]))
        follower.wake()
        if chance.random() < 0.5:
            await asyncio.sleep(0.01)
    await until(lambda: follower._at == journal.head() and follower.progress == 1.0)
    assert shown(points) == truth(path)
    assert sum(len(points.things(person)) for person in [*points.persons(), None]) == sum(
        row.type != "device" and not json.loads(row.body).get("retracted") for row in journal.latest()
    )
    assert heard >= {"anna", "ben", None}
    running.cancel()
    journal.close()


async def test_what_has_been_thrown_away_leaves_the_page(tmp_path: Path, lived_in: Path) -> None:
    path = tmp_path / "journal.db"
    shutil.copy(lived_in / "journal.db", path)
    journal, points = Journal(path), Points()
    follower = Following(journal, points, lambda _persons: None)
    running = asyncio.create_task(follower.run())
    await until(lambda: follower._at == journal.head())
    before = shown(points)
    last, is_over = 0, False
    while not is_over:
        done = await journal.writer.do(lambda c, behind=last: thinning.thin(c, sinks=[], before="2100", behind=behind))  # type: ignore[misc]  # a default for the loop
        last, is_over = done.last, done.is_over
    follower.begin_anew()
    await until(lambda: shown(points) != before and follower.progress == 1.0)
    assert shown(points) == truth(path)
    running.cancel()
    journal.close()


async def test_a_journal_that_cannot_be_read_for_a_moment_is_read_later(
    tmp_path: Path, lived_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "AGAIN_SECONDS", 0.01)
    path = tmp_path / "journal.db"
    shutil.copy(lived_in / "journal.db", path)
    journal, points, failures = Journal(path), Points(), iter([True, True, False])
    after = journal.after

    def failing(n: int, limit: int) -> Any:
        if next(failures, False):
            raise sqlite3.OperationalError("disk I/O error")
        return after(n, limit)

    monkeypatch.setattr(journal, "after", failing)
    follower = Following(journal, points, lambda _persons: None)
    running = asyncio.create_task(follower.run())
    await until(lambda: follower.progress == 1.0)
    assert shown(points) == truth(path)
    running.cancel()
    journal.close()


def test_what_is_no_reading_has_no_points() -> None:
    assert told(1, json.dumps({"type": "device"})) is None
    assert told(1, json.dumps({"type": "weight", "retracted": True})) is None


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"type": "weight"}', '{"type": "weight", "when": {"time": "never"}, "data": {}}'])
def test_a_thing_that_cannot_be_placed_keeps_nobody_else_from_it(body: str) -> None:
    assert told(1, body) is None


# -- through the door ---------------------------------------------------------------------------------------------


async def test_people_charts_and_lists_say_what_the_journal_says(tmp_path: Path, lived_in: Path) -> None:
    wanted = truth(lived_in / "journal.db")
    async with household(tmp_path, lived_in) as home:
        owner = await home.owner()
        everybody = await owner.get("/people")
        assert everybody["progress"] == 1
        for person in everybody["people"]:
            mine = wanted[person["id"]]
            assert {one["quantity"]["key"] for one in person["latest"]} == set(mine)
            for latest in person["latest"]:
                key = latest["quantity"]["key"]
                assert latest["count"] == len(mine[key])
                assert (latest["time"], latest["value"]) in mine[key]
                assert latest["time"] == mine[key][-1][0]
            keys = sorted(mine)[:8]
            chart = await owner.get(f"/people/{person['id']}/chart?quantities={','.join(keys)},nonsense")
            for line in chart["lines"]:
                got = sorted(zip(line["times"], line["values"], strict=True))
                assert got == mine[line["quantity"]["key"]]
            assert chart["first"] == min(mine[key][0][0] for key in keys)
            listed: list[dict[str, Any]] = []
            cursor = ""
            while True:
                answer = await owner.get(f"/people/{person['id']}/things{cursor}")
                listed += answer["things"]
                if answer["next"] is None:
                    break
                cursor = f"?before={answer['next']}"
            assert len(listed) == person["things"]
            times = [time_of(one["thing"]) for one in listed]
            assert times == sorted(times, reverse=True)
            assert all("boot_id" not in one["thing"]["provenance"] for one in listed)
            assert all(one["thing"]["person"] == person["id"] for one in listed)


async def test_a_chart_has_only_what_lies_in_its_range(tmp_path: Path, lived_in: Path) -> None:
    async with household(tmp_path, lived_in) as home:
        owner = await home.owner()
        [line] = (await owner.get("/people/anna/chart?quantities=systolic"))["lines"]
        middle = line["times"][len(line["times"]) // 2]
        [half] = (await owner.get(f"/people/anna/chart?quantities=systolic&since={middle}"))["lines"]
        assert half["times"] == [time for time in line["times"] if time >= middle]
        [few] = (await owner.get("/people/anna/chart?quantities=systolic&most=1"))["lines"]
        assert sum(few["counts"]) == len(line["times"])
        assert (await owner.get("/people/nobody-here/chart?quantities=systolic"))["lines"] == []


async def test_an_unassigned_reading_is_given_to_somebody_and_one_is_retracted(tmp_path: Path, lived_in: Path) -> None:
    async with household(tmp_path, lived_in) as home:
        owner = await home.owner()
        box = await owner.get("/inbox")
        assert box["persons"] == ["anna", "ben"]
        entry = box["entries"][0]
        assert entry["time"] >= box["entries"][-1]["time"]
        done = await owner.do("POST", "/inbox/assign", {"numbers": [entry["number"]], "person": "anna"})
        assert done["things"] == len(entry["things"])
        await home.read()
        assert entry["number"] not in [one["number"] for one in (await owner.get("/inbox"))["entries"]]
        status, said = await owner.ask("POST", "/inbox/assign", {"numbers": [entry["number"]], "person": "nobody-here"})
        assert status == 404
        assert "there are: anna, ben" in said["error"]
        latest = (await owner.get(f"/things/{entry['number']}"))[0]
        assert (latest["thing"]["person"], latest["thing"]["by_hand"]) == ("anna", True)
        # The number of an old version names the thing as well.
        await owner.do("POST", f"/things/{entry['number']}/retract")
        await home.read()
        assert (await owner.get(f"/things/{entry['number']}"))[0]["thing"]["retracted"] is True
        assert entry["number"] not in [one["number"] for one in (await owner.get("/people/anna/things"))["things"]]
        words = [(one["what"], one["by"]) for one in await home.audit() if one["what"] in ("assigned", "retracted")]
        assert words == [("assigned", "Carla"), ("retracted", "Carla")]


async def test_a_device_is_no_reading_of_anybody(tmp_path: Path, lived_in: Path) -> None:
    async with household(tmp_path, lived_in) as home:
        owner = await home.owner()
        number = next(row.n for row in home.gateway.journal.latest() if row.type == "device")
        assert (await owner.ask("GET", f"/things/{number}"))[0] == 404
        assert (await owner.ask("POST", f"/things/{number}/retract"))[0] == 404


async def test_the_inbox_shows_the_latest_and_says_how_many_more(tmp_path: Path, lived_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.web.people.MOST_IN_INBOX", 3)
    async with household(tmp_path, lived_in) as home:
        owner = await home.owner()
        box = await owner.get("/inbox")
        assert sum(len(entry["things"]) for entry in box["entries"]) == 3
        assert box["more"] == (await owner.get("/people"))["unassigned"] - 3


async def test_a_page_hears_of_what_concerns_it_and_of_nothing_else(tmp_path: Path, lived_in: Path) -> None:
    async with household(tmp_path, lived_in) as home:
        owner = await home.owner()
        anna = await home.somebody(owner, "Anna", "member", "anna")
        tom = await home.somebody(owner, "Tom", "technician")
        heard: dict[str, set[str]] = defaultdict(set)
        listening = {name: asyncio.create_task(listen(one, heard[name])) for name, one in (("owner", owner), ("anna", anna), ("tom", tom))}
        await until(lambda: len(home.page._live._pages) == 3)
        bens = (await owner.get("/people/ben/things"))["things"][0]["number"]
        await owner.do("POST", f"/things/{bens}/retract")
        await until(lambda: "people" in heard["owner"])
        assert heard["anna"] == set()
        annas = (await owner.get("/people/anna/things"))["things"][0]["number"]
        await owner.do("POST", f"/things/{annas}/retract")
        await until(lambda: heard["anna"] == {"people"})
        assert "people" not in heard["tom"]
        home.page.changed("pairing")
        await until(lambda: "pairing" in heard["tom"])
        assert heard["anna"] == {"people"}
        # Whoever is thrown out hears no more.
        await owner.do("DELETE", "/accounts/Tom")
        home.page.changed("pairing")
        await until(listening["tom"].done)
        assert not listening["owner"].done()
    await asyncio.gather(*listening.values())  # the daemon lets its pages go when it stops


async def listen(browser: Browser, heard: set[str]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", browser.port)
    writer.write(f"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: session={browser.cookie}\r\n\r\n".encode())
    try:
        while line := await reader.readline():
            if line.startswith(b"data: ["):
                heard |= set(json.loads(line[6:]))
    finally:
        writer.close()


async def test_the_newest_comes_while_the_page_is_open(tmp_path: Path, lived_in: Path) -> None:
    async with household(tmp_path, lived_in) as home:
        owner = await home.owner()
        heard = set[str]()
        listening = asyncio.create_task(listen(owner, heard))
        await until(lambda: bool(home.page._live._pages))
        row = next(row for row in home.gateway.journal.latest() if row.type == "weight")
        thing = BY_NAME["weight"].model_validate_json(row.body)
        when = thing.when.model_copy(update={"time": "2031-01-01T08:00:00+00:00"})
        new = thing.model_copy(update={"id": "0" * 32, "person": "anna", "when": when, "version": 1})
        home.gateway._on_committed(await home.gateway.journal.commit(Commit("", tuple(candidates([new])))))
        await until(lambda: "people" in heard)
        [latest] = [one for one in (await owner.get("/people"))["people"][0]["latest"] if one["quantity"]["key"] == "weight"]
        assert latest["time"] == datetime(2031, 1, 1, 8, tzinfo=UTC).timestamp()
        listening.cancel()

"""Laws over every driver that exists: a device maker's file is tested before its author writes a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from drivers import Advertisement, DeviceError, Match
from drivers.kit.capture import Record
from gateway import registry
from gateway.matching import Loaded
from gateway.registry import yields_safely
from tests.support.replaying import CAPTURES, readings, records, replayed

REGISTRY = registry.load()
CATALOG = json.loads((Path(__file__).parents[1] / "catalog.json").read_text())
DRIVERS = [pytest.param(item, id=item.driver.name) for item in REGISTRY.loaded]


def captures(name: str) -> list[list[Record]]:
    every = [records(path) for path in sorted(CAPTURES.glob("*.ndjson"))]
    return [found for found in every if found[0].extra.get("drv") == name]


def test_every_file_loads() -> None:
    """No driver is left out."""
    assert REGISTRY.problems == []
    assert len(REGISTRY.loaded) >= 6


@pytest.mark.parametrize("loaded", DRIVERS)
def test_it_tells_its_story(loaded: Loaded) -> None:
    """The file says what the device is, how the conversation flows and where the facts come from."""
    assert "Flow:" in loaded.story
    assert "Source:" in loaded.story
    assert loaded.driver.label


@pytest.mark.parametrize("loaded", DRIVERS)
def test_it_wins_a_catalog_entry(loaded: Loaded) -> None:
    """Each driver is reachable: some advertisement leads to it and to no other."""
    assert [entry for entry in CATALOG if entry["driver"] == loaded.driver.name]


@pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: entry["driver"])
def test_a_catalog_entry_is_won_by_its_driver(entry: dict[str, Any]) -> None:
    said = entry["advertisement"]
    if said is None:  # only where the configuration names it
        assert REGISTRY.radio_by_name[entry["driver"]].driver.match == Match()
        return
    service_data, manufacturer_data = (
        {int(number, 16): bytes.fromhex(data) for number, data in said.get(name, {}).items()}
        for name in ("service_data", "manufacturer_data")
    )
    seen = Advertisement(
        address=said.get("address", "C1:00:00:00:00:01"),
        local_name=said.get("local_name"),
        services=frozenset(said["services"]),
        companies=frozenset(manufacturer_data),
        service_data=service_data,
        manufacturer_data=manufacturer_data,
    )
    won = REGISTRY.match(seen)
    assert won is not None
    assert won.driver.name == entry["driver"]


@pytest.mark.parametrize("loaded", DRIVERS)
def test_it_never_yields_where_closing_would_run_on(loaded: Loaded) -> None:
    """A session may close the generator at any yield: not inside try, with or async with."""
    assert yields_safely(Path(loaded.source).read_text()) == []


def test_the_yield_law_sees_what_it_must() -> None:
    """The law itself can fail."""
    bad = "async def read(link):\n    async with link.busy():\n        yield 1\n"
    assert yields_safely(bad) == ["line 3: yield inside async with"]
    assert yields_safely("def read():\n    try:\n        yield 1\n    finally:\n        pass\n") == ["line 3: yield inside try"]
    assert yields_safely("def read():\n    yield 1\n") == []


@pytest.mark.parametrize("loaded", DRIVERS)
def test_a_replay_gives_the_same_readings(loaded: Loaded) -> None:
    """The same frames and clock, the same readings; and there are some."""
    given = captures(loaded.driver.name)
    assert given, "no capture"
    for capture in given:
        assert capture[0].extra["source"]
        first, second = (replayed(loaded.driver, capture)[0] for _ in range(2))
        assert first == second
        assert readings(first)


@pytest.mark.parametrize("loaded", DRIVERS)
def test_a_capture_cut_anywhere_gives_no_other_readings(loaded: Loaded) -> None:
    """A link that ends early yields what was complete: never a reading that the whole would not have."""
    for capture in captures(loaded.driver.name):
        whole = {(item.key, item.frame) for item in readings(replayed(loaded.driver, capture)[0])}
        kinds = {type(item) for item in readings(replayed(loaded.driver, capture)[0])}
        for length in range(1, len(capture)):
            batches, _, error = replayed(loaded.driver, capture[:length])
            assert error is None or isinstance(error, DeviceError)
            for item in readings(batches):
                assert (item.key, item.frame) in whole
                assert type(item) in kinds


@pytest.mark.parametrize("loaded", DRIVERS)
def test_it_writes_only_what_is_on_its_list(loaded: Loaded) -> None:
    """What a replay would have sent is on the allow-list; without the owner's word nothing forgets or changes."""
    for capture in captures(loaded.driver.name):
        _, link, _ = replayed(loaded.driver, capture)
        for characteristic, data in link.written:
            command = loaded.driver.allowed(characteristic, data)
            assert command is not None
            assert not command.forgets
            assert not command.changes


@pytest.mark.parametrize("loaded", DRIVERS)
def test_hostile_frames_are_set_aside(loaded: Loaded) -> None:
    """Short, long and random frames on every characteristic: no error but a device's own, and nothing unbounded."""
    import random  # noqa: PLC0415 - for this law

    seed = random.SystemRandom().getrandbits(32)
    randomness = random.Random(seed)
    for capture in captures(loaded.driver.name):
        hostile: list[Record] = [capture[0]]
        for number in range(300):
            characteristic = int(randomness.choice(capture[0].extra["chars"]), 16)
            kind = randomness.choice(("rx", "rx", "rd"))
            hostile.append(
                Record(
                    kind=kind,
                    session="1",
                    position=number,
                    characteristic=characteristic,
                    data=randomness.randbytes(randomness.randrange(30)),
                    time=1.7e9 + number,
                )
            )
        batches, link, error = replayed(loaded.driver, hostile)
        assert error is None or isinstance(error, DeviceError), f"seed {seed}"
        assert len(readings(batches)) + len(link.rejected) <= 2 * len(hostile), f"seed {seed}"

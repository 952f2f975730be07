"""The life of a bond, and what is remembered of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.bonds import DROPS_UNTIL_STALE, Act, Bond, BondFile, Event, State

A = "C1:00:00:00:00:01"


@pytest.mark.parametrize(
    ("before", "event", "at_hub", "after", "act"),
    [
        (State.UNPAIRED, Event.WANTS_SECURITY, False, State.UNPAIRED, Act.PAIR),
        (State.TAKEN, Event.WANTS_SECURITY, False, State.UNPAIRED, Act.PAIR),
        (State.PAIRED, Event.WANTS_SECURITY, False, State.LOST_ON_HUB, Act.PAIR),
        (State.STALE, Event.WANTS_SECURITY, False, State.STALE, Act.PAIR),
        (State.LOST_ON_DEVICE, Event.WANTS_SECURITY, False, State.LOST_ON_DEVICE, Act.PAIR),
        (State.PAIRED, Event.WANTS_SECURITY, True, State.STALE, Act.FORGET),
        (State.UNPAIRED, Event.WANTS_SECURITY, True, State.STALE, Act.FORGET),
        (State.PAIRED, Event.KEY_MISSING, True, State.LOST_ON_DEVICE, Act.FORGET),
        (State.UNPAIRED, Event.PAIRED, True, State.PAIRED, Act.NOTHING),
        (State.LOST_ON_HUB, Event.PAIRED, True, State.PAIRED, Act.NOTHING),
        (State.UNPAIRED, Event.WRONG, False, State.UNPAIRED, Act.TELL),
        (State.UNPAIRED, Event.REJECTED, False, State.TAKEN, Act.TELL),
        (State.LOST_ON_HUB, Event.REJECTED, False, State.TAKEN, Act.TELL),
        (State.UNPAIRED, Event.UNANSWERED, False, State.UNPAIRED, Act.TELL),
        (State.PAIRED, Event.DROPPED, True, State.PAIRED, Act.NOTHING),
        (State.STALE, Event.ANSWERED, True, State.PAIRED, Act.NOTHING),
        (State.TAKEN, Event.ANSWERED, False, State.TAKEN, Act.NOTHING),
        (State.UNPAIRED, Event.DROPPED, False, State.UNPAIRED, Act.NOTHING),
    ],
)
def test_what_happens_leads_to(before: State, event: Event, at_hub: bool, after: State, act: Act) -> None:  # noqa: FBT001 - a table
    bond = Bond(before)
    assert bond.happens(event, at_hub=at_hub) == (after, act)
    assert bond.state is after


def test_a_link_that_goes_now_and_then_is_the_air_and_one_that_goes_every_time_is_the_key() -> None:
    bond = Bond(State.PAIRED)
    for _ in range(DROPS_UNTIL_STALE - 1):
        assert bond.happens(Event.DROPPED, at_hub=True).act is Act.NOTHING
    assert bond.happens(Event.ANSWERED, at_hub=True) == (State.PAIRED, Act.NOTHING)
    for _ in range(DROPS_UNTIL_STALE - 1):
        assert bond.happens(Event.DROPPED, at_hub=True).act is Act.NOTHING, "not in a row"
    assert bond.happens(Event.DROPPED, at_hub=True) == (State.STALE, Act.FORGET)
    assert bond.happens(Event.DROPPED, at_hub=True).act is Act.NOTHING, "what comes then is another bond"


def test_links_that_go_without_a_bond_are_not_counted_against_the_next_one() -> None:
    bond = Bond()
    for _ in range(10):
        bond.happens(Event.DROPPED, at_hub=False)
    assert bond.happens(Event.DROPPED, at_hub=True).act is Act.NOTHING


def test_states_outlive_the_daemon(tmp_path: Path) -> None:
    path = tmp_path / "bonds.json"
    BondFile(path)[A] = State.PAIRED
    assert BondFile(path)[A] is State.PAIRED
    BondFile(path)[A] = State.UNPAIRED
    assert BondFile(path)[A] is State.UNPAIRED
    assert A not in path.read_text()


def test_a_device_is_known_by_the_address_it_was_named_by_until_it_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "bonds.json"
    known = BondFile(path)
    known[A] = State.PAIRED
    known.moved(A, "F0:00:00:00:00:01")
    again = BondFile(path)
    assert again.known_as("F0:00:00:00:00:01") == A
    assert again.known_as("F0:00:00:00:00:02") == "F0:00:00:00:00:02"
    assert again.others(A) == {"F0:00:00:00:00:01"}
    again[A] = State.UNPAIRED
    assert BondFile(path).others(A) == set()


@pytest.mark.parametrize("text", ["", "[]", '{"states": {"C1:00:00:00:00:01": "married"}, "named": {}}', '{"states": {}}', "{", "\x00"])
def test_a_file_that_cannot_be_read_is_begun_anew(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bonds.json"
    path.write_text(text)
    known = BondFile(path)
    assert known[A] is State.UNPAIRED
    known[A] = State.PAIRED
    assert BondFile(path)[A] is State.PAIRED

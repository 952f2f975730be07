"""Sessions of other people's agents: what they observed, by another manager's word or an independent reading of the octets."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import phd

VECTORS = Path(__file__).parents[2] / "vectors"
SESSIONS = [json.loads(path.read_text()) for path in sorted((VECTORS / "phd").glob("*.json"))]
APDUS = json.loads((VECTORS / "phd-apdus.json").read_text())["vectors"]


def near(said: str | None, expected: str | None) -> bool:
    """The other manager prints what a C double holds of a value, with six places."""
    if expected is None or said is None:
        return expected == said
    return abs(Decimal(said) - Decimal(expected)) <= Decimal("0.000001")


def agrees(said: dict[str, Any], expected: dict[str, Any]) -> bool:
    plain = {"code": said["type"] and said["type"]["code"], "unit": said["unit"] and said["unit"]["code"]}
    plain |= {"handle": said["handle"], "person": said.get("person"), "bits": said.get("bits"), "relative": said.get("relative_time")}
    values = near(said.get("value"), expected.get("value"))
    parts = [(part["type"]["code"], part["value"]) for part in said.get("components", [])]
    wanted = expected.get("components", [])
    values &= len(parts) == len(wanted) and all(
        near(value, one["value"]) and one.get("code", code) == code for (code, value), one in zip(parts, wanted, strict=True)
    )
    time = (said.get("time") or "").split(".")[0]
    return values and time == expected.get("time", time) and all(plain[name] == expected[name] for name in expected.keys() & plain.keys())


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session["name"])
def test_a_session_gives_what_the_peer_read(session: dict[str, Any]) -> None:
    """The device's APDUs, in order, give every value, with its unit, its time and its person; no other value comes of them."""
    answer = phd.answer({"phd": [message["hex"] for message in session["messages"] if message["from"] == "agent"]})
    known = {item["handle"] for item in answer["observations"]}
    # A configuration may lack an object that the reports have: told, and the rest is read.
    expected = [one for one in session["observations"] if one["handle"] in known]
    without = {item["handle"] for item in answer["unreadable"]}
    assert {one["handle"] for one in session["observations"]} <= known | without
    assert len(answer["observations"]) == len(expected)
    for said, wanted in zip(answer["observations"], expected, strict=True):
        assert agrees(said, wanted), (said, wanted)


def test_sessions_are_many_and_not_of_our_making() -> None:
    assert len(SESSIONS) >= 17
    assert sum(len(session["observations"]) for session in SESSIONS) >= 57
    assert all("health-gateway" not in session["source"] for session in SESSIONS)


@pytest.mark.parametrize("vector", APDUS, ids=lambda vector: vector["source"].rsplit("/", 1)[-1])
def test_an_apdu_reads_as_others_read_it(vector: dict[str, Any]) -> None:
    """Envelope, message and, as far as it can be told without a configuration, the observations."""
    answer = phd.answer({"phd": [vector["bytes"]]})
    expected = dict(vector["expect"])
    observations, _ = expected.pop("observations", []), expected.pop("asserted_by_peer", None)
    assert answer["ok"], answer
    assert {name: answer["apdus"][0].get(name) for name in expected} == expected
    for said, wanted in zip(answer["observations"], observations, strict=bool(observations)):
        values = [part["value"] for part in said.get("components", [])] or [said["value"]]
        numbers = [wanted[name] for name in ("basic_nu", "simple_nu") if name in wanted] or wanted["compound_basic_nu"]
        assert [float(value) for value in values] == numbers
        assert (said["handle"], said["time"], said.get("person")) == (wanted["handle"], wanted["abs_time"], wanted.get("person_id"))


@pytest.mark.parametrize(
    ("asked", "says"),
    [({"phd": "e700"}, "needs a list"), ({"phd": ["e7", 3]}, "needs a list"), ({"phd": ["e400", "xyz"]}, "APDU 1 is not hexadecimal")],
)
def test_a_question_that_is_none_is_told(asked: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        phd.answer(asked)


def test_one_broken_apdu_does_not_hide_the_others() -> None:
    """It is told in its place."""
    session = next(one for one in SESSIONS if one["name"] == "glu06a4-unknown-config")
    apdus = [message["hex"] for message in session["messages"] if message["from"] == "agent"]
    answer = phd.answer({"phd": [*apdus[:2], "e700000a0008", *apdus[2:]]})
    assert not answer["ok"]
    assert answer["apdus"][2] == {"error": "prst.length at byte 2 of 6: says 10 octets, 2 are there"}
    assert len(answer["observations"]) == 3

"""What out-of-tree drivers may rely on does not change under them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import drivers
from tests.support import vocabulary

ROOT = Path(__file__).parents[2]


def test_the_vocabulary_is_the_one_that_was_promised() -> None:
    said = json.loads(vocabulary.FILE.read_text())
    assert said["words"] == vocabulary.described(), "python -m tests.support.vocabulary says what to do"
    assert tuple(said["version"]) == drivers.VOCABULARY


@pytest.mark.parametrize(
    ("words", "version", "why"),
    [
        ({"Batch": 1, "Key": 2}, (1, 0), None),
        ({"Batch": 1}, (1, 1), "Key: gone or otherwise"),
        ({"Batch": 1, "Key": 3}, (1, 1), "Key: gone or otherwise"),
        ({"Batch": 1, "Key": 3}, (2, 0), None),
        ({"Batch": 1, "Key": 2, "More": 1}, (1, 0), "More: new; raise the second number"),
        ({"Batch": 1, "Key": 2, "More": 1}, (1, 1), None),
    ],
)
def test_a_change_asks_for_the_version_that_tells_of_it(words: dict[str, int], version: tuple[int, int], why: str | None) -> None:
    said = vocabulary.problem({"version": [1, 0], "words": {"Batch": 1, "Key": 2}}, words, version)
    assert (said is None) if why is None else (said is not None and why in said)


def test_the_description_sees_fields_methods_members_and_defaults() -> None:
    words = vocabulary.described()
    assert words["Quantity"]["fields"] == {"value": "asked for", "unit": "asked for"}
    assert words["Frame"]["fields"].keys() == {"characteristic", "data", "received", "boottime", "position"}
    assert words["GattLink"]["methods"]["receive"] == ["positional_or_keyword self", "positional_or_keyword patience=…"]
    assert "BOND_LOST" in words["Why"]["members"]
    assert words["weighing.weighing"]["parameters"][0] == "positional_or_keyword measured"
    assert set(drivers.__all__) - {"VOCABULARY", "steps", "weighing"} <= words.keys()


def test_every_word_is_documented() -> None:
    text = (ROOT / "docs" / "vocabulary.md").read_text()
    missing = [word for word in drivers.__all__ if f"`{word}`" not in text]
    assert missing == []
    assert f"version {'.'.join(map(str, drivers.VOCABULARY))}" in text

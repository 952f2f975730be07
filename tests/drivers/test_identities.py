"""The names of things are for good: what a device has said once is known again by every later version."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drivers.kit.capture import Record, parse_all
from gateway import registry
from tests.support import golden
from tests.support.replaying import records

TABLE = json.loads(golden.TABLE.read_text())


@pytest.mark.parametrize("path", golden.every(), ids=golden.name)
async def test_a_capture_becomes_the_things_that_it_always_was(path: Path) -> None:
    found = await golden.things(records(path))
    assert found == TABLE[golden.name(path)], "see tests/support/golden.py"
    assert found


def test_every_driver_has_a_capture_here() -> None:
    """And the table no entry that nothing makes."""
    known = {records(path)[0].extra["drv"] for path in golden.every()}
    assert known == set(registry.load().by_name)
    assert set(TABLE) == {golden.name(path) for path in golden.every()}


@pytest.mark.parametrize("path", golden.every(), ids=golden.name)
async def test_a_capture_cut_anywhere_names_nothing_else(path: Path) -> None:
    """Cut within the octets of a line, too: that line is damaged and costs no other."""
    whole = set(TABLE[golden.name(path)])
    lines = path.read_bytes().splitlines(keepends=True)
    step = max(1, len(lines) // 12)
    for length in range(1, len(lines), step):
        data = [*lines[:length], lines[length][: len(lines[length]) // 2]]
        given = [one for one in parse_all(data) if isinstance(one, Record)]
        assert len(given) == length
        assert {one for one in await golden.things(given) if not one.startswith("device ")} <= whole

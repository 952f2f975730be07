"""The name of a gateway lasts."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.journal import Journal
from gateway.naming import FILE, gateway_id


async def named(state: Path) -> str:
    journal = Journal(state / "journal.db")
    try:
        return await gateway_id(state, journal)
    finally:
        journal.close()


async def test_it_stays(tmp_path: Path) -> None:
    first = await named(tmp_path)
    assert len(first) == 8
    assert int(first, 16) >= 0
    assert await named(tmp_path) == first


async def test_it_outlives_a_journal_that_is_lost(tmp_path: Path) -> None:
    """Else everything would go again under another name, and be doubled where things are known by who sent them."""
    first = await named(tmp_path)
    for path in tmp_path.glob("journal.db*"):
        path.unlink()
    assert await named(tmp_path) == first


@pytest.mark.parametrize("damaged", [None, b"", b"\xff\xfe", b"0123456", b"0123456z\n"])
async def test_it_outlives_its_file(tmp_path: Path, damaged: bytes | None) -> None:
    first = await named(tmp_path)
    (tmp_path / FILE).unlink()
    if damaged is not None:
        (tmp_path / FILE).write_bytes(damaged)
    assert await named(tmp_path) == first
    assert (tmp_path / FILE).read_text() == f"{first}\n"


async def test_where_they_differ_the_journal_counts(tmp_path: Path) -> None:
    first = await named(tmp_path)
    (tmp_path / FILE).write_text("01234567\n")
    assert await named(tmp_path) == first
    assert (tmp_path / FILE).read_text() == f"{first}\n"


async def test_two_gateways_have_two_names(tmp_path: Path) -> None:
    names = set()
    for number in range(8):
        (tmp_path / str(number)).mkdir()
        names.add(await named(tmp_path / str(number)))
    assert len(names) == 8

"""A copied card."""

from __future__ import annotations

import json
from pathlib import Path

import structlog

from gateway.journal import Journal
from gateway.machine import fingerprint, recognise


def machine(place: Path, *cards: str, serial: bytes | None = None) -> Path:
    for number, address in enumerate(cards):
        card = place / "sys" / "class" / "net" / f"eth{number}"
        (card / "device").mkdir(parents=True)
        (card / "address").write_text(address + "\n")
    if serial is not None:
        tree = place / "proc" / "device-tree"
        tree.mkdir(parents=True)
        (tree / "serial-number").write_bytes(serial + b"\0")
    return place


async def test_a_copy_on_another_machine_is_noticed_once(journal: Journal, tmp_path: Path) -> None:
    first = machine(tmp_path / "first", "b8:27:eb:00:00:01", serial=b"10000000abcdef01")
    second = machine(tmp_path / "second", "b8:27:eb:00:00:02", serial=b"10000000abcdef02")
    with structlog.testing.capture_logs() as said:
        assert await recognise(journal, first)
        assert await recognise(journal, first)
        assert said == []
        assert not await recognise(journal, second)
    assert "both send under one name" in json.dumps(said)
    assert await recognise(journal, second), "it has been said"


async def test_a_pi_is_known_by_its_serial_number_and_others_by_their_cards(journal: Journal, tmp_path: Path) -> None:
    pi, same = (machine(tmp_path / name, card, serial=b"1") for name, card in (("pi", "00:00:00:00:00:01"), ("same", "00:00:00:00:00:02")))
    assert fingerprint(pi) == fingerprint(same)
    one, two = (machine(tmp_path / name, *cards) for name, cards in (("one", ("a1", "b2")), ("two", ("b2", "a1"))))
    assert fingerprint(one) == fingerprint(two) != fingerprint(pi)
    nothing = machine(tmp_path / "nothing")
    assert fingerprint(nothing) is None
    assert await recognise(journal, one)
    assert await recognise(journal, nothing), "a container has neither: nothing is said"
    assert await recognise(journal, one)

"""Advertisements: other people's octets and meanings, through the same door as a technician's."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.bytes import answer_to
from gateway.cli.sightings import sighting
from gateway.sealed import opener
from profiles.adv import FORMS, Locked, Sighting, Unknown, decode, no_key
from profiles.adv.bthome import BTHome
from profiles.wire import DecodeError

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "vectors" / "adv.json").read_text())["vectors"]
SEED = random.SystemRandom().getrandbits(32)


def _same(expected: Any, found: Any) -> bool:
    if isinstance(expected, bool) or expected is None or isinstance(found, bool):
        return bool(found is expected)
    if isinstance(expected, int | float):
        return found is not None and Decimal(str(found)) == Decimal(str(expected))
    return bool(expected == found)


def agrees(vector: dict[str, Any]) -> bool:
    told = answer_to(vector)
    if vector.get("no_values"):
        return not told["ok"] or all(item.get("event") for item in told["fields"]["objects"])
    return told["ok"] and all(_same(expected, told["fields"].get(name)) for name, expected in vector["means"].items())


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['form']}-{json.dumps(v['advertisement'])[-34:-4]}")
def test_vector(vector: dict[str, Any]) -> None:
    """Those that disagree say why, and still disagree."""
    assert len(vector["source"]) > 10
    assert vector.get("means") or vector.get("no_values")
    assert agrees(vector) != bool(vector.get("disagrees"))


def test_few_disagree() -> None:
    assert sum("disagrees" in vector for vector in VECTORS) <= 4


def encrypted() -> list[dict[str, Any]]:
    return [v for v in VECTORS if answer_to(v).get("fields", {}).get("encrypted")]


def test_without_the_key_or_with_another_nothing_is_said() -> None:
    assert len(encrypted()) >= 10
    for vector in encrypted():
        seen = sighting(vector["advertisement"], vector["mac"])
        with pytest.raises(Locked, match="no key"):
            decode(seen, no_key)
        with pytest.raises(Locked, match="does not fit"):
            decode(seen, opener(bytes(16)))


def test_no_octet_of_an_encrypted_one_can_be_changed() -> None:
    """A forged or damaged advertisement says nothing, or is no such form at all; MiBeacon leaves bits unprotected that change no value."""
    for vector in encrypted():
        seen = sighting(vector["advertisement"], vector["mac"])
        [(uuid, data)] = seen.service_data.items()
        open_, good = opener(bytes.fromhex(vector["bindkey"])), decode(seen, opener(bytes.fromhex(vector["bindkey"])))[1]
        for at in range(len(data)):
            changed = data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]
            try:
                [said] = decode(replace(seen, service_data={uuid: changed}), open_)[1]
            except (Locked, DecodeError):
                continue
            assert not said.encrypted or _values(said) in (_values(good[0]), None)


def _values(said: Any) -> Any:
    return said.items if isinstance(said, BTHome) else said.said


def test_an_open_one_is_refused_where_the_key_is_known() -> None:
    told = answer_to({"advertisement": {"service_data": {"fcd2": "4002ca09"}}, "bindkey": "00" * 16})
    assert not told["ok"]
    assert "forged" in told["error"]


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"advertisement": 5}, "object"),
        ({"advertisement": {"service_data": []}}, "no form"),
        ({"advertisement": {"service_data": [1]}}, "object"),
        ({"advertisement": {"service_data": {"fcd2": "4"}}}, "hexadecimal"),
        ({"advertisement": {"service_data": {"fcd2": "40"}}, "mac": "12"}, "6 bytes"),
        ({"advertisement": {"service_data": {"fcd2": "41" + "00" * 9}}, "bindkey": "12"}, "16 bytes"),
        ({"advertisement": {"manufacturer_data_with_company_id_le": "57"}}, "identifier"),
        ({"advertisement": {"name": "nobody"}}, "no form"),
        ({"advertisement": {"name": 5}}, "a text"),
        ({"advertisement": {"service_data": {"scale": "00"}}}, "such as 2A35"),
        ({"advertisement": {"service_data": {"fcd2": "40"}}, "keys": 7}, "object"),
    ],
)
def test_a_bad_question_is_told_what_is_wrong(asked: dict[str, Any], problem: str) -> None:
    told = answer_to(asked)
    assert not told["ok"]
    assert problem in told["error"]


def test_random_octets_give_a_value_or_a_named_refusal() -> None:
    """Damaged copies of real ones, for each form; some still read."""
    randomness = random.Random(SEED)
    read: dict[str, int] = {}
    for _ in range(6000):
        vector = randomness.choice(VECTORS)
        seen = sighting(vector["advertisement"], vector.get("mac"))
        damaged = {uuid: _damaged(data, randomness) for uuid, data in seen.service_data.items()}
        companies = {company: _damaged(data, randomness) for company, data in seen.manufacturer_data.items()}
        key = opener(bytes.fromhex(vector["bindkey"])) if "bindkey" in vector else no_key
        try:
            form, parts = decode(Sighting(address=seen.address, name=seen.name, service_data=damaged, manufacturer_data=companies), key)
        except (Unknown, DecodeError, Locked):
            continue
        assert parts, f"seed {SEED}"
        read[form.name] = read.get(form.name, 0) + 1
    assert set(read) >= {form.name for form in FORMS} - {"Laica scale"}, f"seed {SEED}: never read: {read}"


def _damaged(data: bytes, randomness: random.Random) -> bytes:
    octets = bytearray(data)
    for _ in range(randomness.randint(0, 2)):
        if octets:
            octets[randomness.randrange(len(octets))] = randomness.randrange(256)
    return bytes(octets[: randomness.choice((len(octets), len(octets), randomness.randint(0, len(octets))))])


def test_a_structure_that_is_cut_off_says_nothing() -> None:
    whole = Sighting(name="ABCD", service_data={0xFCD2: b"\x40"}, address="C1:00:00:00:00:01")
    assert Sighting.of(whole.octets) == whole
    assert Sighting.of(bytes.fromhex("0509414243")).name is None
    for size in range(len(whole.octets)):
        cut = Sighting.of(whole.octets[:size])
        assert cut.name in (None, "ABCD")
        assert cut.address in ("", whole.address)
        assert cut.service_data in ({}, whole.service_data)

"""Vendor devices against other people's frames: `tests/vectors/vendor`, each with its source."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from drivers import BloodPressure, BodyComposition, Frame, Glucose, Intermediate, Weight
from drivers.vendor import dexcom_g5, omron_memory
from gateway import registry
from gateway.conformance import case_of
from gateway.frames import answer
from gateway.sealed import enciphered
from profiles.framing import dexcom, omron_wlp, viatom
from profiles.wire import DecodeError
from tests.support import golden
from tests.support.replaying import CAPTURES, records

VECTORS = Path(__file__).parents[1] / "vectors" / "vendor"
REGISTRY = registry.load()
KILOGRAMS = {"kg": Decimal(1), "[lb_av]": Decimal("0.45359237")}
CASES = [(path.stem, number, case) for path in sorted(VECTORS.glob("*.json")) for number, case in enumerate(json.loads(path.read_text()))]


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{stem}-{number}") for stem, number, case in CASES])
async def test_a_scale_says_what_others_understood(case: dict[str, Any]) -> None:
    readings = (await answer(REGISTRY, case)).found
    weights = [one for one in readings if isinstance(one, Weight)]
    if "ours" in case:  # where we see it otherwise, the vector says why
        assert len(weights) == case.get("weights", 1), case["ours"]
        return
    if case.get("expect_no_reading") or case.get("not_read"):
        assert weights == [], case.get("why")
        return
    if case.get("moving"):  # others say it while it moves; for us it is on its way
        [passing] = readings
        assert isinstance(passing, Intermediate)
        assert passing.quantity.value == Decimal(str(case["expect"]["weight_kg"]))
        return
    [said] = weights
    assert said.weight.value * KILOGRAMS[said.weight.unit] == pytest.approx(Decimal(str(case["expect"]["weight_kg"])), abs=Decimal("0.01"))
    if "impedance_ohm" in case["expect"]:
        composed = [one for one in readings if isinstance(one, BodyComposition) and one.impedance]
        impedance = said.impedance or (composed[0].impedance if composed else None)
        expected = Decimal(str(case["expect"]["impedance_ohm"]))
        assert (impedance.value if impedance else 0) == expected or (expected == 0 and composed), "theirs leaves out what the scale says"


def test_every_vendor_driver_has_octets_of_its_own() -> None:
    """A vector, or a capture that no other driver shares."""
    own = {case["driver"] for _, _, case in CASES}
    spoken: dict[tuple[bytes, ...], set[str]] = {}
    for path in golden.every():
        given = records(path)
        octets = tuple(record.data for record in given if record.kind in ("rx", "rd"))
        spoken.setdefault(octets, set()).add(str(given[0].extra["drv"]))
    # As an earlier version called all that advertise; and the same words over TCP.
    own |= {name for names in spoken.values() if len(told := names - {"advertised", "phd-tcp"}) == 1 for name in told}
    vendor = {item.driver.name for item in REGISTRY.loaded if "/vendor/" in item.source}
    cables = {item.driver.name for item in REGISTRY.cables} - {"phd-tcp"}
    assert vendor | cables <= own
    assert len(vendor | cables) >= 60


async def said(driver: str, *frames: str, uuid: str | None = None) -> list[Weight]:
    asked = {"driver": driver, "frames": [{"hex": one, **({"uuid": uuid} if uuid else {})} for one in frames]}
    return [one for one in (await answer(REGISTRY, asked)).found if isinstance(one, Weight)]


async def test_two_who_step_on_a_scale_one_after_the_other_are_two_readings() -> None:
    frames = [f"000000{weight:04x}{state:02x}" + "00" * 14 for weight, state in ((8000, 1), (8000, 1), (3000, 0), (7500, 1))]
    assert [one.weight.value for one in await said("digoo", *frames)] == [Decimal(80), Decimal(75)]


async def test_what_comes_elsewhere_is_no_weight() -> None:
    assert len(await said("hoffen", "fa00002003010000", uuid="FFB2")) == 1
    assert await said("hoffen", "fa00002003010000", uuid="FFB1") == []


async def test_a_measurement_in_parts_counts_when_it_is_whole_and_has_its_own_time() -> None:
    parts = ["e7590301010000000000000065", "e75903026a21f4c6068701b500df02", "e759030309018d00e907170aa20108"]
    assert await said("beurer-sanitas", *parts[:2]) == []
    [whole] = await said("beurer-sanitas", *parts)
    assert (str(whole.device_time), whole.utc_offset) == ("2026-06-04T21:57:26", 0)


OMRON = json.loads((VECTORS.parent / "omron-records.json").read_text())


@pytest.mark.parametrize("case", OMRON, ids=lambda case: case["bytes"][:12])
async def test_a_record_of_an_omron_cuff_says_what_others_understood(case: dict[str, Any]) -> None:
    record = bytes.fromhex(case["bytes"])
    said = {"little": omron_memory.little, "big": omron_memory.big}[case["order"]](record)
    if case.get("expect_no_reading"):
        assert said is None, case["why"]
        return
    expected = case["expect"]
    assert said is not None
    name = {"little": "omron-hem-7322t", "big": "omron-hem-6232t"}[case["order"]]
    [alone] = (await answer(REGISTRY, {"driver": name, "bytes": case["bytes"]})).found
    assert isinstance(alone, BloodPressure)
    assert (int(alone.systolic.value), int(alone.diastolic.value)) == (said.systolic, said.diastolic)
    assert (said.systolic, said.diastolic, said.pulse) == tuple(expected[n] for n in ("systolic_mmHg", "diastolic_mmHg", "pulse_rate_bpm"))
    if "timestamp" in expected:
        assert str(said.time) == expected["timestamp"]
    flags = {"irregular_pulse": expected.get("irregular_heartbeat"), "body_movement": expected.get("body_movement")}
    assert set(said.status) == {name for name, is_set in flags.items() if is_set}


@pytest.mark.parametrize("octets", ["6558541a333fde1800004c00ba00", "6558541a3303de1800004c00ba00", "1058541a331ade1800004c00ba00"])
def test_an_omron_record_with_a_field_that_cannot_be_is_damaged(octets: str) -> None:
    with pytest.raises(DecodeError):
        omron_memory.little(bytes.fromhex(octets))


@pytest.mark.parametrize(
    ("kind", "count", "octets"),
    [(omron_wlp.START, 0x10, "0800000000100018"), (omron_wlp.END, 0, "080f000000000007")],
)
def test_omron_frames_are_asked_as_its_app_does(kind: int, count: int, octets: str) -> None:
    assert omron_wlp.asked(kind, count=count).hex() == octets


def test_an_omron_answer_is_put_together_from_its_pieces_in_any_order() -> None:
    told = omron_wlp.told(omron_wlp.READ | omron_wlp.ANSWER, 0x02AC, bytes(range(40)))
    pieces = [(at // 16, told[at : at + 16]) for at in range(0, len(told), 16)]
    joiner = omron_wlp.Joiner()
    assert [joiner.feed(*piece) for piece in reversed(pieces)] == [None] * 2 + [told]
    assert omron_wlp.parse(told) == (omron_wlp.READ | omron_wlp.ANSWER, 0x02AC, bytes(range(40)))
    assert omron_wlp.parse(bytes.fromhex("088f000000000087")).kind == omron_wlp.END | omron_wlp.ANSWER
    for at in range(len(told)):
        broken = bytearray(told)
        broken[at] ^= 0x40
        with pytest.raises(DecodeError):
            omron_wlp.parse(bytes(broken))


@pytest.mark.parametrize(("octets", "crc"), [("01", 7), ("ff", 243), ("aa17e800000000", 27)])
def test_viatoms_crc(octets: str, crc: int) -> None:
    assert viatom.crc8(bytes.fromhex(octets)) == crc


def test_viatoms_answers_come_out_of_pieces_of_any_size() -> None:
    one, two = bytes.fromhex("5517e800000d000000ff00000000000000000000c2"), viatom.told(0x17, b"\x61\x48")
    whole = b"\x00\x55" + one + two
    for size in (1, 2, 7, 20, 64):
        framer = viatom.Framer()
        found = [data for at in range(0, len(whole), size) for data in framer.feed(whole[at : at + size])]
        assert found == [one[7:-1], b"\x61\x48"]
    framer = viatom.Framer()
    with pytest.raises(DecodeError):
        list(framer.feed(one[:-1] + b"\x00"))
    assert list(framer.feed(two)) == [b"\x61\x48"]
    assert list(framer.feed(one[:7])) == []


DEXCOM = json.loads((VECTORS.parent / "dexcom-messages.json").read_text())


@pytest.mark.parametrize("case", DEXCOM, ids=lambda case: case["bytes"][:12])
async def test_a_message_of_a_dexcom_transmitter_says_what_others_understood(case: dict[str, Any]) -> None:
    data, expected = bytes.fromhex(case["bytes"]), case["expect"]
    said = dexcom.told(data)
    if isinstance(said, dexcom.Time):
        assert said == (expected["status"], expected["current_time_s"], expected["session_start_s"])
    else:
        names = ("status", "sequence", "transmitter_time_s", "glucose_mg_dL", "display_only", "state", "trend")
        assert said == tuple(expected[name] for name in names)
        [alone] = (await answer(REGISTRY, {"driver": "dexcom-g5", "bytes": case["bytes"]})).found
        assert isinstance(alone, Glucose)
        assert alone.concentration.value == expected["glucose_mg_dL"]
    for at in range(1, len(data)):
        broken = bytearray(data)
        broken[at] ^= 0x01
        with pytest.raises(DecodeError):
            dexcom.told(bytes(broken))
    assert dexcom.told(b"\x05\x01") is None


def test_a_transmitter_is_answered_with_the_key_of_its_owner() -> None:
    """AES of the doubled challenge; without a key, or with one that it does not take, the owner is told."""
    # FIPS 197, C.1: what AES-128 makes of this block under this key.
    known = bytes.fromhex("000102030405060708090a0b0c0d0e0f"), bytes.fromhex("00112233445566778899aabbccddeeff")
    assert enciphered(*known).hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"
    given = records(CAPTURES / "dexcom-g5.ndjson")
    for status, why in (("050001", "bindkey"), ("050100", "paired")):
        changed = [replace(one, data=bytes.fromhex(status)) if one.data[:1] == b"\x05" else one for one in given]
        found = case_of(REGISTRY.radio_by_name["dexcom-g5"], [], [], REGISTRY).replay(changed)
        assert why in str(found.error)
        assert found.readings == []


@pytest.mark.parametrize(("now", "start"), [(5_730_698 + 301, 5_000_000), (5_730_697, 5_000_000), (5_730_700, 0xFFFFFFFF)])
def test_a_glucose_that_is_not_of_now_is_no_reading(now: int, start: int) -> None:
    """The time of a reading is the hub's: one of half an hour ago would stand in the wrong place."""
    glucose = dexcom.told(bytes.fromhex("3100680a00008a715700cc0006ffc42a"))
    time = dexcom.Time(0, now, None if start == 0xFFFFFFFF else start)
    frame = Frame(0, b"", 0.0, 0.0, 0)
    assert isinstance(glucose, dexcom.Glucose)
    assert dexcom_g5.reading(time, glucose, frame) is None
    assert dexcom_g5.reading(dexcom.Time(0, 5_730_700, 5_000_000), glucose, frame) is not None
    assert dexcom_g5.reading(dexcom.Time(0, 5_730_700, 5_000_000), glucose._replace(state=2), frame) is None

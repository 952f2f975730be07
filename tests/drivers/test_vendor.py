"""Vendor devices against other people's frames: `tests/vectors/vendor`, each with its source."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from drivers import BodyComposition, Intermediate, Weight
from gateway import registry
from gateway.frames import answer
from tests.support import golden
from tests.support.replaying import records

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
    assert len(vendor | cables) >= 50


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

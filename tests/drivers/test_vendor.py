"""Vendor devices against other people's frames: `tests/vectors/vendor`, each with its source."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from drivers import Intermediate, Weight
from gateway import registry
from gateway.frames import answer

VECTORS = Path(__file__).parents[1] / "vectors" / "vendor"
REGISTRY = registry.load()
CASES = [(path.stem, number, case) for path in sorted(VECTORS.glob("*.json")) for number, case in enumerate(json.loads(path.read_text()))]


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{stem}-{number}") for stem, number, case in CASES])
async def test_a_scale_says_what_others_understood(case: dict[str, Any]) -> None:
    readings, _ = await answer(REGISTRY, case)
    weights = [one for one in readings if isinstance(one, Weight)]
    if "ours" in case:  # where we see it otherwise, the vector says why
        assert len(weights) == 1, case["ours"]
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
    assert abs(said.weight.value - Decimal(str(case["expect"]["weight_kg"]))) < Decimal("0.01")
    assert said.weight.unit == "kg"
    if "impedance_ohm" in case["expect"]:
        assert (said.impedance.value if said.impedance else 0) == Decimal(str(case["expect"]["impedance_ohm"]))


def test_every_vendor_driver_has_a_vector_of_its_own() -> None:
    named = {case["driver"] for _, _, case in CASES}
    vendor = {item.driver.name for item in REGISTRY.loaded if "/vendor/" in item.source}
    assert vendor <= named
    assert len(vendor) >= 15

"""The short form of `make fuzz`."""

from __future__ import annotations

import random

import pytest

from tests.fuzz import planted
from tests.fuzz.engine import fuzz
from tests.fuzz.families import families, kept

SEED = random.SystemRandom().getrandbits(32)
FAMILIES = families()


def test_the_planted_faults_are_found() -> None:
    """Each lies behind several octets in a row: a loop that is not led by coverage does not get there."""
    found = fuzz(planted.decode, (), (ValueError,), random.Random(SEED), inputs=300_000, wanted=planted.CRASHES)
    assert len(found.crashes) == planted.CRASHES, f"seed {SEED}: {found.crashes}"


@pytest.mark.parametrize("name", FAMILIES)
def test_nothing_but_values_and_refusals(name: str) -> None:
    family = FAMILIES[name]
    done = fuzz(family.target, (*family.seeds, *kept(name)), family.allowed, random.Random(SEED), inputs=1500)
    assert done.edges, "nothing was reached"
    assert done.crashes == {}, f"seed {SEED}"

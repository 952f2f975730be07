"""The short form of the crash tests; the long one is `make crash ROUNDS=20`."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.support.crashing import HIGHEST, POINTS, crash

SEED = random.SystemRandom().getrandbits(32)


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_each_point(point: str, tmp_path: Path) -> None:
    """No truth number without an id, none with two, no id with two; and every thing in the file once."""
    count = random.Random(f"{SEED}{point}").randint(1, HIGHEST[point])
    result = crash(tmp_path / "state", f"{point}:{count}")
    assert result.kills == [f"{point}:{count}"], "it was not killed"
    assert result.good, str(result)


def test_killed_again_and_again(tmp_path: Path) -> None:
    """Six kills in a row on one state, at points drawn by seed."""
    randomness = random.Random(SEED)
    specs = [f"{point}:{randomness.randint(1, 3)}" for point in randomness.sample(POINTS, k=len(POINTS))]
    result = crash(tmp_path / "state", *specs)
    assert result.kills, f"seed {SEED}"
    assert result.good, f"seed {SEED}: {result}"

"""The short form of the campaign: each crash point once, among faults drawn by seed. The long one is `make campaign ROUNDS=500`."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from gateway.simulator.memory import Verdict
from tests.campaign.__main__ import play, summary
from tests.campaign.plan import FAULTS, POINTS, rounds
from tests.campaign.round import Result

SEED = random.SystemRandom().getrandbits(32)


def test_nothing_is_lost_doubled_or_merged(tmp_path: Path) -> None:
    results = asyncio.run(play(rounds(len(POINTS), SEED), tmp_path, 4))
    lines, good = summary(results, SEED)
    assert good, f"seed {SEED}\n" + "\n".join([*map(str, results), *lines])
    assert lines[-1] == "lost 0, doubled 0, merged 0"
    assert sum(result.killed for result in results) >= len(POINTS) - 2, f"seed {SEED}: {lines}"


def test_a_lost_record_fails_the_campaign() -> None:
    """The judgement itself can fail, and what was lost before intake is told apart."""
    plan = rounds(1, 1)[0]
    lost = Result(plan, Verdict(2, 1, (7,), (), (), ()))
    assert summary([lost], 1) == (summary([lost], 1)[0], False)
    assert summary([lost], 1)[0][-1] == "seed 1 failed: lost 1, doubled 0, merged 0"
    before_intake = Result(plan, Verdict(2, 1, (7,), (), (), ()), window=1)
    lines, good = summary([before_intake], 1)
    assert good
    assert lines[-2:] == ["lost in the window before intake (docs/guarantees.md): 1", "lost 0, doubled 0, merged 0"]


def test_every_fault_and_every_point_is_dealt_as_often_as_any_other() -> None:
    plans = rounds(440, 5)
    assert {point: sum(plan.point == point for plan in plans) for point in POINTS} == dict.fromkeys(POINTS, 55)
    for fault in FAULTS:
        assert sum(any(event.fault == fault for event in plan.events) for plan in plans) > 55
    assert rounds(440, 5) == plans

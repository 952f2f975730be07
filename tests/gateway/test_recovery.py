"""The steps that are taken for an adapter that does not work, and those that are not for one that is only quiet."""

from __future__ import annotations

import pytest

from gateway.errors import AdapterProblem
from gateway.recovery import PATIENCE, POWER_CYCLE_PAUSE, RESTART_PAUSE, Reach, Recovery, Step

R, ON, CYCLE, RESTART = Step.RESCAN, Step.POWER_ON, Step.POWER_CYCLE, Step.RESTART_SERVICE


def steps(problem: AdapterProblem, count: int, reach: Reach = "service", *, reading: bool = False) -> list[Step]:
    recovery = Recovery(reach)
    return [recovery.failed(problem, float(now), reading=reading) for now in range(count)]


@pytest.mark.parametrize(
    ("problem", "reach", "expected"),
    [
        (AdapterProblem.STUCK, "service", [R, R, CYCLE, R, R, RESTART, R, R]),
        (AdapterProblem.STUCK, "adapter", [R, R, CYCLE, R, R, R]),
        (AdapterProblem.STUCK, "scan", [R] * 6),
        (AdapterProblem.OFF, "service", [ON, ON, R, RESTART]),
        (AdapterProblem.OFF, "adapter", [ON, ON, R, R]),
        (AdapterProblem.OFF, "scan", [R] * 4),
        (AdapterProblem.NO_SERVICE, "service", [R, R, R, RESTART, R]),
        (AdapterProblem.NO_SERVICE, "adapter", [R] * 5),
        (AdapterProblem.NO_ADAPTER, "service", [R] * 8),
    ],
)
def test_step_by_step(problem: AdapterProblem, reach: Reach, expected: list[Step]) -> None:
    assert steps(problem, len(expected), reach) == expected


def test_silence_where_nobody_has_ever_been_is_no_fault() -> None:
    assert steps(AdapterProblem.SILENT, 1000) == [R] * 1000
    recovery = Recovery()
    for now in range(1000):
        recovery.failed(AdapterProblem.SILENT, float(now))
    assert not recovery.is_beyond_us
    assert recovery.pause == 1.0


def test_silence_after_life_costs_one_power_cycle_and_no_more() -> None:
    recovery = Recovery()
    recovery.heard()
    found = [recovery.failed(AdapterProblem.SILENT, 90.0 * n) for n in range(100)]
    assert found == [R, R, CYCLE, *[R] * 97]
    recovery.heard()
    assert [recovery.failed(AdapterProblem.SILENT, 90_000.0 + n) for n in range(4)] == [R, R, CYCLE, R]


def test_nothing_is_cut_off_for_silence() -> None:
    """A belt that is worn for hours has the adapter to itself."""
    recovery = Recovery()
    recovery.heard()
    assert [recovery.failed(AdapterProblem.SILENT, 90.0 * n, reading=True) for n in range(50)] == [R] * 50
    assert steps(AdapterProblem.STUCK, 4, reading=True) == [R] * 4


def test_what_has_been_heard_ends_the_count() -> None:
    recovery = Recovery()
    for now in range(20):
        recovery.failed(AdapterProblem.STUCK, float(now))
    assert recovery.is_beyond_us
    assert recovery.pause == 60.0
    recovery.heard()
    assert not recovery.is_beyond_us
    assert recovery.pause == 1.0


def test_it_is_beyond_us_after_some_failures() -> None:
    recovery = Recovery()
    for now in range(PATIENCE):
        recovery.failed(AdapterProblem.NO_ADAPTER, float(now))
        assert not recovery.is_beyond_us
    recovery.failed(AdapterProblem.NO_ADAPTER, 99.0)
    assert recovery.is_beyond_us


def test_strong_means_are_used_seldom() -> None:
    recovery = Recovery()

    def again(now: float) -> list[Step]:
        recovery.heard()
        return [recovery.failed(AdapterProblem.STUCK, now + n) for n in range(6)]

    assert again(0) == [R, R, CYCLE, R, R, RESTART]
    assert again(100) == [R] * 6
    assert again(POWER_CYCLE_PAUSE + 10) == [R, R, CYCLE, R, R, R]
    assert again(RESTART_PAUSE + 10) == [R, R, CYCLE, R, R, RESTART]

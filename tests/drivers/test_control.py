"""A request through a control point, on a link."""

from __future__ import annotations

import asyncio

import pytest

from drivers.kit.capture import Record
from drivers.kit.replay import BUSY, ReplayLink
from drivers.standard import control
from profiles.gatt.user_control import UserControlPoint

OPEN = Record(kind="open", session="1", time=1.7e9, extra={"chars": ["2A9F", "2A9D"]})
OTHER = Record(kind="rx", session="1", characteristic=0x2A9D, data=b"\x00", time=1.7e9)


def ask(*given: Record) -> tuple[UserControlPoint | None, int]:
    answer, others = asyncio.run(
        control.ask(ReplayLink(given), UserControlPoint, b"\x02\x01\x57\x04", lambda said: said.response is not None)
    )
    return answer, len(others)


def test_a_device_that_sends_on_and_on_at_once_is_not_collected_for_ever() -> None:
    assert ask(OPEN, *[OTHER] * 1500) == (None, control.MOST_OTHERS)


@pytest.mark.parametrize("why", [BUSY, "NOT_PERMITTED"])
def test_a_refusal_is_no_answer(why: str) -> None:
    refusal = Record(kind="er", session="1", characteristic=0x2A9F, extra={"why": why})
    assert ask(OPEN, refusal, OTHER) == (None, 0)


def test_a_device_without_the_control_point_is_not_asked() -> None:
    assert ask(Record(kind="open", session="1", extra={"chars": ["2A9D"]}), OTHER) == (None, 0)

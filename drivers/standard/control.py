"""A request through a control point, as drivers make it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from drivers.kit import steps
from drivers.kit.errors import Busy, Refused
from drivers.kit.links import Frame, GattLink
from profiles.exchange import Exchange, State
from profiles.wire import Layout

L = TypeVar("L", bound=Layout)

MOST_OTHERS = 1000


async def ask(link: GattLink, layout: type[L], request: bytes, answers: Callable[[L], bool]) -> tuple[L | None, list[Frame]]:
    """The answer, and what else came meanwhile, which is still to be understood. No answer where the device lacks the control point,
    refuses, is busy, or does not say anything that `answers` this request in time.
    """
    others: list[Frame] = []
    if not link.has(layout.uuid):
        return None, others
    try:
        await link.write(layout.uuid, request)
    except (Refused, Busy):
        return None, others
    found: L | None = None
    exchange = Exchange(lambda said: isinstance(said, layout) and answers(said))
    while exchange.state is State.OPEN and len(others) < MOST_OTHERS:
        frame = await link.receive()
        if frame is None:
            exchange.silent()
        elif frame.characteristic != layout.uuid:
            others.append(frame)
            exchange.came(frame.received)
        else:
            said = steps.decoded(link, layout, frame)
            if exchange.came(frame.received, said) is State.ANSWERED:
                found = said
    return found, others

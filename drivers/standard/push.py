"""The conversation of devices that push: subscribe, and take what is indicated until nothing more comes.

A cuff, a scale or a thermometer that keeps to its profile indicates every record it holds as soon as it is asked to,
or the one it has just taken. Flow: switch on the measurement (first of all: a bonded device may start at once), then
read who the device is and what its clock shows, take frames until the device is silent, set the clock by policy. One that says at which
interval it measures (2A21) is waited for so long, and a little longer.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable

from drivers.kit import steps
from drivers.kit.errors import Refused
from drivers.kit.links import Frame, GattLink
from drivers.kit.readings import Batch, Intermediate, Ordinals, Reading
from profiles.gatt.thermometer import MeasurementInterval

LATE = 1.2
"""Times its interval: the clocks of small devices run as they like."""

Understand = Callable[[GattLink, Frame, Ordinals], Reading | Intermediate | None]


def push(measurement: int, understand: Understand, *, intermediate: int | None = None) -> Callable[[GattLink], AsyncGenerator[Batch]]:
    """`understand` turns a frame into a reading; None where it holds no finished measurement."""

    async def read(link: GattLink) -> AsyncGenerator[Batch]:
        await link.subscribe(measurement)
        if intermediate is not None:
            await subscribe_if_permitted(link, intermediate)
        yield Batch(await steps.about(link))
        interval, _ = await steps.read(link, MeasurementInterval)
        patience = interval.seconds * LATE if interval is not None else 0.0
        ordinals = Ordinals()
        while (frame := await link.receive(patience)) is not None:
            reading = understand(link, frame, ordinals)
            if reading is not None:
                yield Batch((reading,))
        await steps.set_clock(link)

    return read


async def subscribe_if_permitted(link: GattLink, characteristic: int) -> None:
    """For what is good to have: results come without it."""
    try:
        await link.subscribe(characteristic)
    except Refused:
        return

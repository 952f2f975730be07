"""Any heart-rate belt that keeps to the Heart Rate Profile.

Flow: switch on 2A37 and listen for as long as the belt is worn. A belt sends about one value a second and stores
nothing, so one reading is made of a period: its mean, its extremes, how many values. A period ends after a minute, when the
belt loses contact, falls silent or goes. Values without skin contact are left out where the belt can tell.
Source: Heart Rate Profile 1.0, chapter 4; Heart Rate Service 1.0, 3.1.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from decimal import Decimal

from drivers import Batch, Frame, GattDriver, GattLink, HeartRate, Key, Match, Ordinals, Quantity, steps
from profiles.gatt import heart_rate as hrs

PERIOD_SECONDS = 60.0
_MEASUREMENT = hrs.HeartRateMeasurement.uuid
_UNIT = "/min"


def _reading(values: list[tuple[Frame, int]], ordinals: Ordinals) -> HeartRate:
    rates = [Decimal(rate) for _, rate in values]
    first, last = values[0][0], values[-1][0]
    return HeartRate(
        frame=first,
        # Where the period begins is what tells it from others; the belt gives nothing else.
        key=Key.episode(str(first.position).encode(), ordinals.next(first.position)),
        rate=Quantity(steps.mean(rates), _UNIT),
        lowest=Quantity(min(rates), _UNIT),
        highest=Quantity(max(rates), _UNIT),
        samples=len(rates),
        seconds=Decimal(f"{last.received - first.received:.1f}"),
    )


async def read(link: GattLink) -> AsyncGenerator[Batch]:
    await link.subscribe(_MEASUREMENT)
    info = await steps.device_information(link)
    yield Batch((info,) if info else ())
    values: list[tuple[Frame, int]] = []
    ordinals = Ordinals()
    while (frame := await link.receive()) is not None:
        said = steps.decoded(link, hrs.HeartRateMeasurement, frame)
        if said is None:
            continue
        worn = said.sensor_contact != "not_detected" and said.heart_rate > 0
        if values and (not worn or frame.received - values[0][0].received >= PERIOD_SECONDS):
            yield Batch((_reading(values, ordinals),))
            values = []
        if worn:
            values.append((frame, said.heart_rate))
    if values:
        yield Batch((_reading(values, ordinals),))


DRIVER = GattDriver(
    name="heart-rate",
    label="Heart-rate belt (standard profile)",
    match=Match(service=hrs.SERVICE),
    read=read,
)

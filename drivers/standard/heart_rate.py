"""Any heart-rate belt that keeps to the Heart Rate Profile.

Flow: switch on 2A37 and listen for as long as the belt is worn. A belt sends about one value a second and stores
nothing, so one reading is made of a period: its mean, its extremes, how many values, and every value and
interval between beats as samples. A period ends after a minute, when the
belt loses contact, falls silent or goes. Values without skin contact are left out where the belt can tell.
Source: Heart Rate Profile 1.0, chapter 4; Heart Rate Service 1.0, 3.1.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from decimal import Decimal

from drivers import Batch, GattDriver, GattLink, HeartRate, Match, steps
from drivers.standard.period import Period
from profiles.gatt import heart_rate as hrs

_MEASUREMENT = hrs.HeartRateMeasurement.uuid
_UNIT = "/min"


def _reading(period: Period) -> HeartRate:
    lowest, highest = period.extremes("heart_rate", _UNIT)
    return HeartRate(
        frame=period.first,
        key=period.key,
        rate=period.mean("heart_rate", _UNIT),
        lowest=lowest,
        highest=highest,
        samples=len(period.values("heart_rate")),
        seconds=period.seconds,
        series=period.series(heart_rate=_UNIT, rr_interval="s"),
    )


async def read(link: GattLink) -> AsyncGenerator[Batch]:
    await link.subscribe(_MEASUREMENT)
    yield Batch(await steps.about(link))
    period: Period | None = None
    while (frame := await link.receive()) is not None:
        said = steps.decoded(link, hrs.HeartRateMeasurement, frame)
        if said is None:
            continue
        worn = said.sensor_contact != "not_detected" and said.heart_rate > 0
        if period and (not worn or period.is_over(frame)):
            yield Batch((_reading(period),))
            period = None
        if worn:
            period = period or Period(frame)
            period.add(frame, "heart_rate", Decimal(said.heart_rate))
            period.add(frame, "rr_interval", *(said.rr_intervals or ()))
    if period:
        yield Batch((_reading(period),))


DRIVER = GattDriver(
    name="heart-rate",
    label="Heart-rate belt (standard profile)",
    match=Match(service=hrs.SERVICE),
    read=read,
    streams=True,
)

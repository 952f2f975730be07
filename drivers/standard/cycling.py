"""Any bicycle sensor that keeps to the Cycling Speed and Cadence or the Cycling Power Profile.

Flow: switch on 2A63 where there is one, else 2A5B, and listen for as long as somebody rides; a session is one reading: revolutions of
wheel and cranks and energy by the sensor's counters, power's mean and maximum, the cadence between two revolutions, and every value as a
sample. A distance is not told: it takes the size of the wheel, which no sensor knows. Nothing is written.
Source: Cycling Speed and Cadence Profile 1.0, chapter 4; Cycling Speed and Cadence Service 1.0.1, 3.1; Cycling Power Profile 1.1,
chapter 4; Cycling Power Service 1.1, 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from drivers import Frame, GattDriver, GattLink, Match, steps
from drivers.standard.exercise import Plan, Rate, Total, Understand, stream
from profiles.gatt import cycling_power as cps
from profiles.gatt import speed_cadence as cscs

_PLAN = Plan(
    rates=(Rate("power", "W"), Rate("cadence", "/min")),
    totals=(
        Total("wheel-revolutions", "1", 32, most=20),
        Total("crank-revolutions", "1", 16, most=5),
        Total("energy", "kJ", 16, most=3),
    ),
)
_CLOCK_BITS, _TICKS = 16, 1024
_LONGEST = 60.0
"""The clock of crank events starts again after 64 s: across a longer gap there is no cadence to be had."""
_HOLD = 3.0
"""A revolution may take so long; only after it do the cranks stand still."""
_FASTEST = 300
"""Revolutions per minute that no legs make: a counter that began anew."""


class _Cranks:
    """The cadence between two crank events."""

    def __init__(self) -> None:
        self._last: tuple[int, Decimal, float] | None = None

    def cadence(self, revolutions: int, event: Decimal, at: float) -> Decimal | None:
        """None while it cannot be told."""
        before = self._last
        if before is not None and before[0] == revolutions:
            return Decimal(0) if at - before[2] > _HOLD else None
        self._last = (revolutions, event, at)
        if before is None or at - before[2] > _LONGEST:
            return None
        ticks = cscs.since(int(before[1] * _TICKS), int(event * _TICKS), _CLOCK_BITS)
        turned = cscs.since(before[0], revolutions, 16)
        if ticks == 0 or turned * 60 * _TICKS > _FASTEST * ticks:
            return None
        return (Decimal(turned) * 60 * _TICKS / ticks).quantize(Decimal("0.1"))


def _understand() -> Understand:
    cranks = _Cranks()

    def understand(link: GattLink, frame: Frame) -> tuple[str, Mapping[str, Decimal]] | None:
        said: cps.CyclingPowerMeasurement | cscs.CSCMeasurement | None
        if frame.characteristic == cps.CyclingPowerMeasurement.uuid:
            said = steps.decoded(link, cps.CyclingPowerMeasurement, frame)
        else:
            said = steps.decoded(link, cscs.CSCMeasurement, frame)
        if said is None:
            return None
        values: dict[str, Decimal] = {}
        if isinstance(said, cps.CyclingPowerMeasurement):
            values["power"] = Decimal(said.power)
            if said.accumulated_energy is not None:
                values["energy"] = Decimal(said.accumulated_energy)
        if said.wheel_revolutions is not None:
            values["wheel-revolutions"] = Decimal(said.wheel_revolutions)
        if said.crank_revolutions is not None and said.crank_event_time is not None:
            values["crank-revolutions"] = Decimal(said.crank_revolutions)
            cadence = cranks.cadence(said.crank_revolutions, said.crank_event_time, frame.received)
            if cadence is not None:
                values["cadence"] = cadence
        return "cycling", values

    return understand


DRIVER = GattDriver(
    name="cycling",
    label="Bicycle sensor (standard profiles)",
    match=Match(service=(cscs.CYCLING_SERVICE, cps.SERVICE)),
    # A sensor that has both says the same in both: the one with power is enough.
    read=stream(_PLAN, _understand, (cps.CyclingPowerMeasurement.uuid,), (cscs.CSCMeasurement.uuid,)),
    streams=True,
)

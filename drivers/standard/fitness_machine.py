"""Any machine that keeps to the Fitness Machine Profile: treadmill, cross trainer, step and stair climber, rower, indoor bike.

Flow: switch on what the machine has of 2ACD to 2AD2 and listen for as long as it is used; a session is one reading: what its counters of
distance, energy, steps, strokes and floors have advanced, means and maxima of speed, power and the like, and every value as a sample. A
record that the machine splits over several packets is put together first. The machine is never controlled.
Source: Fitness Machine Profile 1.0, chapter 4; Fitness Machine Service 1.0, 4.4 to 4.9 and 4.19.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from drivers import Frame, GattDriver, GattLink, Match, steps
from drivers.standard.exercise import Plan, Rate, Total, Understand, stream
from profiles.gatt import fitness_machine as ftms

_MACHINES: dict[int, tuple[type[Any], str]] = {
    ftms.TreadmillData.uuid: (ftms.TreadmillData, "treadmill"),
    ftms.CrossTrainerData.uuid: (ftms.CrossTrainerData, "cross-trainer"),
    ftms.StepClimberData.uuid: (ftms.StepClimberData, "step-climber"),
    ftms.StairClimberData.uuid: (ftms.StairClimberData, "stair-climber"),
    ftms.RowerData.uuid: (ftms.RowerData, "rowing"),
    ftms.IndoorBikeData.uuid: (ftms.IndoorBikeData, "indoor-cycling"),
}
_FIELDS = {
    "speed": "speed",
    "cadence": "cadence",
    "steps_per_minute": "step-rate",
    "stroke_rate": "stroke-rate",
    "power": "power",
    "heart_rate": "heart-rate",
    "total_distance": "distance",
    "total_energy": "energy",
    "step_count": "steps",
    "stride_count": "strides",
    "stroke_count": "strokes",
    "floors": "floors",
}
"""As the tables call it, and as the session does. Averages are left to the session: a machine's own are over its own period."""

_PLAN = Plan(
    rates=(
        *(Rate("speed", "km/h"), Rate("cadence", "/min"), Rate("step-rate", "/min"), Rate("stroke-rate", "/min"), Rate("power", "W")),
        Rate("heart-rate", "/min", moves=False),
    ),
    totals=(
        Total("distance", "m", 24, most=30),
        Total("energy", "kcal", 16, most=2),
        # Of 24 bits on a treadmill and of 16 on a climber, and nobody steps for so long that either wraps around.
        Total("steps", "1", 24, most=10),
        Total("strides", "1", 16, most=5, scale=10),
        Total("strokes", "1", 16, most=3),
        Total("floors", "1", 16, most=1),
    ),
)


def _understand() -> Understand:
    begun: dict[int, dict[str, Decimal]] = {}

    def understand(link: GattLink, frame: Frame) -> tuple[str, Mapping[str, Decimal]] | None:
        if frame.characteristic not in _MACHINES:
            return None
        table, activity = _MACHINES[frame.characteristic]
        said = steps.decoded(link, table, frame)
        if said is None:
            begun.pop(frame.characteristic, None)
            return None
        values = begun.pop(frame.characteristic, {})
        for field, name in _FIELDS.items():
            value = getattr(said, field, None)
            if value is not None and (value or name != "heart-rate"):  # 0: nobody wears a belt
                values[name] = Decimal(value)
        if int(said.flags) & 1:  # "more data": the rest of this record is in the next packets
            begun[frame.characteristic] = values
            return None
        return activity, values

    return understand


DRIVER = GattDriver(
    name="fitness-machine",
    label="Fitness machine (standard profile)",
    match=Match(service=ftms.SERVICE),
    read=stream(_PLAN, _understand, tuple(_MACHINES)),
    streams=True,
)

"""Any foot pod that keeps to the Running Speed and Cadence Profile.

Flow: switch on 2A53 and listen for as long as somebody walks or runs; a session is one reading: distance by the pod's own counter, or by
its speed where it has none; steps by its cadence, marked as derived; means and maxima; and every value as a sample. Nothing is written.
Source: Running Speed and Cadence Profile 1.0, chapter 4; Running Speed and Cadence Service 1.0.1, 3.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from drivers import Frame, GattDriver, GattLink, Match, steps
from drivers.standard.exercise import Plan, Rate, Sum, Total, stream
from profiles.gatt import speed_cadence as rscs

_PLAN = Plan(
    rates=(Rate("speed", "m/s"), Rate("cadence", "/min")),
    totals=(Total("distance", "m", 32, most=30, scale=10),),
    sums=(Sum("distance", "m", rate="speed", per=1), Sum("steps", "1", rate="cadence", per=60)),
)


def understand(link: GattLink, frame: Frame) -> tuple[str, Mapping[str, Decimal]] | None:
    said = steps.decoded(link, rscs.RSCMeasurement, frame)
    if said is None:
        return None
    values = {"speed": said.speed, "cadence": Decimal(said.cadence)}
    if said.total_distance is not None:
        values["distance"] = said.total_distance
    return "running" if said.running else "walking", values


DRIVER = GattDriver(
    name="running",
    label="Foot pod (standard profile)",
    match=Match(service=rscs.RUNNING_SERVICE),
    read=stream(_PLAN, lambda: understand, (rscs.RSCMeasurement.uuid,)),
    streams=True,
)

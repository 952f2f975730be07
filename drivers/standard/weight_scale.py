"""Any scale that keeps to the Weight Scale Profile.

Flow: the scale indicates the weight just taken, then the stored ones of the user, on 2A9D. Raw 0xFFFF says that the
measurement was unsuccessful and gives no reading.
Source: Weight Scale Profile 1.0, chapter 4; Weight Scale Service 1.0, 3.2.
"""

from __future__ import annotations

from drivers import Frame, GattDriver, GattLink, Key, Match, Ordinals, Quantity, Reading, Weight, steps
from drivers.standard.push import push
from profiles.gatt import weight_scale as wss

_UNITS = {"kg": "kg", "lb": "[lb_av]"}
_HEIGHT_UNITS = {"m": "m", "in": "[in_i]"}


def understand(link: GattLink, frame: Frame, ordinals: Ordinals) -> Reading | None:
    said = steps.decoded(link, wss.WeightMeasurement, frame)
    if said is None or said.unsuccessful:
        return None
    user = None if said.user_id == wss.USER_UNKNOWN else said.user_id
    measured = frame.data[1:3]
    if said.timestamp is None:
        key = Key.episode(measured, ordinals.next(measured))
    else:
        key = Key.content(said.timestamp, user, measured, ordinals.next(said.timestamp, user, measured))
    return Weight(
        frame=frame,
        key=key,
        device_time=said.timestamp,
        user_index=user,
        weight=Quantity(said.weight, _UNITS[said.unit]),
        bmi=Quantity(said.bmi, "kg/m2") if said.bmi else None,
        height=Quantity(said.height, _HEIGHT_UNITS[said.height_unit]) if said.height and said.height_unit else None,
    )


DRIVER = GattDriver(
    name="weight-scale",
    label="Weight scale (standard profile)",
    match=Match(service=wss.SERVICE),
    read=push(wss.WeightMeasurement.uuid, understand),
    commands=steps.SET_CLOCK,
)

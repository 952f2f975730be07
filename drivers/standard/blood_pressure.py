"""Any cuff that keeps to the Blood Pressure Profile.

Flow: the cuff indicates its whole memory as soon as 2A35 is switched on, oldest or newest first, and then falls
silent. All of it is taken; which are new is the journal's question. Intermediate cuff pressure stays apart.
Source: Blood Pressure Profile 1.1.1, chapter 5; on memory dumps, derdilla/blood-pressure-monitor-fl#352.
"""

from __future__ import annotations

from drivers import BloodPressure, Frame, GattDriver, GattLink, Intermediate, Key, Match, Ordinals, Quantity, Reading, steps
from drivers.standard.push import push
from profiles.gatt import blood_pressure as bls

_UNITS = {"mmHg": "mm[Hg]", "kPa": "kPa"}


def understand(link: GattLink, frame: Frame, ordinals: Ordinals) -> Reading | Intermediate | None:
    if frame.characteristic == bls.IntermediateCuffPressure.uuid:
        cuff = steps.decoded(link, bls.IntermediateCuffPressure, frame)
        pressure = steps.quantity(cuff.cuff_pressure, _UNITS[cuff.unit]) if cuff else None
        return Intermediate(frame, pressure) if pressure else None
    said = steps.decoded(link, bls.BloodPressureMeasurement, frame)
    if said is None:
        return None
    unit = _UNITS[said.unit]
    systolic, diastolic = steps.quantity(said.systolic, unit), steps.quantity(said.diastolic, unit)
    if systolic is None or diastolic is None:
        return None  # NaN stands for a failed measurement (BLS 1.1.1, 3.1.1.2)
    user = None if said.user_id == bls.USER_UNKNOWN else said.user_id
    return BloodPressure(
        frame=frame,
        key=_key(said, frame.data, user, ordinals),
        device_time=said.timestamp,
        user_index=user,
        status=steps.flag_names(said.status),
        systolic=systolic,
        diastolic=diastolic,
        mean=steps.quantity(said.mean_arterial, unit),
        pulse=_pulse(said),
    )


def _pulse(said: bls.BloodPressureMeasurement) -> Quantity | None:
    return steps.quantity(said.pulse_rate, "/min")


def _key(said: bls.BloodPressureMeasurement, data: bytes, user: int | None, ordinals: Ordinals) -> Key:
    at = 14 if said.timestamp is not None else 7
    measured = data[1:7] + (data[at : at + 2] if said.pulse_rate is not None else b"")
    if said.timestamp is None:
        return Key.episode(measured, ordinals.next(measured))
    return Key.content(said.timestamp, user, measured, ordinals.next(said.timestamp, user, measured))


DRIVER = GattDriver(
    name="blood-pressure",
    label="Blood pressure cuff (standard profile)",
    match=Match(service=bls.SERVICE),
    read=push(bls.BloodPressureMeasurement.uuid, understand, intermediate=bls.IntermediateCuffPressure.uuid),
    commands=steps.SET_CLOCK,
)

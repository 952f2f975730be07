"""Any thermometer that keeps to the Health Thermometer Profile.

Flow: the thermometer indicates a finished temperature on 2A1C, with its own time if it has a clock; a stored one is
pushed the same way. One that measures at an interval (2A21) is listened to for as long as it keeps to it. Values on the way (2A1E) stay
apart.
Source: Health Thermometer Profile 1.0, chapter 4; Health Thermometer Service 1.0, 3.1 to 3.3.
"""

from __future__ import annotations

from drivers import Frame, GattDriver, GattLink, Intermediate, Key, Match, Ordinals, Reading, Temperature, steps
from drivers.standard.push import push
from profiles.gatt import thermometer as hts


def understand(link: GattLink, frame: Frame, ordinals: Ordinals) -> Reading | Intermediate | None:
    if frame.characteristic == hts.IntermediateTemperature.uuid:
        passing = steps.decoded(link, hts.IntermediateTemperature, frame)
        value = steps.quantity(passing.temperature, passing.unit) if passing else None
        return Intermediate(frame, value) if value else None
    said = steps.decoded(link, hts.TemperatureMeasurement, frame)
    temperature = steps.quantity(said.temperature, said.unit) if said else None
    if said is None or temperature is None:
        return None
    measured = frame.data[1:5]
    if said.timestamp is None:
        key = Key.episode(measured, ordinals.next(measured))
    else:
        key = Key.content(said.timestamp, None, measured, ordinals.next(said.timestamp, measured))
    site = said.type.name.lower() if isinstance(said.type, hts.TemperatureSite) else None
    return Temperature(frame=frame, key=key, device_time=said.timestamp, temperature=temperature, site=site)


DRIVER = GattDriver(
    name="thermometer",
    label="Thermometer (standard profile)",
    match=Match(service=hts.SERVICE),
    read=push(hts.TemperatureMeasurement.uuid, understand, intermediate=hts.IntermediateTemperature.uuid),
    commands=steps.SET_CLOCK,
    streams=True,
)

"""Scales that say their weight in BTHome; and what the makers' own files for scales, thermometers and belts that advertise are made of.

Flow: nobody connects. An advertisement that differs from the one before and holds a mass is taken, be it plain or encrypted; what is
encrypted is opened with the device's `bindkey`. An earlier version had one driver for all that advertise: its captures, and
devices for which the configuration names it, are read by this one, whatever their form.
Source: BTHome 1 and 2.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from drivers import (
    Batch,
    DeviceInfo,
    Frame,
    GattDriver,
    GattLink,
    Hearing,
    HeartRate,
    Key,
    Match,
    Notice,
    Quantity,
    Reading,
    Temperature,
    Weight,
)
from profiles import adv
from profiles.adv import bthome, mibeacon, scales, wearables
from profiles.times import DateTime
from profiles.wire import DecodeError

PULSE_SECONDS = 60.0
_NOT_READ = ("Laica scale", "Skale")
"""They do not say whether a weight is final, or a person's."""
_PULSES = ("Mi Band", "XOSS belt")
_UTC = 0


def hearing(form: str, *, seconds: float = 0.0, services: tuple[int, ...] = (), companies: tuple[int, ...] = ()) -> Hearing:
    """Of the advertisements whose form is this one: `profiles.adv.FORMS`."""

    def heard(seen: adv.Sighting) -> float | None:
        found = next((one for one in adv.FORMS if one.claims(seen)), None)
        return seconds if found is not None and found.name == form else None

    return Hearing(seconds=heard, services=services, companies=companies)


def _weight(
    frame: Frame,
    raw: bytes,
    value: Decimal,
    unit: str,
    impedance: Decimal | int | None,
    moment: DateTime | None = None,
    utc_offset: int | None = None,
) -> Weight:
    """`raw`: the weight's octets. The impedance comes later, with the same weight: it is the next version of the same reading."""
    return Weight(
        frame=frame,
        key=Key.episode(raw, 0) if moment is None else Key.content(moment, None, raw, 0),
        device_time=moment,
        utc_offset=utc_offset,
        weight=Quantity(value, unit),
        impedance=Quantity(Decimal(impedance), "Ohm") if impedance else None,
    )


def _two(raw_weight: int) -> bytes:
    return raw_weight.to_bytes(2, "little")


def _moment(seconds: int) -> DateTime:
    return DateTime.of(datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None))


def _mi_scale(said: scales.MiScale, frame: Frame, _raw: bytes) -> list[Reading]:
    if not said.stabilized or said.weighing_mode == "object":
        return []
    return [_weight(frame, _two(said.raw_weight), said.weight, said.unit, None, said.timestamp)]


def _mi_body_scale(said: scales.MiBodyScale, frame: Frame, _raw: bytes) -> list[Reading]:
    return [_weight(frame, _two(said.raw_weight), said.weight, said.unit, said.impedance, said.timestamp)] if said.stabilized else []


def _amazfit(said: scales.AmazfitScale, frame: Frame, _raw: bytes) -> list[Reading]:
    if not said.stabilized:
        return []
    return [_weight(frame, said.encode()[7:9], said.weight, "kg", said.impedance, _moment(said.seconds), _UTC)]


def _okok(said: scales.OkokScale, frame: Frame, _raw: bytes) -> list[Reading]:
    return [_weight(frame, _two(said.raw_weight), said.weight, said.unit, said.impedance)] if said.stabilized else []


def _senssun(said: scales.SenssunScale, frame: Frame, _raw: bytes) -> list[Reading]:
    return [_weight(frame, _two(said.raw_weight), said.weight, "kg", said.impedance)] if said.stabilized else []


def _s400(said: mibeacon.BodyComposition, frame: Frame) -> list[Reading]:
    """With a mass in it the impedance is the one at the low frequency, and the weight is final."""
    if said.mass is None or said.impedance_low is None:
        return []
    moment, packed = _moment(said.seconds), said.packed.to_bytes(4, "little")
    found: list[Reading] = [_weight(frame, packed, said.mass, "kg", said.impedance_low, moment, _UTC)]
    if said.heart_rate is not None:
        key = Key.content(moment, None, packed, 0)
        rate = Quantity(Decimal(said.heart_rate), "/min")
        found.append(HeartRate(frame=frame, key=key, device_time=moment, utc_offset=_UTC, rate=rate))
    return found


def _mibeacon(said: mibeacon.MiBeacon, frame: Frame, _raw: bytes) -> list[Reading]:
    if isinstance(said.said, mibeacon.BodyComposition):
        return _s400(said.said, frame)
    if isinstance(said.said, mibeacon.BodyTemperature):
        # Encrypted octets differ each time they are said: what was counted is one reading.
        key = Key.episode(bytes((said.counter,)) + said.said.encode(), 0)
        return [Temperature(frame=frame, key=key, temperature=Quantity(said.said.temperature, "Cel"))]
    return []


def _bthome(said: bthome.BTHome, frame: Frame, raw: bytes) -> list[Reading]:
    mass, stamp = said.first("mass"), said.first("timestamp")
    if mass is None or not isinstance(mass.value, Decimal):
        return []
    moment = DateTime.of(stamp.value.replace(tzinfo=None)) if stamp is not None and isinstance(stamp.value, datetime) else None
    return [_weight(frame, raw, mass.value, mass.unit, None, moment, None if moment is None else _UTC)]


def _pulse(said: wearables.MiBand | wearables.XossBelt, frame: Frame, _raw: bytes) -> list[Reading]:
    if not said.heart_rate:
        return []
    key = Key.episode(str(frame.position).encode(), 0)
    return [HeartRate(frame=frame, key=key, rate=Quantity(Decimal(said.heart_rate), "/min"))]


_UNDERSTOOD: dict[type[Any], Callable[[Any, Frame, bytes], list[Reading]]] = {
    bthome.BTHome: _bthome,
    mibeacon.MiBeacon: _mibeacon,
    scales.MiScale: _mi_scale,
    scales.MiBodyScale: _mi_body_scale,
    scales.AmazfitScale: _amazfit,
    scales.OkokScale: _okok,
    scales.SenssunScale: _senssun,
    wearables.MiBand: _pulse,
    wearables.XossBelt: _pulse,
}


def _understood(link: GattLink, frame: Frame) -> tuple[DeviceInfo | Notice | Reading, ...]:
    seen = adv.Sighting.of(frame.data)
    try:
        form, parts = adv.decode(seen, link.unseal)
    except adv.Locked as error:
        return (Notice("locked", f"{error}: give the device's bindkey"),)
    except (adv.Unknown, DecodeError) as error:
        link.reject(frame, error)
        return ()
    raw = b"".join(seen.service_data.get(uuid, b"") for uuid in (bthome.UUID, bthome.UUID_1, bthome.UUID_1_ENCRYPTED))
    found = [reading for part in parts if type(part) in _UNDERSTOOD for reading in _UNDERSTOOD[type(part)](part, frame, raw)]
    return (DeviceInfo(frame=frame, model=form.name), *found) if found else ()


async def read(link: GattLink) -> AsyncGenerator[Batch]:
    frame = await link.receive()
    items = _understood(link, frame) if frame is not None else ()
    if items:
        yield Batch(items)


def _any_form(seen: adv.Sighting) -> float | None:
    """What comes to it by itself is BTHome, for it is only shown that; where it is named, it is whatever that device says."""
    form = next((one for one in adv.FORMS if one.claims(seen)), None)
    if form is None or form.name in _NOT_READ:
        return None
    return PULSE_SECONDS if form.name in _PULSES else 0.0


DRIVER = GattDriver(
    name="advertised",
    label="BTHome scale",
    match=Match(),
    read=read,
    hears=Hearing(seconds=_any_form, services=(bthome.UUID, bthome.UUID_1, bthome.UUID_1_ENCRYPTED)),
)

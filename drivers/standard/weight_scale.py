"""Any scale that keeps to the Weight Scale or the Body Composition Profile.

Flow: the scale indicates the weight just taken on 2A9D and what it made of the body's impedance on 2A9C, then the stored ones of the
user. A body composition may come as two indications, which are one reading; the second is waited for until the scale is silent. Raw
0xFFFF says that the measurement was unsuccessful and gives no reading. A scale with users (User Data Service, 2A9F) shows the data
of one at a time: the consent code of each is given in turn, and a user of our own is registered if the owner permits it and none is known.
Source: Weight Scale Profile 1.0, chapter 4; Weight Scale Service 1.0, 3.2; Body Composition Profile 1.0, chapter 4; Body Composition
Service 1.0, 3.2.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import fields, replace
from decimal import Decimal

from drivers import Batch, BodyComposition, Confused, Frame, GattDriver, GattLink, Key, Match, Ordinals, Quantity, Reading, Weight, steps
from drivers.standard import users
from profiles.gatt import body_composition as bcs
from profiles.gatt import weight_scale as wss

_UNITS = {"kg": "kg", "lb": "[lb_av]"}
_HEIGHT_UNITS = {"m": "m", "in": "[in_i]"}
_WEIGHT, _COMPOSITION = wss.WeightMeasurement.uuid, bcs.BodyCompositionMeasurement.uuid
_FLAGS_OCTETS = 2
Mend = Callable[[Reading], Reading | None]


class _Scale:
    """One session: counts identical records, and holds the first half of a reading."""

    def __init__(self, link: GattLink, mend: Mend | None) -> None:
        self._link, self._mend = link, mend
        self._ordinals = Ordinals()
        self._half: tuple[bcs.BodyCompositionMeasurement, Frame] | None = None

    def take(self, frame: Frame) -> tuple[Reading, ...]:
        """What this frame completes."""
        if frame.characteristic == _WEIGHT:
            reading = self._weight(frame)
            return self._mended(reading) if reading is not None else ()
        if frame.characteristic != _COMPOSITION:
            return ()
        said = steps.decoded(self._link, bcs.BodyCompositionMeasurement, frame)
        if said is None:
            return self.rest()
        if not said.multiple_packet:
            return (*self.rest(), *self._composition(said, frame))
        # Who and when stands in a first packet only: with it begins another reading, perhaps of another person.
        if self._half is None or said.timestamp is not None or said.user_id is not None:
            before = self.rest()
            self._half = (said, frame)
            return before
        first, first_frame = self._half
        self._half = None
        return self._composition(_joined(first, said), first_frame)

    def rest(self) -> tuple[Reading, ...]:
        """A first half whose second has not come: what it says counts, and the whole one later is its next version."""
        if self._half is None:
            return ()
        said, frame = self._half
        self._half = None
        return self._composition(said, frame)

    def _weight(self, frame: Frame) -> Weight | None:
        said = steps.decoded(self._link, wss.WeightMeasurement, frame)
        if said is None or said.unsuccessful:
            return None
        user = None if said.user_id == wss.USER_UNKNOWN else said.user_id
        measured = frame.data[1:3]
        if said.timestamp is None:
            key = Key.episode(measured, self._ordinals.next(measured))
        else:
            key = Key.content(said.timestamp, user, measured, self._ordinals.next(said.timestamp, user, measured))
        return Weight(
            frame=frame,
            key=key,
            device_time=said.timestamp,
            user_index=user,
            weight=Quantity(said.weight, _UNITS[said.unit]),
            bmi=Quantity(said.bmi, "kg/m2") if said.bmi else None,
            height=Quantity(said.height, _HEIGHT_UNITS[said.height_unit]) if said.height and said.height_unit else None,
        )

    def _composition(self, said: bcs.BodyCompositionMeasurement, frame: Frame) -> tuple[Reading, ...]:
        if said.unsuccessful:
            return ()
        user = None if said.user_id == wss.USER_UNKNOWN else said.user_id
        # Of the first packet, so that a half reading and the whole one are the same record.
        measured = b"body" + frame.data[_FLAGS_OCTETS : _FLAGS_OCTETS + 2]
        if said.timestamp is None:
            key = Key.episode(measured, self._ordinals.next(measured))
        else:
            key = Key.content(said.timestamp, user, measured, self._ordinals.next(said.timestamp, user, measured))
        mass = _UNITS[said.unit]
        weight = None if self._link.has(_WEIGHT) else _quantity(said.weight, mass)
        reading = BodyComposition(
            frame=frame,
            key=key,
            device_time=said.timestamp,
            user_index=user,
            fat=_quantity(said.body_fat, "%"),
            muscle=_quantity(said.muscle_percentage, "%"),
            muscle_mass=_quantity(said.muscle_mass, mass),
            fat_free_mass=_quantity(said.fat_free_mass, mass),
            soft_lean_mass=_quantity(said.soft_lean_mass, mass),
            water_mass=_quantity(said.body_water_mass, mass),
            impedance=_quantity(said.impedance, "Ohm"),
            basal_metabolism=None if said.basal_metabolism is None else Quantity(Decimal(said.basal_metabolism), "kJ"),
            weight=weight,
            height=_quantity(said.height, _HEIGHT_UNITS[said.height_unit]) if weight and said.height_unit else None,
        )
        return self._mended(reading)

    def _mended(self, reading: Reading) -> tuple[Reading, ...]:
        mended = reading if self._mend is None else self._mend(reading)
        return (mended,) if mended is not None else ()


def _quantity(value: Decimal | None, unit: str) -> Quantity | None:
    return None if value is None else Quantity(value, unit)


def _joined(first: bcs.BodyCompositionMeasurement, second: bcs.BodyCompositionMeasurement) -> bcs.BodyCompositionMeasurement:
    """Both halves: what the first does not say, the second does. Units are those of both, or the second half is left out."""
    if (first.flags ^ second.flags) & bcs.Flags.IMPERIAL:
        return first
    missing = {field.name: getattr(second, field.name) for field in fields(first) if getattr(first, field.name) is None}
    return replace(first, flags=first.flags | second.flags, **missing)


def _told(people: users.Users, scale: _Scale, frames: Iterable[Frame]) -> Batch:
    """What came with the answers, and what there is to tell and to keep of the users."""
    found = tuple(reading for frame in frames for reading in scale.take(frame))
    return Batch((*found, *people.notices_once()), mark=people.mark_if_changed())


async def read(link: GattLink, mend: Mend | None = None) -> AsyncGenerator[Batch]:
    """`mend`: what to make of a reading of a scale that says it otherwise than the profile has it."""
    if not (link.has(_WEIGHT) or link.has(_COMPOSITION)):
        raise Confused("it advertises a scale's service and has no measurement there: a scale with a language of its own, such as Xiaomi's")
    await link.subscribe(_WEIGHT, _COMPOSITION, users.POINT)
    yield Batch(await steps.about(link))
    scale = _Scale(link, mend)
    if link.has(users.POINT):
        people = users.Users(link, link.mark)
        early = await people.register()
        for user in people.known:  # each in turn: the scale shows one user's data at a time
            admitted, more = await people.admit(user)
            yield _told(people, scale, (*early, *more))
            early = []
            while admitted and (frame := await link.receive()) is not None:
                if frame.characteristic != users.POINT and (readings := scale.take(frame)):
                    yield Batch(readings)
            if half := scale.rest():
                yield Batch(half)  # before the next request, which may find the link gone
        yield _told(people, scale, early)
    while (frame := await link.receive()) is not None:
        if frame.characteristic != users.POINT and (readings := scale.take(frame)):
            yield Batch(readings)
    left = scale.rest()
    if left:
        yield Batch(left)
    await steps.set_clock(link)


DRIVER = GattDriver(
    name="weight-scale",
    label="Weight or body composition scale (standard profiles)",
    match=Match(service=(wss.SERVICE, bcs.SERVICE)),
    read=read,
    commands=(*users.COMMANDS, *steps.SET_CLOCK),
)

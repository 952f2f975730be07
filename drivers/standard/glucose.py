"""Any glucose meter that keeps to the Glucose Profile.

Flow: switch on 2A18, 2A34 and 2A52; read who the meter is and what its clock shows; ask for the last record, and from
its sequence number and base time learn whether there is news or the meter was reset (`profiles.download`); ask how
many there are, and take what is reported. A context (2A34) belongs to the measurement with its sequence number and may come before or
after it. A measurement that announces one is held until it comes or the procedure ends; if it has not come by then,
the next download starts at that record again, and what comes late is a new version of the same reading.
Source: Glucose Profile 1.0.1, chapter 5; on keys, NightscoutFoundation/xDrip#138.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from drivers import Batch, Frame, GattDriver, GattLink, Glucose, Key, Match, Quantity, steps
from drivers.standard import records
from profiles.download import Download, Mark
from profiles.floats import NoValue
from profiles.gatt import glucose as gls
from profiles.gatt.record_access import delete_up_to

_MEASUREMENT, _CONTEXT = gls.GlucoseMeasurement.uuid, gls.GlucoseMeasurementContext.uuid


@dataclass(slots=True)
class _Meter:
    """Measurements and contexts of one download, joined by sequence number."""

    measurements: dict[int, tuple[gls.GlucoseMeasurement, Frame]] = field(default_factory=dict)
    contexts: dict[int, gls.GlucoseMeasurementContext] = field(default_factory=dict)
    emitted: set[int] = field(default_factory=set)

    def take(self, link: GattLink, frame: Frame, download: Download) -> Glucose | None:
        """The reading that this frame completes, if it does."""
        if frame.characteristic == _MEASUREMENT:
            said = steps.decoded(link, gls.GlucoseMeasurement, frame)
            if said is None:
                download.came(frame.data)
                return None
            download.record(said.sequence_number, said.base_time)
            self.measurements[said.sequence_number] = (said, frame)
            complete = not said.context_follows or said.sequence_number in self.contexts
            return self.emit(said.sequence_number) if complete else None
        context = steps.decoded(link, gls.GlucoseMeasurementContext, frame)
        if context is None:
            return None
        self.contexts[context.sequence_number] = context
        return self.emit(context.sequence_number) if context.sequence_number in self.measurements else None

    def emit(self, number: int) -> Glucose | None:
        self.emitted.add(number)
        said, frame = self.measurements[number]
        return reading(said, frame, self.contexts.get(number))

    def rest(self) -> tuple[Glucose, ...]:
        """What still waits for its context when the procedure has ended."""
        left = [self.emit(number) for number in sorted(set(self.measurements) - self.emitted)]
        return tuple(item for item in left if item is not None)

    def mark(self, before: Mark | None, *, was_reset: bool) -> Mark | None:
        if not self.measurements:
            return before
        last = max(self.measurements)
        base_time = self.measurements[last][0].base_time
        if before is not None and not was_reset and before.sequence_number > last:
            last, base_time = before.sequence_number, before.base_time
        waiting = [n for n, (said, _) in self.measurements.items() if said.context_follows and n not in self.contexts]
        return Mark(last, base_time, min([*waiting, last + 1]))


def reading(said: gls.GlucoseMeasurement, frame: Frame, context: gls.GlucoseMeasurementContext | None) -> Glucose | None:
    """None for a record without a number: an error, HI or LO."""
    if said.concentration is None or isinstance(said.concentration, NoValue):
        return None
    by_mass = said.mg_per_dl
    value = by_mass if by_mass is not None else said.mmol_per_l
    if value is None:
        return None
    return Glucose(
        frame=frame,
        key=Key.sequence(said.sequence_number, said.base_time),
        device_time=said.timestamp or said.base_time,
        sequence_number=said.sequence_number,
        status=steps.flag_names(said.sensor_status),
        concentration=Quantity(value, "mmol/L" if by_mass is None else "mg/dL"),
        sample_type=_name(said.type),
        sample_location=_name(said.location),
        meal=_name(context.meal) if context else None,
        context=_context(context) if context else {},
    )


_NAMED = (gls.SampleType, gls.SampleLocation, gls.Meal)


def _name(code: object) -> str | None:
    return code.name.lower() if isinstance(code, _NAMED) else None


def _context(said: gls.GlucoseMeasurementContext) -> dict[str, str]:
    found: dict[str, str] = {}
    if said.carbohydrate is not None and not isinstance(said.carbohydrate, NoValue):
        found["carbohydrate"] = f"{said.carbohydrate.scaleb(3):f} g"
    if isinstance(said.carbohydrate_id, gls.Carbohydrate):
        found["carbohydrate_meal"] = said.carbohydrate_id.name.lower()
    if said.exercise_duration is not None:
        overrun = said.exercise_duration == gls.EXERCISE_OVERRUN
        found["exercise"] = "overrun" if overrun else f"{said.exercise_duration} s at {said.exercise_intensity} %"
    if said.medication is not None and not isinstance(said.medication, NoValue):
        small = f"{said.medication.scaleb(6 if said.medication_unit == 'kg' else 3):f}"
        found["medication"] = f"{small} {'mg' if said.medication_unit == 'kg' else 'mL'}"
    if isinstance(said.medication_id, gls.Medication):
        found["medication_kind"] = said.medication_id.name.lower()
    if said.hba1c is not None and not isinstance(said.hba1c, NoValue):
        found["hba1c"] = f"{said.hba1c:f} %"
    if said.tester_and_health is not None:
        tester, health = said.tester_and_health
        if isinstance(tester, gls.Tester):
            found["tester"] = tester.name.lower()
        if isinstance(health, gls.Health):
            found["health"] = health.name.lower()
    return found


async def read(link: GattLink) -> AsyncGenerator[Batch]:
    await link.subscribe(_MEASUREMENT, _CONTEXT, records.POINT)
    yield Batch(await steps.about(link))

    before = records.mark_of(link.mark)
    meter, download = _Meter(), Download(before)
    report = records.Report(link, download, "meter")
    while (frame := await report.next()) is not None:
        completed = meter.take(link, frame, download)
        if completed is not None:
            yield Batch((completed,))
    if not report.is_whole:
        yield Batch(meter.rest())
        report.check()

    mark = meter.mark(before, was_reset=download.was_reset)
    yield Batch(meter.rest(), mark=records.stored(mark))
    if link.policy.forget and mark is not None and meter.measurements and mark.next_wanted > min(meter.measurements):
        await records.delete(link, delete_up_to(mark.next_wanted - 1))
    await steps.set_clock(link)


DRIVER = GattDriver(
    name="glucose",
    label="Glucose meter (standard profile)",
    match=Match(service=gls.SERVICE),
    read=read,
    commands=(*records.COMMANDS, *steps.SET_CLOCK),
)

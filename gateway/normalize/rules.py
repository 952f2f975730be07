"""Reading to things. One reading may be several: an oximeter's is a saturation and a heart rate."""

from __future__ import annotations

from functools import singledispatch

from drivers import (
    BloodPressure,
    BodyComposition,
    Exercise,
    Glucose,
    HeartRate,
    Insulin,
    Observation,
    OxygenSaturation,
    Reading,
    Series,
    Temperature,
    Weight,
)
from gateway.normalize import codes
from gateway.normalize.observed import observed
from gateway.normalize.part import Part, glucose_in, maybe, measured
from gateway.normalize.things import (
    BloodGlucoseData,
    BloodGlucoseThing,
    BloodPressureData,
    BloodPressureThing,
    BodyCompositionData,
    BodyCompositionThing,
    ExerciseData,
    ExerciseThing,
    HeartRateData,
    HeartRateThing,
    InsulinData,
    InsulinThing,
    OxygenSaturationData,
    OxygenSaturationThing,
    SamplesData,
    SamplesThing,
    VitalSignsData,
    VitalSignsThing,
    WeightData,
    WeightThing,
)


@singledispatch
def parts(reading: Reading) -> list[Part]:
    raise TypeError(f"no rule for {type(reading).__name__}")


@parts.register
def _(reading: BloodPressure) -> list[Part]:
    return [
        Part(
            BloodPressureThing,
            BloodPressureData(
                systolic=measured(reading.systolic, "mm[Hg]", codes.SYSTOLIC),
                diastolic=measured(reading.diastolic, "mm[Hg]", codes.DIASTOLIC),
                mean=maybe(reading.mean, "mm[Hg]", codes.MEAN_PRESSURE),
                pulse=maybe(reading.pulse, "/min", codes.PULSE_FROM_CUFF),
                irregular_heartbeat=True if "irregular_pulse" in reading.status else None,
            ),
        )
    ]


@parts.register
def _(reading: Weight) -> list[Part]:
    return [
        Part(
            WeightThing,
            WeightData(
                weight=measured(reading.weight, "kg", codes.BODY_WEIGHT),
                bmi=maybe(reading.bmi, "kg/m2", codes.BODY_MASS_INDEX),
                height=maybe(reading.height, "m", codes.BODY_HEIGHT),
                impedance=maybe(reading.impedance, "Ohm", codes.IMPEDANCE),
            ),
        )
    ]


@parts.register
def _(reading: BodyComposition) -> list[Part]:
    """A thing for each quantity, as HealthVault wants it; what has no name there goes with the first."""
    named = (
        ("fat-percent", reading.fat, "1", codes.BODY_FAT),
        ("muscle-percent", reading.muscle, "1", codes.MUSCLE_PERCENTAGE),
        ("muscle-mass", reading.muscle_mass, "kg", codes.MUSCLE_MASS),
        ("fat-free-mass", reading.fat_free_mass, "kg", codes.FAT_FREE_MASS),
        ("lean-mass", reading.soft_lean_mass, "kg", codes.SOFT_LEAN_MASS),
        ("water-mass", reading.water_mass, "kg", codes.BODY_WATER),
    )
    found: list[Part] = []
    impedance, metabolism = maybe(reading.impedance, "Ohm", codes.IMPEDANCE), maybe(reading.basal_metabolism, "kJ", codes.BASAL_METABOLISM)
    for name, quantity, unit, code in named:
        if quantity is not None:
            data = BodyCompositionData(name=name, value=measured(quantity, unit, code), impedance=impedance, basal_metabolism=metabolism)
            found.append(Part(BodyCompositionThing, data, name))
            impedance = metabolism = None
    if reading.weight is not None:
        weight = WeightData(weight=measured(reading.weight, "kg", codes.BODY_WEIGHT), height=maybe(reading.height, "m", codes.BODY_HEIGHT))
        found.append(Part(WeightThing, weight, "weight"))
    return found


@parts.register
def _(reading: Glucose) -> list[Part]:
    sample = reading.sample_type or ""
    return [
        Part(
            BloodGlucoseThing,
            BloodGlucoseData(
                glucose=measured(reading.concentration, "mmol/L", codes.GLUCOSE.get(sample, codes.GLUCOSE_UNSPECIFIED)),
                measurement_type=glucose_in(sample),
                sample=reading.sample_type,
                location=reading.sample_location,
                control_test="control_solution" in (reading.sample_type, reading.sample_location),
                outside_operating_temperature=bool({"temperature_too_high", "temperature_too_low"} & set(reading.status)),
                meal=reading.meal,
                context=dict(reading.context),
            ),
        )
    ]


@parts.register
def _(reading: Temperature) -> list[Part]:
    return [
        Part(
            VitalSignsThing,
            VitalSignsData(
                temperature=measured(reading.temperature, "Cel", codes.BODY_TEMPERATURE),
                site=reading.site,
            ),
        )
    ]


@parts.register
def _(reading: OxygenSaturation) -> list[Part]:
    saturation = Part(
        OxygenSaturationThing,
        OxygenSaturationData(
            saturation=measured(reading.spo2, "1", codes.SPO2),
            pulse_amplitude_index=maybe(reading.pulse_amplitude_index, "%", codes.PULSE_AMPLITUDE_INDEX),
            lowest=maybe(reading.lowest, "1", codes.SPO2),
            highest=maybe(reading.highest, "1", codes.SPO2),
            samples=reading.samples,
            seconds=reading.seconds,
        ),
    )
    if reading.pulse is None:
        return [saturation, *_samples(reading.series)]
    pulse = HeartRateData(rate=measured(reading.pulse, "/min", codes.PULSE_FROM_OXIMETER))
    return [saturation, Part(HeartRateThing, pulse, "pulse"), *_samples(reading.series)]


@parts.register
def _(reading: HeartRate) -> list[Part]:
    return [
        Part(
            HeartRateThing,
            HeartRateData(
                rate=measured(reading.rate, "/min", codes.HEART_RATE),
                lowest=maybe(reading.lowest, "/min", codes.HEART_RATE),
                highest=maybe(reading.highest, "/min", codes.HEART_RATE),
                samples=reading.samples,
                seconds=reading.seconds,
            ),
        ),
        *_samples(reading.series),
    ]


_CANONICAL = {"km/h": "m/s", "kcal": "kJ"}
"""Else the unit stays as it is."""


@parts.register
def _(reading: Exercise) -> list[Part]:
    details = {
        name: measured(quantity, _CANONICAL.get(quantity.unit, quantity.unit), codes.DETAILS.get(name, codes.NO_CODE))
        for name, quantity in reading.details.items()
    }
    data = ExerciseData(activity=reading.activity, seconds=reading.seconds, details=details, derived=list(reading.derived))
    return [Part(ExerciseThing, data), *_samples(reading.series)]


def _samples(series: tuple[Series, ...]) -> list[Part]:
    return [
        Part(
            SamplesThing,
            SamplesData(
                name=one.name,
                unit=one.unit,
                mdc=codes.SAMPLES.get(one.name, codes.NO_CODE).mdc,
                offsets=list(one.offsets),
                values=list(one.values),
            ),
            one.name,
        )
        for one in series
    ]


@parts.register
def _(reading: Observation) -> list[Part]:
    return observed(reading)


@parts.register
def _(reading: Insulin) -> list[Part]:
    data = InsulinData(
        amount=measured(reading.amount, "[iU]", codes.INSULIN),
        kind=reading.kind,
        extended=maybe(reading.extended, "[iU]", codes.INSULIN),
        seconds=reading.seconds,
    )
    return [Part(InsulinThing, data)]

"""Observations that say by codes what they are: those with a thing-type of their own become that, the others pass through as coded."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from drivers import Coded, Observation, Quantity
from gateway.normalize import codes
from gateway.normalize.codes import Code
from gateway.normalize.part import Part, glucose_in, measured
from gateway.normalize.things import (
    BloodGlucoseData,
    BloodGlucoseThing,
    BloodPressureData,
    BloodPressureThing,
    BodyCompositionData,
    BodyCompositionThing,
    CodedData,
    CodedThing,
    CodedValue,
    HeartRateData,
    HeartRateThing,
    Measured,
    OxygenSaturationData,
    OxygenSaturationThing,
    VitalSignsData,
    VitalSignsThing,
    WeightData,
    WeightThing,
)


def observed(reading: Observation) -> list[Part]:
    """One part; the thing-type by the code, if the value is of the kind that it wants."""
    main, found = reading.observed, None
    if main.code == codes.BLOOD_PRESSURE.mdc:
        found = _blood_pressure({part.code: part for part in reading.components})
    elif not reading.components and main.number is not None and main.code in _NUMERIC:
        found = _NUMERIC[main.code](main)
    return [found or _coded(reading)]


def _value(said: Coded, unit: str, code: Code) -> Measured | None:
    """None where the value is of another dimension than the thing-type's."""
    if said.number is None:
        return None
    try:
        return measured(Quantity(said.number, codes.DIMENSIONS.get(said.dimension or 0, "")), unit, code)
    except KeyError:
        return None


Build = Callable[[Coded], Part | None]


def _simple(unit: str, code: Code, build: Callable[[Measured], Part]) -> tuple[int | None, Build]:
    def made(said: Coded) -> Part | None:
        value = _value(said, unit, code)
        return None if value is None else build(value)

    return code.mdc, made


def _heart_rate(value: Measured) -> Part:
    return Part(HeartRateThing, HeartRateData(rate=value))


def _composition(name: str) -> Callable[[Measured], Part]:
    return lambda value: Part(BodyCompositionThing, BodyCompositionData(name=name, value=value))


def _glucose(sample: str) -> Callable[[Measured], Part]:
    def build(value: Measured) -> Part:
        data = BloodGlucoseData(
            glucose=value,
            measurement_type=glucose_in(sample),
            sample=sample,
            control_test=sample == "control_solution",
        )
        return Part(BloodGlucoseThing, data)

    return build


_NUMERIC: dict[int | None, Build] = dict(
    [
        _simple("kg", codes.BODY_WEIGHT, lambda value: Part(WeightThing, WeightData(weight=value))),
        _simple("Cel", codes.BODY_TEMPERATURE, lambda value: Part(VitalSignsThing, VitalSignsData(temperature=value))),
        _simple("1", codes.SPO2, lambda value: Part(OxygenSaturationThing, OxygenSaturationData(saturation=value))),
        *(_simple("/min", code, _heart_rate) for code in (codes.HEART_RATE, codes.PULSE_FROM_OXIMETER, codes.PULSE_FROM_CUFF)),
        _simple("1", codes.BODY_FAT, _composition("fat-percent")),
        _simple("kg", codes.FAT_FREE_MASS, _composition("fat-free-mass")),
        _simple("kg", codes.SOFT_LEAN_MASS, _composition("lean-mass")),
        _simple("kg", codes.BODY_WATER, _composition("water-mass")),
        *(_simple("mmol/L", code, _glucose(sample)) for sample, code in codes.GLUCOSE.items()),
    ]
)


def _blood_pressure(parts: dict[int | None, Coded]) -> Part | None:
    def part(code: Code) -> Measured | None:
        return _value(parts[code.mdc], "mm[Hg]", code) if code.mdc in parts else None

    systolic, diastolic = part(codes.SYSTOLIC), part(codes.DIASTOLIC)
    if systolic is None or diastolic is None:
        return None
    return Part(BloodPressureThing, BloodPressureData(systolic=systolic, diastolic=diastolic, mean=part(codes.MEAN_PRESSURE)))


def _coded(reading: Observation) -> Part:
    main = _coded_value(reading.observed)
    data = CodedData(
        **dict(main),
        components=[_coded_value(part) for part in reading.components],
        supplemental=list(reading.supplemental),
        seconds=reading.seconds,
    )
    return Part(CodedThing, data)


def _coded_value(said: Coded) -> CodedValue:
    unit = None if said.dimension is None else codes.DIMENSIONS.get(said.dimension, f"{{MDC {codes.DIMENSION_PARTITION | said.dimension}}}")
    value = None if said.number is None else measured(Quantity(said.number, unit or "1"), unit or "1", Code(said.code, None, "as observed"))
    return CodedValue(
        mdc=said.code,
        value=value,
        terms=list(said.terms),
        text=said.text,
        octets=said.octets.hex() or None,
        samples=list(said.samples),
        unit=unit if said.samples else None,
        interval=said.interval if said.interval is not None and said.interval > Decimal(0) else None,
    )

"""Which coded observations become things of their own kind, and how the rest passes through."""

from __future__ import annotations

from decimal import Decimal

import pytest

from drivers import Coded, Frame, Key, Observation
from gateway.normalize import codes
from gateway.normalize.observed import observed
from gateway.normalize.part import Part
from gateway.normalize.things import CodedData

FRAME = Frame(0x2B8B, b"", 1.7e9, 1.0, 1)


def made(main: Coded, *components: Coded) -> Part:
    (part,) = observed(Observation(frame=FRAME, key=Key("episode", ("1",)), observed=main, components=components))
    return part


def numeric(code: int | None, number: str, dimension: int) -> Coded:
    return Coded(code=code, number=Decimal(number), dimension=dimension)


@pytest.mark.parametrize(
    ("code", "dimension", "number", "kind", "field", "value"),
    [
        (codes.BODY_WEIGHT, 1760, "150", "weight", "weight", "68.039"),
        (codes.BODY_WEIGHT, 1728, "68100", "weight", "weight", "68.100"),
        (codes.BODY_TEMPERATURE, 4416, "98.6", "vital-signs", "temperature", "37.00"),
        (codes.SPO2, 544, "97", "blood-oxygen-saturation", "saturation", "0.9700"),
        (codes.HEART_RATE, 2720, "61", "heart-rate", "rate", "61"),
        (codes.PULSE_FROM_OXIMETER, 2720, "61", "heart-rate", "rate", "61"),
        (codes.BODY_FAT, 544, "22.5", "body-composition", "value", "0.2250"),
        (codes.GLUCOSE["capillary_plasma"], 2130, "90", "blood-glucose", "glucose", "5.00"),
    ],
)
def test_a_code_with_a_kind_of_its_own(code: codes.Code, dimension: int, number: str, kind: str, field: str, value: str) -> None:
    part = made(numeric(code.mdc, number, dimension))
    assert part.model.model_fields["type"].default == kind
    said = getattr(part.data, field)
    assert (str(said.value), said.mdc, said.loinc) == (value, code.mdc, code.loinc)
    assert (str(said.display.value), said.display.unit) == (number, codes.DIMENSIONS[dimension])


def test_blood_pressure_is_one_thing_of_its_components() -> None:
    parts = (numeric(150021, "128", 3872), numeric(150022, "84", 3872), numeric(150023, "98", 3872))
    whole = made(Coded(code=150020), *parts)
    assert whole.model.model_fields["type"].default == "blood-pressure"
    assert [str(getattr(whole.data, name).value) for name in ("systolic", "diastolic", "mean")] == ["128", "84", "98"]
    half = made(Coded(code=150020), parts[0])
    assert isinstance(half.data, CodedData), "without a diastolic it is none"
    assert [part.mdc for part in half.data.components] == [150021]


@pytest.mark.parametrize("dimension", [512, 6048, 65000])
def test_a_value_of_another_dimension_is_not_bent(dimension: int) -> None:
    """A weight in degrees is nonsense, but what was said is kept."""
    part = made(numeric(codes.BODY_WEIGHT.mdc, "70", dimension))
    assert isinstance(part.data, CodedData)
    assert part.data.value is not None
    assert part.data.value.value == Decimal(70)


def test_what_has_no_kind_of_its_own_passes_through() -> None:
    part = made(numeric(152584, "412", 3072))
    assert isinstance(part.data, CodedData)
    assert part.data.value is not None
    assert (part.data.mdc, part.data.value.mdc, part.data.value.unit) == (152584, 152584, "L/min")
    unknown = made(numeric(None, "1", 7))
    assert isinstance(unknown.data, CodedData)
    assert unknown.data.value is not None
    assert unknown.data.value.unit == "{MDC 262151}", "a unit that nobody knows is named by its code"
    coded = made(Coded(code=1, terms=(2, 3), text="t", octets=b"\x0f", samples=(Decimal(1),), interval=Decimal("0.5"), dimension=4274))
    assert isinstance(coded.data, CodedData)
    assert coded.data.model_dump(exclude_none=True, exclude_defaults=True, mode="json") == {
        "mdc": 1,
        "terms": [2, 3],
        "text": "t",
        "octets": "0f",
        "samples": ["1"],
        "unit": "mV",
        "interval": "0.5",
    }


@pytest.mark.parametrize(
    ("sample", "kind"), [("interstitial_fluid", "isf"), ("venous_plasma", "p"), ("capillary_whole_blood", "wb"), ("control_solution", "wb")]
)
def test_what_glucose_was_measured_in(sample: str, kind: str) -> None:
    part = made(numeric(codes.GLUCOSE[sample].mdc, "5.4", 4722))
    assert (part.data.measurement_type, part.data.sample, part.data.control_test) == (kind, sample, sample == "control_solution")

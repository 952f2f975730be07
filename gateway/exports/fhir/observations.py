"""What a thing says, as observations: one for what was measured, and one more for each value beside it that has a code of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import reduce
from math import gcd
from typing import Any

from gateway.exports.fhir.terms import BITS, Resource, absent, concept, decimals, mdc, quantity
from gateway.normalize import codes

MOST_GAPS = 4
"""Samples at uneven moments are laid onto a grid that is at most so many times as long as they are."""
MS = 1000


class NoForm(Exception):
    """What FHIR R4 has no form for."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An observation without time, person and device. `part`: which of its thing's; `seconds`: over how long it was measured."""

    code: Resource
    mdc: int | None
    profile: str
    body: Mapping[str, Any]
    part: str = ""
    vital: bool = False
    seconds: Decimal | None = None
    supplemental: Sequence[int] = field(default_factory=tuple)


def drafts(thing: Mapping[str, Any]) -> list[Draft]:
    """The first is the thing itself. Raises `NoForm`."""
    return list(_BY_TYPE[thing["type"]](thing["data"], thing))


def _numeric(
    said: Mapping[str, Any] | None,
    text: str,
    part: str = "",
    *,
    vital: bool = False,
    seconds: Decimal | None = None,
    site: str | None = None,
) -> Iterator[Draft]:
    if said is not None:
        code, loinc = said.get("mdc"), said.get("loinc")
        body = {"valueQuantity": _quantity(said), **({"bodySite": {"text": site}} if site else {})}
        yield Draft(concept(code, loinc, text), code, "PhdNumericObservation", body, part, vital, seconds)


def _quantity(said: Mapping[str, Any]) -> Resource:
    """As the device displayed it, in its digits. Vital signs have their units: mmHg, and no metres."""
    if said["unit"] == "mm[Hg]":
        return quantity(Decimal(said["value"]), "mm[Hg]")
    if said["display"]["unit"] == "m" and said.get("mdc") == codes.BODY_HEIGHT.mdc:
        return quantity(Decimal(said["display"]["value"]).scaleb(2), "cm")
    return quantity(Decimal(said["display"]["value"]), said["display"]["unit"])


def _component(said: Mapping[str, Any], text: str) -> Resource:
    return {"code": concept(said.get("mdc"), said.get("loinc"), text), "valueQuantity": _quantity(said)}


_CUFF, _OXIMETER = 8410608, 150604
_STATES = {
    # The states of GATT's status words, as the guide's bits. The oximeter's are told the other way round.
    **{
        name: (_CUFF, bit)
        for bit, name in enumerate(
            ("body_movement", "cuff_too_loose", "irregular_pulse", "pulse_rate_above_range", "pulse_rate_below_range", "improper_position")
        )
    },
    **{
        name: (_OXIMETER, bit)
        for bit, name in enumerate(
            (
                *("sensor_disconnected", "sensor_malfunctioning", "sensor_displaced", "unknown_sensor_connected"),
                *("sensor_unconnected_to_user", "sensor_interference", "signal_analysis_ongoing", "questionable_pulse"),
                *("non_pulsatile_signal", "erratic_signal", "low_perfusion", "poor_signal", "inadequate_signal"),
                *("signal_processing_irregularity", "equipment_malfunction", "extended_display_update_ongoing"),
            )
        )
    },
}


def _states(names: Sequence[str], word: int, text: str) -> Iterator[Draft]:
    bits = sorted(_STATES[name][1] for name in names if _STATES.get(name, (0, 0))[0] == word)
    if bits:
        components = [{"code": {"coding": [{"system": BITS, "code": f"{word}.{bit}"}]}, "valueBoolean": True} for bit in bits]
        yield Draft(concept(word, text=text), word, "PhdBitsEnumerationObservation", {"component": components}, "status")


def _blood_pressure(data: Mapping[str, Any], thing: Mapping[str, Any]) -> Iterator[Draft]:
    named = (("systolic", "Systolic blood pressure"), ("diastolic", "Diastolic blood pressure"), ("mean", "Mean blood pressure"))
    components = [_component(data[name], text) for name, text in named if data.get(name)]
    code = concept(codes.BLOOD_PRESSURE.mdc, codes.BLOOD_PRESSURE.loinc, "Blood pressure")
    yield Draft(code, codes.BLOOD_PRESSURE.mdc, "PhdCompoundNumericObservation", {"component": components}, vital=True)
    yield from _numeric(data.get("pulse"), "Pulse rate", "pulse", vital=True)
    states = [*thing["status"], *(["irregular_pulse"] if data.get("irregular_heartbeat") else [])]
    yield from _states(list(dict.fromkeys(states)), _CUFF, "Blood pressure measurement status")


def _weight(data: Mapping[str, Any], _thing: Mapping[str, Any]) -> Iterator[Draft]:
    yield from _numeric(data["weight"], "Body weight", vital=True)
    yield from _numeric(data.get("bmi"), "Body mass index", "bmi", vital=True)
    yield from _numeric(data.get("height"), "Body height", "height", vital=True)
    yield from _numeric(data.get("impedance"), "Body impedance", "impedance")


def _body_composition(data: Mapping[str, Any], _thing: Mapping[str, Any]) -> Iterator[Draft]:
    yield from _numeric(data["value"], data["name"])
    yield from _numeric(data.get("impedance"), "Body impedance", "impedance")
    yield from _numeric(data.get("basal_metabolism"), "Basal metabolism", "basal-metabolism")


_MEAL = 8417864
_MEALS = {"preprandial": 8417868, "postprandial": 8417872, "fasting": 8417876, "casual": 8417880, "bedtime": 8417908}
"""MDC_CTXT_GLU_MEAL and what it may be: IEEE 11073-10417."""


def _blood_glucose(data: Mapping[str, Any], _thing: Mapping[str, Any]) -> Iterator[Draft]:
    yield from _numeric(data["glucose"], "Blood glucose" if not data.get("control_test") else "Control solution")
    meal = data.get("meal")
    if meal:
        known = _MEALS.get(meal)
        value = {"valueCodeableConcept": concept(known, text=meal)} if known else {"valueString": meal}
        name = "PhdCodedEnumerationObservation" if known else "PhdStringObservation"
        yield Draft(concept(_MEAL, text="Meal"), _MEAL, name, value, "meal")


def _over(data: Mapping[str, Any]) -> Decimal | None:
    seconds = Decimal(data.get("seconds") or 0)
    return seconds if seconds > 0 else None


def _heart_rate(data: Mapping[str, Any], _thing: Mapping[str, Any]) -> Iterator[Draft]:
    return _numeric(data["rate"], "Heart rate", vital=True, seconds=_over(data))


def _saturation(data: Mapping[str, Any], thing: Mapping[str, Any]) -> Iterator[Draft]:
    yield from _numeric(data["saturation"], "Oxygen saturation", vital=True, seconds=_over(data))
    yield from _numeric(data.get("pulse_amplitude_index"), "Pulse amplitude index", "pulse-amplitude-index")
    yield from _states(thing["status"], _OXIMETER, "Pulse oximeter status")


def _temperature(data: Mapping[str, Any], _thing: Mapping[str, Any]) -> Iterator[Draft]:
    return _numeric(data["temperature"], "Body temperature", vital=True, site=data.get("site"))


def _exercise(data: Mapping[str, Any], _thing: Mapping[str, Any]) -> Iterator[Draft]:
    seconds = _over(data)
    yield Draft({"text": "Exercise"}, None, "PhdStringObservation", {"valueString": data["activity"]}, seconds=seconds)
    for name, said in data["details"].items():
        yield from _numeric(said, f"{data['activity']}: {name}", name, seconds=seconds)


def _samples(data: Mapping[str, Any], _thing: Mapping[str, Any]) -> Iterator[Draft]:
    value, seconds = _sampled(decimals(data["offsets"]), decimals(data["values"]), data["unit"])
    code = data.get("mdc")
    yield Draft(concept(code, text=data["name"]), code, "PhdRtsaObservation", {"valueSampledData": value}, seconds=seconds)


def _sampled(offsets: Sequence[Decimal], values: Sequence[Decimal], unit: str) -> tuple[Resource, Decimal | None]:
    """On a grid as fine as the moments need. Raises `NoForm` where that would be mostly gaps."""
    moments = [int(one * MS) for one in offsets]
    step = reduce(gcd, (one - moments[0] for one in moments), 0) if moments else 0
    places = [(one - moments[0]) // step for one in moments] if step else [0] * len(moments)
    if len(set(places)) < len(places) or (places and places[-1] >= MOST_GAPS * len(places)):
        raise NoForm("its samples were taken at uneven moments, for which FHIR's SampledData has no form")
    grid = ["E"] * (places[-1] + 1) if places else []
    for place, value in zip(places, values, strict=True):
        grid[place] = format(value, "f")
    return _data(grid, Decimal(step or MS), unit), Decimal(len(grid) * (step or MS)) / MS


def _data(texts: Sequence[str], period: Decimal, unit: str) -> Resource:
    return {"origin": quantity(Decimal(0), unit), "period": period, "dimensions": 1, "data": " ".join(texts)}


def _insulin(data: Mapping[str, Any], _thing: Mapping[str, Any]) -> Iterator[Draft]:
    yield from _numeric(data["amount"], f"Insulin bolus: {data['kind']}", seconds=_over(data))
    yield from _numeric(data.get("extended"), "Insulin bolus: of it extended", "extended", seconds=_over(data))


def _coded(data: Mapping[str, Any], _thing: Mapping[str, Any]) -> Iterator[Draft]:
    code, parts = data.get("mdc"), data.get("components") or []
    supplemental = tuple(data.get("supplemental") or ())
    name, body = ("PhdCompoundNumericObservation", {"component": [_part(one) for one in parts]}) if parts else _value(data)
    body = dict(body)
    if supplemental:
        more = [{"code": concept(68193), "valueCodeableConcept": concept(one)} for one in supplemental]
        body["component"] = [*body.get("component", ()), *more]
    text = None if code is not None else data.get("text") or "Observation"
    yield Draft(concept(code, text=text), code, name, body, seconds=_over(data), supplemental=supplemental)


def _part(said: Mapping[str, Any]) -> Resource:
    _, body = _value(said)
    return {"code": concept(said.get("mdc"), text=None if said.get("mdc") else "part"), **body}


def _value(said: Mapping[str, Any]) -> tuple[str, Resource]:
    if said.get("value"):
        return "PhdNumericObservation", {"valueQuantity": _quantity(said["value"])}
    if said.get("terms"):
        return "PhdCodedEnumerationObservation", {"valueCodeableConcept": {"coding": [mdc(one) for one in said["terms"]]}}
    if said.get("samples"):
        period = Decimal(said.get("interval") or 1) * MS
        return "PhdRtsaObservation", {"valueSampledData": _data(said["samples"], period, said.get("unit") or "1")}
    if said.get("text") and said.get("mdc"):
        return "PhdStringObservation", {"valueString": said["text"]}
    if said.get("octets"):
        return "PhdStringObservation", {"valueString": said["octets"]}
    return "PhdNumericObservation", {"dataAbsentReason": absent()}


_BY_TYPE: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Iterator[Draft]]] = {
    "blood-pressure": _blood_pressure,
    "weight": _weight,
    "body-composition": _body_composition,
    "blood-glucose": _blood_glucose,
    "heart-rate": _heart_rate,
    "blood-oxygen-saturation": _saturation,
    "vital-signs": _temperature,
    "exercise": _exercise,
    "exercise-samples": _samples,
    "insulin-injection-use": _insulin,
    "coded-observation": _coded,
}

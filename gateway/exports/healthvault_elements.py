"""The element of each thing-type, by HealthVault's schemas: their order of children, their types and vocabularies.

Source: HealthVault's schemas and reference (nschonni/healthvault-docs@65b643c).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from xml.etree.ElementTree import Element, SubElement

_UNITS = {
    "[lb_av]": ("lb", "lb"),
    "kg": ("kg", "kg"),
    "mg/dL": ("mg/dL", None),
    "mmol/L": ("mmol/L", None),
    "[in_i]": ("in", "in"),
    "m": ("m", "m"),
}
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 (2.2) has no place for."""

FORMAT_OWNER = "urn:health-gateway"
_GLUCOSE_TYPES = {"wb": ("Whole blood", "wb"), "p": ("Plasma", "p"), "isf": ("Interstitial fluid", None)}
"""HealthVault has no code for what continuous sensors measure in."""
_MEALS = {
    "preprandial": ("Before meal", "BeforeMeal"),
    "postprandial": ("After meal", "AfterMeal"),
    "fasting": ("Fasting", "fasting"),
    "bedtime": ("Before bedtime", "BeforeBedtime"),
}


def add(parent: Element, name: str, text: object) -> Element:
    child = SubElement(parent, name)
    child.text = _legal(str(text))
    return child


def _legal(text: str) -> str:
    """Devices name themselves, control characters and all."""
    return _ILLEGAL.sub("\ufffd", text)


def _root(name: str, thing: dict[str, Any], *, structured: bool = False) -> Element:
    """`structured`: its moment may be approximate there, and an exact one lies an element deeper."""
    root = Element(name)
    moment = datetime.fromisoformat(thing["when"]["time"])
    when = SubElement(root, "when")
    if structured:
        when = SubElement(when, "structured")
    date, time = SubElement(when, "date"), SubElement(when, "time")
    for parent, parts in (
        (date, (("y", moment.year), ("m", moment.month), ("d", moment.day))),
        (time, (("h", moment.hour), ("m", moment.minute), ("s", moment.second), ("f", moment.microsecond // 1000))),
    ):
        for part, value in parts:
            add(parent, part, value)
    return root


def _whole(measured: dict[str, Any]) -> int:
    return int(Decimal(measured["value"]).quantize(Decimal(1), ROUND_HALF_EVEN))


def _valued(parent: Element, name: str, base: str, measured: dict[str, Any]) -> None:
    value = SubElement(parent, name)
    add(value, base, measured["value"])
    units, code = _UNITS.get(measured["display"]["unit"], (measured["display"]["unit"], None))
    display = add(value, "display", measured["display"]["value"])
    display.set("units", units)
    if code:
        display.set("units-code", code)


def _codable(parent: Element, name: str, text: str, code: str | None = None, vocabulary: str | None = None) -> None:
    value = SubElement(parent, name)
    add(value, "text", text)
    if code and vocabulary:
        coded = SubElement(value, "code")
        for part, content in (("value", code), ("family", "wc"), ("type", vocabulary), ("version", "1")):
            add(coded, part, content)


def _blood_pressure(thing: dict[str, Any]) -> Element:
    root, data = _root("blood-pressure", thing), thing["data"]
    for part in ("systolic", "diastolic", "pulse"):
        if part in data:
            add(root, part, _whole(data[part]))
    if "irregular_heartbeat" in data:
        add(root, "irregular-heartbeat", "true" if data["irregular_heartbeat"] else "false")
    return root


def _weight(thing: dict[str, Any]) -> Element:
    root = _root("weight", thing)
    _valued(root, "value", "kg", thing["data"]["weight"])
    return root


_COMPOSITION = {
    "fat-percent": "Body fat percentage",
    "muscle-percent": "Muscle percentage",
    "muscle-mass": "Muscle mass",
    "lean-mass": "Lean mass",
    "water-mass": "Water mass",
}


def _body_composition(thing: dict[str, Any]) -> Element:
    root, data = _root("body-composition", thing, structured=True), thing["data"]
    text = _COMPOSITION.get(data["name"])
    _codable(
        root,
        "measurement-name",
        text or data["name"].replace("-", " ").capitalize(),
        data["name"] if text else None,
        "body-composition-measurement-names",
    )
    value = SubElement(root, "value")
    if data["value"]["unit"] == "kg":
        _valued(value, "mass-value", "kg", data["value"])
    else:
        add(value, "percent-value", data["value"]["value"])
    _codable(root, "measurement-method", "Bioelectrical impedance", "Impedance", "body-composition-measurement-methods")
    return root


def _blood_glucose(thing: dict[str, Any]) -> Element:
    root, data = _root("blood-glucose", thing), thing["data"]
    _valued(root, "value", "mmolPerL", data["glucose"])
    _codable(root, "glucose-measurement-type", *_GLUCOSE_TYPES[data["measurement_type"]], "glucose-measurement-type")
    add(root, "outside-operating-temp", "true" if data["outside_operating_temperature"] else "false")
    add(root, "is-control-test", "true" if data["control_test"] else "false")
    if data.get("meal"):
        text, code = _MEALS.get(data["meal"], (data["meal"].capitalize(), None))
        _codable(root, "measurement-context", text, code, "glucose-measurement-context")
    return root


def _heart_rate(thing: dict[str, Any]) -> Element:
    root = _root("heart-rate", thing)
    add(root, "value", _whole(thing["data"]["rate"]))
    _codable(root, "measurement-method", "Pulse measured by device", "DevicePulse", "heart-rate-measurement-method")
    return root


def _oxygen(thing: dict[str, Any]) -> Element:
    root = _root("blood-oxygen-saturation", thing)
    add(root, "value", thing["data"]["saturation"]["value"])
    _codable(root, "measurement-method", "Pulse Oximetry", "PulseOx", "blood-oxygen-saturation-measurement-method")
    return root


def _vital_signs(thing: dict[str, Any]) -> Element:
    root, data = _root("vital-signs", thing), thing["data"]
    results = SubElement(root, "vital-signs-results")
    _codable(results, "title", "Temperature", "Tmp", "vital-statistics")
    add(results, "value", data["temperature"]["value"])
    _codable(results, "unit", "celsius", "Cel", "lab-results-units")
    if data.get("site"):
        add(root, "site", data["site"].replace("_", " "))
    return root


_DETAILS = {
    "steps": "Steps_count",
    "energy": "CaloriesBurned_calories",
    "heart-rate": "AverageHeartrate_BPM",
    "highest-heart-rate": "MaximumHeartrate_BPM",
}
"""In HealthVault's exercise-detail-names. What else there is keeps its own name, in `common/extension` with its exact value."""
_SAMPLES = {"heart-rate": "Heartrate_BPM", "speed": "Speed_m-per-s", "power": "Power_watts", "cadence": "Cadence_RPM"}
_EXERCISE_UNITS = {"/min": "BPM", "W": "Watts", "m/s": "m-per-s", "1": "Count", "%": "Percent"}
_KCAL = Decimal("4.184")


def _exercise(thing: dict[str, Any]) -> Element:
    root, data = _root("exercise", thing, structured=True), thing["data"]
    _codable(root, "activity", data["activity"].replace("-", " ").capitalize())
    details = data["details"]
    if Decimal(details.get("distance", {}).get("value", 0)) > 0:
        _valued(root, "distance", "m", details["distance"])
    if Decimal(data["seconds"]) > 0:
        add(root, "duration", format(Decimal(data["seconds"]) / 60, ".4f"))
    for name, code in _DETAILS.items():
        if name in details:
            energy = name == "energy"
            detail = SubElement(root, "detail")
            _coded(detail, "name", code, "exercise-detail-names")
            value = SubElement(detail, "value")
            add(value, "value", (Decimal(details[name]["value"]) / _KCAL).quantize(Decimal("0.1")) if energy else details[name]["value"])
            unit = "Calories" if energy else _EXERCISE_UNITS[details[name]["unit"]]
            _codable(value, "units", unit, unit, "exercise-units")
    return root


def _coded(parent: Element, name: str, code: str, vocabulary: str) -> None:
    coded = SubElement(parent, name)
    for part, content in (("value", code), ("family", "wc"), ("type", vocabulary), ("version", "1")):
        add(coded, part, content)


def _exercise_samples(thing: dict[str, Any]) -> Element:
    """The values themselves are a blob there, beside the element (`blob-payload`): here they stand in `common/extension`."""
    root, data = _root("exercise-samples", thing, structured=True), thing["data"]
    name, unit = data["name"], _EXERCISE_UNITS.get(data["unit"])
    if name == "cadence":
        unit = "RPM"
    # HealthVault's names have their unit in them.
    _codable(root, "name", name.replace("-", " ").capitalize(), _SAMPLES.get(name) if unit else None, "exercise-sample-names")
    _codable(root, "unit", unit or data["unit"], unit, "exercise-units")
    offsets = data["offsets"]
    mean = (Decimal(offsets[-1]) - Decimal(offsets[0])) / (len(offsets) - 1) if len(offsets) > 1 else Decimal(1)
    add(root, "sampling-interval", mean.quantize(Decimal("0.001")) or Decimal(1))
    return root


def _insulin(thing: dict[str, Any]) -> Element:
    root, data = _root("diabetes-insulin-injection-use", thing), thing["data"]
    # Which insulin is in the device, it does not say.
    _codable(root, "type", f"Insulin, {data['kind']} bolus")
    add(SubElement(root, "amount"), "IE", data["amount"]["value"])
    return root


def _coded_observation(thing: dict[str, Any]) -> Element:
    """An application's own there: the whole thing's data as they are."""
    root = Element("app-specific")
    add(root, "format-appid", FORMAT_OWNER)
    add(root, "format-tag", thing["type"])
    root.append(_root("when", thing)[0])
    add(root, "summary", f"MDC {thing['data'].get('mdc', 'unknown')}")
    add(root, "observation", json.dumps(thing["data"], separators=(",", ":")))
    return root


def _device(thing: dict[str, Any]) -> Element:
    root, data = _root("device", thing), thing["data"]
    add(root, "device-name", data["name"])
    if data.get("manufacturer"):
        add(SubElement(SubElement(root, "vendor"), "name"), "full", data["manufacturer"])
    for name, part in (("model", "model"), ("serial-number", "serial_number")):
        if data.get(part):
            add(root, name, data[part])
    return root


BUILDERS: dict[str, Callable[[dict[str, Any]], Element]] = {
    "blood-pressure": _blood_pressure,
    "weight": _weight,
    "body-composition": _body_composition,
    "blood-glucose": _blood_glucose,
    "heart-rate": _heart_rate,
    "blood-oxygen-saturation": _oxygen,
    "vital-signs": _vital_signs,
    "insulin-injection-use": _insulin,
    "coded-observation": _coded_observation,
    "exercise": _exercise,
    "exercise-samples": _exercise_samples,
    "device": _device,
}

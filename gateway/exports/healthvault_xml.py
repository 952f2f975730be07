"""Things as HealthVault's PutThings2 took them: an `info` with one `thing` per latest version.

Element order is the schemas'. Roots are in no namespace, as on HealthVault's wire; to validate one against its schema,
move the root (and nothing else) into the schema's target namespace. Measurement times are local without a zone there,
so the exact time, the device's own and the rest of the origin go into `common/extension`.
Source: HealthVault's schemas and reference (nschonni/healthvault-docs@65b643c).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from gateway.journal import Row

PROVENANCE = "urn:health-gateway:provenance"
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

_GLUCOSE_TYPES = {"wb": "Whole blood", "p": "Plasma"}
_MEALS = {
    "preprandial": ("Before meal", "BeforeMeal"),
    "postprandial": ("After meal", "AfterMeal"),
    "fasting": ("Fasting", "fasting"),
    "bedtime": ("Before bedtime", "BeforeBedtime"),
}


def lines(rows: Iterable[Row]) -> Iterator[str]:
    """The caller passes latest versions only: here an update would be a second thing."""
    yield "<?xml version='1.0' encoding='UTF-8'?>\n<info>\n"
    for row in rows:
        yield tostring(thing_element(json.loads(row.body)), encoding="unicode") + "\n"
    yield "</info>\n"


def thing_element(thing: dict[str, Any]) -> Element:
    element = Element("thing")
    _add(element, "type-id", thing["type_id"])
    data_xml = SubElement(element, "data-xml")
    data_xml.append(_BUILDERS[thing["type"]](thing))
    data_xml.append(_common(thing))
    return element


def _add(parent: Element, name: str, text: object) -> Element:
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
            _add(parent, part, value)
    return root


def _whole(measured: dict[str, Any]) -> int:
    return int(Decimal(measured["value"]).quantize(Decimal(1), ROUND_HALF_EVEN))


def _valued(parent: Element, name: str, base: str, measured: dict[str, Any]) -> None:
    value = SubElement(parent, name)
    _add(value, base, measured["value"])
    units, code = _UNITS.get(measured["display"]["unit"], (measured["display"]["unit"], None))
    display = _add(value, "display", measured["display"]["value"])
    display.set("units", units)
    if code:
        display.set("units-code", code)


def _codable(parent: Element, name: str, text: str, code: str | None = None, vocabulary: str | None = None) -> None:
    value = SubElement(parent, name)
    _add(value, "text", text)
    if code and vocabulary:
        coded = SubElement(value, "code")
        for part, content in (("value", code), ("family", "wc"), ("type", vocabulary), ("version", "1")):
            _add(coded, part, content)


def _blood_pressure(thing: dict[str, Any]) -> Element:
    root, data = _root("blood-pressure", thing), thing["data"]
    for part in ("systolic", "diastolic", "pulse"):
        if part in data:
            _add(root, part, _whole(data[part]))
    if "irregular_heartbeat" in data:
        _add(root, "irregular-heartbeat", "true" if data["irregular_heartbeat"] else "false")
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
        _add(value, "percent-value", data["value"]["value"])
    _codable(root, "measurement-method", "Bioelectrical impedance", "Impedance", "body-composition-measurement-methods")
    return root


def _blood_glucose(thing: dict[str, Any]) -> Element:
    root, data = _root("blood-glucose", thing), thing["data"]
    _valued(root, "value", "mmolPerL", data["glucose"])
    kind = data["measurement_type"]
    _codable(root, "glucose-measurement-type", _GLUCOSE_TYPES[kind], kind, "glucose-measurement-type")
    _add(root, "outside-operating-temp", "true" if data["outside_operating_temperature"] else "false")
    _add(root, "is-control-test", "true" if data["control_test"] else "false")
    if data.get("meal"):
        text, code = _MEALS.get(data["meal"], (data["meal"].capitalize(), None))
        _codable(root, "measurement-context", text, code, "glucose-measurement-context")
    return root


def _heart_rate(thing: dict[str, Any]) -> Element:
    root = _root("heart-rate", thing)
    _add(root, "value", _whole(thing["data"]["rate"]))
    _codable(root, "measurement-method", "Pulse measured by device", "DevicePulse", "heart-rate-measurement-method")
    return root


def _oxygen(thing: dict[str, Any]) -> Element:
    root = _root("blood-oxygen-saturation", thing)
    _add(root, "value", thing["data"]["saturation"]["value"])
    _codable(root, "measurement-method", "Pulse Oximetry", "PulseOx", "blood-oxygen-saturation-measurement-method")
    return root


def _vital_signs(thing: dict[str, Any]) -> Element:
    root, data = _root("vital-signs", thing), thing["data"]
    results = SubElement(root, "vital-signs-results")
    _codable(results, "title", "Temperature", "Tmp", "vital-statistics")
    _add(results, "value", data["temperature"]["value"])
    _codable(results, "unit", "celsius", "Cel", "lab-results-units")
    if data.get("site"):
        _add(root, "site", data["site"].replace("_", " "))
    return root


def _device(thing: dict[str, Any]) -> Element:
    root, data = _root("device", thing), thing["data"]
    _add(root, "device-name", data["name"])
    if data.get("manufacturer"):
        _add(SubElement(SubElement(root, "vendor"), "name"), "full", data["manufacturer"])
    for name, part in (("model", "model"), ("serial-number", "serial_number")):
        if data.get(part):
            _add(root, name, data[part])
    return root


_BUILDERS: dict[str, Callable[[dict[str, Any]], Element]] = {
    "blood-pressure": _blood_pressure,
    "weight": _weight,
    "body-composition": _body_composition,
    "blood-glucose": _blood_glucose,
    "heart-rate": _heart_rate,
    "blood-oxygen-saturation": _oxygen,
    "vital-signs": _vital_signs,
    "device": _device,
}


def _common(thing: dict[str, Any]) -> Element:
    common = Element("common")
    device = thing["device"]
    _add(
        common,
        "source",
        " ".join(device[part] for part in ("manufacturer", "model", "serial_number") if device.get(part)) or device["name"],
    )
    extension = SubElement(common, "extension", {"source": PROVENANCE, "ver": "1"})
    origin = SubElement(extension, "reading")
    facts = {"time": thing["when"]["time"], "time-quality": thing["when"]["quality"], "device-time": thing["when"].get("device_time")}
    facts |= {name.replace("_", "-"): value for name, value in thing["provenance"].items()}
    facts |= {"status": " ".join(thing["status"]) or None, "version": thing["version"], "person": thing.get("person")}
    for name, value in facts.items():
        if value is not None:
            _add(origin, name, str(value).lower() if isinstance(value, bool) else value)
    for name, value in thing["data"].items():
        if isinstance(value, dict) and "display" in value:
            exact = _add(origin, "measured", value["value"])
            exact.attrib.update(name=name, unit=value["unit"], display=str(value["display"]["value"]))
            if value.get("mdc") is not None:
                exact.set("mdc", str(value["mdc"]))
            exact.set("display-unit", value["display"]["unit"])
    for related in thing["related"]:
        link = SubElement(common, "related-thing")
        _add(link, "client-thing-id", related["id"])
        _add(link, "relationship-type", related["relationship"])
    _add(common, "client-thing-id", thing["id"])
    return common

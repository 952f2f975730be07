"""Which quantities a thing speaks of, as single numbers to be shown. Units are ones that Home Assistant knows: it converts them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Entity:
    """`key`: within its owner. `device_class`, `unit` and the rest in Home Assistant's words; `digits` are shown behind the point."""

    key: str
    name: str
    unit: str | None = None
    device_class: str | None = None
    digits: int | None = None
    icon: str | None = None
    is_mean: bool = True
    """Of its values a mean makes sense: Home Assistant keeps statistics."""


@dataclass(frozen=True, slots=True)
class Said:
    entity: Entity
    value: str


_PRESSURE: dict[str, Any] = {"unit": "mmHg", "device_class": "pressure", "digits": 0}
_BEATS: dict[str, Any] = {"unit": "bpm", "digits": 0, "icon": "mdi:heart-pulse"}
_SATURATION: dict[str, Any] = {"unit": "%", "digits": 0, "icon": "mdi:water-percent"}
KNOWN = {
    ("blood-pressure", "systolic"): Entity("systolic", "Systolic", **_PRESSURE),
    ("blood-pressure", "diastolic"): Entity("diastolic", "Diastolic", **_PRESSURE),
    ("blood-pressure", "mean"): Entity("mean_pressure", "Mean arterial pressure", **_PRESSURE),
    ("blood-pressure", "pulse"): Entity("pulse", "Pulse", **_BEATS),
    ("weight", "weight"): Entity("weight", "Weight", "kg", "weight", 1),
    ("weight", "bmi"): Entity("bmi", "Body mass index", "kg/m²", digits=1, icon="mdi:human"),
    ("weight", "height"): Entity("height", "Height", "m", "distance", 2),
    ("blood-glucose", "glucose"): Entity("glucose", "Blood glucose", "mmol/L", "blood_glucose_concentration", 1),
    ("heart-rate", "rate"): Entity("heart_rate", "Heart rate", **_BEATS),
    ("blood-oxygen-saturation", "saturation"): Entity("saturation", "Oxygen saturation", **_SATURATION),
    ("vital-signs", "temperature"): Entity("temperature", "Body temperature", "°C", "temperature", 1),
    ("insulin-injection-use", "amount"): Entity("insulin", "Insulin", "U", digits=1, icon="mdi:needle", is_mean=False),
}
"""By type and name of what is measured."""
_PARTS = {"saturation"}
"""What the record has as a part of the whole."""
UNITS: dict[str, tuple[str | None, str | None]] = {
    "kg": ("kg", "weight"),
    "m": ("m", "distance"),
    "kcal": ("kcal", "energy"),
    "kJ": ("kJ", "energy"),
    "J": ("J", "energy"),
    "W": ("W", "power"),
    "m/s": ("m/s", "speed"),
    "/min": ("1/min", None),
    "s": ("s", "duration"),
    "Ohm": ("Ω", None),
    "1": (None, None),
}
"""UCUM to unit and device class, for what is not in the list above."""


def said(thing: Mapping[str, Any]) -> Iterator[Said]:
    """Nothing for a type that has no single number to show (samples, what is coded, devices)."""
    kind, data = thing["type"], thing["data"]
    if kind == "body-composition":
        yield _of(_key(data["name"]), data["name"].replace("-", " ").capitalize(), data["value"], is_part=data["value"]["unit"] == "1")
    elif kind == "exercise":
        for name, value in data["details"].items():
            yield _of(f"exercise_{_key(name)}", f"Exercise {name.replace('_', ' ')}", value, is_mean=False)
    else:
        for name, value in data.items():
            if (known := KNOWN.get((kind, name))) is not None and value is not None:
                yield Said(known, _number(value["value"], is_part=name in _PARTS))


def _of(key: str, name: str, value: Mapping[str, Any], *, is_part: bool = False, is_mean: bool = True) -> Said:
    unit, device_class = ("%", None) if is_part else UNITS.get(value["unit"], (value["unit"], None))
    digits = 1 if is_part or unit == "kg" else None
    return Said(Entity(key, name, unit, device_class, digits, is_mean=is_mean), _number(value["value"], is_part=is_part))


def _number(text: str, *, is_part: bool) -> str:
    return format((Decimal(text) * _PERCENT).normalize(), "f") if is_part else text


def _key(name: str) -> str:
    """Of what is measured: the names are ours."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower())

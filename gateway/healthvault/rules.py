"""What a record needs of a thing. HealthVault's schemas let infinite weights, the 31st of February and empty values pass."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from xml.etree.ElementTree import Element

_NUMBERS = {"kg", "m", "mmolPerL", "systolic", "diastolic", "pulse", "celsius", "mass-value", "percent-value", "duration"}
_ABOVE_ZERO = {"kg", "mmolPerL", "celsius", "systolic", "diastolic"}
_WHOLE_ROOTS = {"heart-rate", "blood-oxygen-saturation"}
"""Their `value` is the number itself."""


def problems(root: Element) -> Iterator[str]:
    """Of the element of a thing-type. The sentences hold no values."""
    for when in root.iter("date"):
        if not _is_a_day(when):
            yield "there is no such day"
    for element in root.iter():
        if element.tag in _NUMBERS or (element.tag == "value" and root.tag in _WHOLE_ROOTS and element is not root):
            yield from _of_number(root, element)
    if root.tag == "blood-pressure":
        yield from _of_blood_pressure(root)
    if root.tag in ("body-composition", "peak-flow") and not _says_something(root):
        yield "it holds no value"


def _is_a_day(date: Element) -> bool:
    try:
        dt.date(*(int(date.findtext(part) or "1") for part in ("y", "m", "d")))
    except ValueError:
        return False
    return True


def _of_number(root: Element, element: Element) -> Iterator[str]:
    if len(element):
        return  # it is a group: its parts are asked
    try:
        value = Decimal(element.text or "")
    except InvalidOperation:
        yield f"{element.tag} is no number"
        return
    if not value.is_finite():
        yield f"{element.tag} is no finite number"
    elif value <= 0 and (element.tag in _ABOVE_ZERO or root.tag in _WHOLE_ROOTS):
        yield f"{element.tag} is not above 0"


def _of_blood_pressure(root: Element) -> Iterator[str]:
    try:
        systolic, diastolic = (Decimal(root.findtext(name) or "") for name in ("systolic", "diastolic"))
    except InvalidOperation:
        return  # said already, or by the schema
    if systolic.is_finite() and diastolic.is_finite() and systolic < diastolic:
        yield "systolic is below diastolic"


def _says_something(root: Element) -> bool:
    value = root.find("value")
    if value is not None:
        return len(value) > 0
    return any(child.tag != "when" for child in root)

"""A piece of a thing to be, and how a quantity becomes one of its values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from drivers import Quantity
from gateway.normalize.codes import Code, canonical
from gateway.normalize.things import Display, Measured, Thing


@dataclass(frozen=True, slots=True)
class Part:
    """One thing to be: its model, what it says, and its name among the things of this reading."""

    model: type[Thing]
    data: Any
    component: str = ""


def measured(quantity: Quantity, unit: str, code: Code) -> Measured:
    return Measured(
        value=canonical(quantity.value, quantity.unit, unit),
        unit=unit,
        display=Display(value=quantity.value, unit=quantity.unit),
        mdc=code.mdc,
        loinc=code.loinc,
    )


def maybe(quantity: Quantity | None, unit: str, code: Code) -> Measured | None:
    return None if quantity is None else measured(quantity, unit, code)


def glucose_in(sample: str) -> Literal["wb", "p", "isf"]:
    """What a sample of this name was measured in; whole blood where it is not told."""
    if sample == "interstitial_fluid":
        return "isf"
    return "p" if sample.endswith("plasma") else "wb"

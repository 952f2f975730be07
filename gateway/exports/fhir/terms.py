"""FHIR's own vocabulary, and JSON that keeps the digits of a decimal."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

Resource = dict[str, Any]

GUIDE = "http://hl7.org/fhir/uv/phd"
MDC = "urn:iso:std:iso:11073:10101"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
BITS = "http://terminology.hl7.org/CodeSystem/ASN1ToHL7"
ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_CATEGORIES = {
    "phd": f"{GUIDE}/CodeSystem/PhdObservationCategories",
    "vital-signs": "http://terminology.hl7.org/CodeSystem/observation-category",
}
_MORE_LOINC = {
    # FHIR's vital signs profile wants this one for what a sensor on the skin measures, too.
    "59408-5": "2708-6",
}


def profile(name: str) -> Resource:
    return {"profile": [f"{GUIDE}/StructureDefinition/{name}"]}


def category(name: str) -> Resource:
    return {"coding": [{"system": _CATEGORIES[name], "code": name}]}


def mdc(code: int) -> Resource:
    return {"system": MDC, "code": str(code)}


def concept(code: int | None, loinc: str | None = None, text: str | None = None) -> Resource:
    """MDC first, as the guide has it."""
    codings = [] if code is None else [mdc(code)]
    codings += [{"system": LOINC, "code": one} for one in (_MORE_LOINC.get(loinc or ""), loinc) if one]
    return {**({"coding": codings} if codings else {}), **({"text": text} if text else {})}


def quantity(value: Decimal, unit: str) -> Resource:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def absent(reason: str = "unknown") -> Resource:
    return {"coding": [{"system": ABSENT, "code": reason}]}


def written(resource: Any) -> str:
    """JSON whose numbers have the digits that they came with: 2.0 says more than 2."""
    if isinstance(resource, dict):
        return "{" + ",".join(f"{json.dumps(str(key))}:{written(value)}" for key, value in resource.items()) + "}"
    if isinstance(resource, list | tuple):
        return "[" + ",".join(map(written, resource)) + "]"
    return format(resource, "f") if isinstance(resource, Decimal) else json.dumps(resource)


def decimals(texts: Iterable[str]) -> list[Decimal]:
    return [Decimal(text) for text in texts]

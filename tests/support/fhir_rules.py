"""The Personal Health Device guide's rules for what is sent (HL7/phd, STU2), as checks of a transaction. Each names its clause: the profile
of the guide that demands it, or the page of its text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

Entry = dict[str, Any]

GUIDE = "http://hl7.org/fhir/uv/phd"
MDC = "urn:iso:std:iso:11073:10101"
BASE = f"{GUIDE}/StructureDefinition/PhdBaseObservation"
GATEWAY = "http://hl7.org/fhir/StructureDefinition/observation-gatewayDevice"
COINCIDENT = f"{GUIDE}/StructureDefinition/CoincidentTimeStampReference"
CLOCKS = {"67975", "68226", "67983", "68072"}
VERSIONS = {"531974", "531975", "531976", "531977", "532352", "67912"}
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def codings(concept: Entry | None) -> list[tuple[str | None, str | None]]:
    return [(one.get("system"), one.get("code")) for one in (concept or {}).get("coding", ())]


def mdc_of(concept: Entry) -> str | None:
    return next((code for system, code in codings(concept) if system == MDC), None)


def profiles(resource: Entry) -> list[str]:
    return [one.rsplit("/", 1)[1] for one in resource.get("meta", {}).get("profile", ()) if one.startswith(GUIDE)]


def is_coincident(resource: Entry) -> bool:
    return "PhdCoincidentTimeStampObservation" in profiles(resource)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


Problem = str
Rule = Callable[[Entry], Iterator[Problem]]


def bundle(made: Entry) -> Iterator[Problem]:
    if made.get("resourceType") != "Bundle" or made.get("type") != "transaction":
        yield "A1 Bundle: no transaction"
    names = [entry["fullUrl"] for entry in made["entry"]]
    if len(set(names)) != len(names) or not all(name.startswith("urn:uuid:") for name in names):
        yield "A1 Bundle: fullUrl is not one of its own"
    for entry in made["entry"]:
        request, resource = entry["request"], entry["resource"]
        if request["method"] == "POST" and request["url"] != resource["resourceType"]:
            yield "A1 Bundle: the url of a POST is not the type"
        for reference in references(resource):
            if reference.startswith("urn:uuid:") and reference not in names:
                yield "A2 ProfilesOverview, temporary ids: a reference leads nowhere"
        if "id" in resource:
            yield "A6 TechnicalImplementationGuidance: a logical id"
        yield from _conditional(request, resource)


def _conditional(request: Entry, resource: Entry) -> Iterator[Problem]:
    query = request.get("ifNoneExist") or (request["url"].partition("?")[2] if request["method"] == "PUT" else None)
    if is_coincident(resource):
        if query or any(one["system"] == BASE for one in resource.get("identifier", ())):
            yield "B5 PhdCoincidentTimeStampObservation intro: always created, without such a name"
        return
    if not query:
        yield "A3/A4 PhdBaseObservation notes, conditional create: no criterion"
        return
    if re.search(r"[+ ]", query):
        yield "A5 FHIR, search in a URL: a plus or a blank is not encoded"
    own = {(one["system"], one["value"]) for one in resource["identifier"]}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        system, _, text = unquote(value).partition("|")
        if name != "identifier" or (system, text) not in own:
            yield "A3/A4 conditional create: the criterion is not an identifier of the same resource"


def observation(resource: Entry) -> Iterator[Problem]:
    """Of those that claim a profile of the guide."""
    extensions = [one["url"] for one in resource.get("extension", ())]
    if extensions.count(GATEWAY) != 1 or extensions.count(COINCIDENT) > 1:
        yield "C1/C2 PhdBaseObservation: extensions"
    phd = (f"{GUIDE}/CodeSystem/PhdObservationCategories", "phd")
    if sum(phd in codings(one) for one in resource["category"]) != 1 or any(
        len(codings(one)) > 1 for one in resource["category"] if phd in codings(one)
    ):
        yield "C3 PhdBaseObservation: category"
    code = mdc_of(resource["code"])
    if code is None or not code.isdecimal() or not 1 << 16 <= int(code) < 1 << 32:
        yield "C4 PhdBaseObservation, mdc-1: no 32-bit MDC code"
    is_vital = any(
        ("http://terminology.hl7.org/CodeSystem/observation-category", "vital-signs") in codings(one) for one in resource["category"]
    )
    if is_vital and not any(system == "http://loinc.org" for system, _ in codings(resource["code"])):
        yield "C4 Nomenclaturecodes: a vital sign without LOINC"
    if not resource["subject"]["reference"] or not resource["device"]["reference"]:
        yield "C5 PhdBaseObservation: subject and device"
    period = resource.get("effectivePeriod")
    moments = [period["start"], period["end"]] if period else [resource["effectiveDateTime"]]
    if not all(DATE_TIME.fullmatch(one) for one in moments):
        yield "C6 PhdBaseObservation: effective without time or offset"
    values = [key for key in resource if key.startswith("value")]
    if len(values) > 1 or (values and "dataAbsentReason" in resource):
        yield "C7 obs-6: value and dataAbsentReason"
    for part in resource.get("component", ()):
        yield from _component(part)
    if resource["status"] == "entered-in-error" and codings(resource.get("dataAbsentReason")) != [
        ("http://terminology.hl7.org/CodeSystem/data-absent-reason", "error")
    ]:
        yield "C10 PhdBaseObservation notes, Measurement Status: entered in error, but for what"
    if resource["status"] != "entered-in-error":
        yield from _kind(resource, values)
    yield from _identifier(resource, code)


def _component(part: Entry) -> Iterator[Problem]:
    found = [key for key in part if key.startswith("value")]
    if mdc_of(part["code"]) == "68193" and ("dataAbsentReason" in part or mdc_of(part["valueCodeableConcept"]) is None):
        yield "C9 PhdBaseObservation: supplemental types"
    if len(found) + ("dataAbsentReason" in part) != 1:
        yield "D4 component: one value, or why there is none"


def _kind(resource: Entry, values: list[str]) -> Iterator[Problem]:
    [name] = profiles(resource)
    parts = [one for one in resource.get("component", ()) if mdc_of(one["code"]) != "68193"]
    if name == "PhdNumericObservation" and values != ["valueQuantity"] and "dataAbsentReason" not in resource:
        yield "D1 PhdNumericObservation: no quantity"
    if name == "PhdCompoundNumericObservation" and (values or not parts or not all(mdc_of(one["code"]) for one in parts)):
        yield "D4 PhdCompoundNumericObservation: components by MDC, no value"
    if name == "PhdBitsEnumerationObservation":
        for one in parts:
            ((system, bit),) = codings(one["code"])
            if values or system != "http://terminology.hl7.org/CodeSystem/ASN1ToHL7" or not re.fullmatch(r"\d+\.\d+", bit or ""):
                yield "D5 PhdBitsEnumerationObservation: a bit is not named"
            if not isinstance(one.get("valueBoolean"), bool):
                yield "D5 PhdBitsEnumerationObservation: a bit is no boolean"
    if name == "PhdCodedEnumerationObservation" and (
        values != ["valueCodeableConcept"] or mdc_of(resource["valueCodeableConcept"]) is None
    ):
        yield "PhdCodedEnumerationObservation: no code as value"
    if name == "PhdRtsaObservation" and values != ["valueSampledData"]:
        yield "PhdRtsaObservation: no samples"
    if name == "PhdStringObservation" and values != ["valueString"]:
        yield "PhdStringObservation: no text"
    for said in (resource, *resource.get("component", ())):
        quantity = said.get("valueQuantity")
        if quantity and (quantity["system"] != "http://unitsofmeasure.org" or not quantity["code"]):
            yield "D1 UCUM: a unit without a code"


def _identifier(resource: Entry, code: str | None) -> Iterator[Problem]:
    named = [one["value"] for one in resource["identifier"] if one["system"] == BASE]
    if len(named) > 1 or any("type" in one for one in resource["identifier"] if one["system"] == BASE):
        yield "B1 PhdBaseObservation, conditionalCreate: one, without a type"
    for value in named:
        if not re.fullmatch(rf"([0-9A-F]{{12}}|[0-9A-F]{{16}})-.+-{code}-\d+(\.\d+)?([+-]\d+)?(\.\.\d+(\.\d+)?)?(-\d+)*", value):
            yield "B2/B3 GeneratingtheTimeStampPartIdentifier: the form of the name"


def coincident(resource: Entry) -> Iterator[Problem]:
    if resource["status"] != "final" or mdc_of(resource["code"]) not in CLOCKS:
        yield "F1 PhdCoincidentTimeStampObservation: status and code"
    if any(key in resource for key in ("derivedFrom", "hasMember", "specimen", "focus", "extension")):
        yield "F1 PhdCoincidentTimeStampObservation: what it has not"
    if not DATE_TIME.fullmatch(resource["effectiveDateTime"]) or not DATE_TIME.fullmatch(resource["valueDateTime"]):
        yield "F2 PhdCoincidentTimeStampObservation: two clocks"


def device(resource: Entry) -> Iterator[Problem]:
    for one in resource["identifier"]:
        form = {
            "urn:oid:1.2.840.10004.1.1.1.0.0.1.0.0.1.2680": r"([0-9A-F]{2}-){7}[0-9A-F]{2}",
            "http://hl7.org/fhir/sid/eui-48/bluetooth": r"([0-9A-F]{2}-){5}[0-9A-F]{2}",
        }.get(one["system"])
        if form and (not re.fullmatch(form, one["value"]) or not codings(one["type"])):
            yield "G1 PhdDevice: the form of an identifier"
    if not resource["identifier"] or not resource.get("manufacturer") or not resource.get("modelNumber"):
        yield "G2 PhdDevice: identifier, maker and model"
    wanted = "65573" if "PhdDevice" in profiles(resource) else "531981"
    if mdc_of(resource["type"]) != wanted:
        yield "G2/H PhdDevice, PhgDevice: type"
    if not resource["specialization"] or not all(mdc_of(one["systemType"]) and one["version"] for one in resource["specialization"]):
        yield "G2/H specialization"
    if not resource["version"] or not all(mdc_of(one["type"]) in VERSIONS and one["value"] for one in resource["version"]):
        yield "G2/H version"
    if wanted == "531981" and "68220" not in [mdc_of(one["type"]) for one in resource["property"]]:
        yield "H PhgDevice text: how its time is kept"


def patient(resource: Entry) -> Iterator[Problem]:
    for one in resource["identifier"]:
        if not one["system"] or not one["value"] or codings(one["type"])[0][0] != "http://terminology.hl7.org/CodeSystem/v2-0203":
            yield "I1 PhdPatient: identifier"


_RULES: dict[str, Rule] = {"Device": device, "Patient": patient}


def problems(made: Entry) -> list[Problem]:
    """All of them; the type of each resource decides which rules are asked."""
    found = list(bundle(made))
    for entry in made["entry"]:
        resource = entry["resource"]
        rule = _RULES.get(resource["resourceType"])
        if resource["resourceType"] == "Observation" and profiles(resource):
            rule = coincident if is_coincident(resource) else observation
        found += list(rule(resource)) if rule else []
    return found

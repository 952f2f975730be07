"""Things as a transaction: all of it is taken, or nothing.

A thing's first version is created unless the server has it; later ones, and what is retracted, are put in its place. Each observation is
named twice: as the guide says, from what the device says of itself and of the time, and by the gateway's own name of the thing, which stays
the same whoever's it is. A device whose stamps have no seconds may have measured twice in one minute: of such a stamp both names must be
known to the server before it says that it has the measurement already.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from gateway.exports.fhir import identifier, parties
from gateway.exports.fhir.observations import Draft, drafts
from gateway.exports.fhir.parties import Home, if_none
from gateway.exports.fhir.terms import GUIDE, Resource, absent, category, mdc, profile
from gateway.provenance import Signed

THING = "urn:uuid:6d5ad9d6-3a0e-5b4e-8f6c-2f1e1b7b9a52"
"""The system of the gateway's own names."""
SIGNED = "urn:uuid:0d8a7f0e-6d3e-5f6c-9a53-4d2b8c9e7f10"
"""The extension that holds what the gateway signed; docs/provenance.md says how it is verified."""
_GATEWAY = "http://hl7.org/fhir/StructureDefinition/observation-gatewayDevice"
_COINCIDENT = f"{GUIDE}/StructureDefinition/CoincidentTimeStampReference"
_TEST = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}
_IN_DOUBT = {
    "device-clock-invalid": "The device's clock could not be believed. The time is that of its arrival at the gateway.",
    "device-unchecked": "The device's clock could not be checked.",
}


class Transaction:
    """Things of any persons and devices, each party once. Raises `NoForm` for a thing that has none; nothing of it is in then."""

    def __init__(self, home: Home) -> None:
        self._home, self._entries = home, list[Resource]()
        self._known: dict[tuple[str, ...], str] = {}

    def add(self, thing: Mapping[str, Any], before: Iterable[str] = (), signed: Signed | None = None) -> None:
        """`before`: whose it was said to be by earlier versions: there it is marked as entered in error. `signed`: goes with the thing."""
        if thing["type"] == "device" and thing["data"].get("audit_mark"):
            text = f"Its audit log goes to {thing['data']['audit_mark']}"
            self._put(parties.phg(self._home) | {"note": [{"text": text}]})
            return
        if thing["type"] == "device":
            self._put(parties.phd(thing["device"], thing["provenance"]["driver"], thing["data"]))
            return
        made, whose = drafts(thing), thing.get("person")
        for person in before:
            if person != whose:
                self._observations(made, thing, person, retracted=True)
        if whose is not None:
            self._observations(made, thing, whose, retracted=bool(thing.get("retracted")), signed=signed)

    def bundle(self) -> Resource:
        return {"resourceType": "Bundle", "type": "transaction", "entry": self._entries}

    # -- parties -------------------------------------------------------------------------------------------------

    def _party(self, resource: Resource) -> str:
        """Created unless it is there. Returns a reference."""
        named = resource["identifier"][0]
        key = resource["resourceType"], named["system"], named["value"]
        if key not in self._known:
            self._known[key] = self._entry(resource, "POST", resource["resourceType"], ifNoneExist=if_none(named))
        return self._known[key]

    def _put(self, resource: Resource) -> None:
        """What a device says of itself takes the place of what was known of it."""
        kind, named = resource["resourceType"], resource["identifier"][0]
        self._known[kind, named["system"], named["value"]] = self._entry(resource, "PUT", f"{kind}?{if_none(named)}")

    def _patient(self, person: str) -> str:
        known = self._home.patients.get(person)
        if known is not None:
            return known if known.startswith("Patient/") else f"Patient/{known}"
        return self._party(parties.patient(self._home, person))

    def _entry(self, resource: Resource, method: str, url: str, **more: str) -> str:
        name = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{len(self._entries)}/{url}/{more}')}"
        self._entries.append({"fullUrl": name, "resource": resource, "request": {"method": method, "url": url, **more}})
        return name

    # -- observations --------------------------------------------------------------------------------------------

    def _observations(
        self, made: Iterable[Draft], thing: Mapping[str, Any], person: str, *, retracted: bool, signed: Signed | None = None
    ) -> None:
        patient = self._patient(person)
        device = self._party(parties.phd(thing["device"], thing["provenance"]["driver"]))
        gateway = self._party(parties.phg(self._home))
        coincident = None if retracted else self._coincident(thing, device, gateway)
        first: str | None = None
        for draft in made:
            names = self._names(draft, thing, person)
            body = {"dataAbsentReason": absent("error")} if retracted else dict(draft.body)
            resource = {
                "resourceType": "Observation",
                "meta": _meta(draft, thing),
                "extension": [*_extensions(gateway, coincident), *_proof(None if first or retracted else signed)],
                "identifier": names,
                "status": "entered-in-error" if retracted else "final",
                "category": [category(name) for name in (("vital-signs", "phd") if draft.vital else ("phd",))],
                "code": draft.code,
                "subject": {"reference": patient},
                **_effective(thing, draft.seconds),
                **body,
                "device": {"reference": device},
                **_notes(thing),
                **({"derivedFrom": [{"reference": first}]} if first and draft.part == "status" else {}),
            }
            if retracted or thing["version"] > 1:
                name = self._entry(resource, "PUT", f"Observation?{if_none(names[-1])}")
            else:
                name = self._entry(resource, "POST", "Observation", ifNoneExist=_criterion(names, thing))
            first = first or name

    def _names(self, draft: Draft, thing: Mapping[str, Any], person: str) -> list[Resource]:
        """The guide's, where the device has said a time; then ours. Somebody else's copy of a thing has a name of its own."""
        home, ref, own = self._home, thing["device"], "/".join(filter(None, (thing["id"], draft.part)))
        value = None
        # Of two equal readings with one stamp the guide's name is the first's.
        if draft.mdc is not None and not thing["provenance"].get("ordinal"):
            value = identifier.observation(
                identifier.device_part(ref["identity"], ref["address"]),
                home.patient_part(person),
                draft.mdc,
                thing["when"].get("device_time"),
                seconds=draft.seconds,
                supplemental=draft.supplemental,
                algorithm=home.algorithm,
            )
        guided = [] if value is None else [{"system": identifier.SYSTEM, "value": value}]
        return [*guided, {"system": THING, "value": f"{own}/{person}"}]

    def _coincident(self, thing: Mapping[str, Any], device: str, gateway: str) -> str | None:
        """Both clocks at one moment, once for all that was corrected by them. None where the device's time stands as it is."""
        offset = thing["provenance"].get("clock_offset")
        if not offset or thing["when"]["quality"] != "corrected":
            return None
        key = "coincident", thing["device"]["identity"], str(offset)
        if key not in self._known:
            zone = datetime.fromisoformat(thing["when"]["time"]).tzinfo
            heard = datetime.fromisoformat(thing["provenance"]["received"]).astimezone(zone)
            resource = {
                "resourceType": "Observation",
                "meta": profile("PhdCoincidentTimeStampObservation"),
                "status": "final",
                "code": {"coding": [mdc(67975)]},
                "subject": {"reference": device},
                "effectiveDateTime": heard.isoformat(timespec="seconds"),
                "valueDateTime": (heard - timedelta(seconds=offset)).isoformat(timespec="seconds"),
                "device": {"reference": gateway},
                "component": [{"code": {"coding": [mdc(68220)]}, "valueCodeableConcept": {"coding": [mdc(self._home.time_sync)]}}],
            }
            self._known[key] = self._entry(resource, "POST", "Observation")
        return self._known[key]


def _criterion(names: list[Resource], thing: Mapping[str, Any]) -> str:
    has_seconds = not str(thing["when"].get("device_time", "")).endswith(":00")
    return if_none(names[0]) if has_seconds else "&".join(if_none(name) for name in names)


def _meta(draft: Draft, thing: Mapping[str, Any]) -> Resource:
    """What the nomenclature has no code for cannot claim to keep to the guide, and goes as an observation like any other."""
    claimed = profile(draft.profile) if draft.mdc is not None else {}
    return {**claimed, **({"security": [_TEST]} if thing["provenance"].get("simulated") else {})}


def _extensions(gateway: str, coincident: str | None) -> list[Resource]:
    found = [{"url": _GATEWAY, "valueReference": {"reference": gateway}}]
    return [*found, {"url": _COINCIDENT, "valueReference": {"reference": coincident}}] if coincident else found


def _proof(signed: Signed | None) -> list[Resource]:
    """What was signed, octet for octet, and its signature: with the first observation of a thing."""
    if signed is None or signed.proof is None or not signed.proof.key:
        return []
    proof, payload = signed.proof, signed.body.decode("utf-8", "replace")
    said = {"n": str(signed.n), "key": proof.key, "previous": proof.previous.hex(), "signature": proof.signature.hex(), "payload": payload}
    return [{"url": SIGNED, "extension": [{"url": name, "valueString": text} for name, text in said.items()]}]


def _effective(thing: Mapping[str, Any], seconds: Decimal | None) -> Resource:
    start = datetime.fromisoformat(thing["when"]["time"])
    if seconds is None:
        return {"effectiveDateTime": thing["when"]["time"]}
    end = start + timedelta(seconds=float(seconds))
    until = end.isoformat(timespec="milliseconds" if end.microsecond else "seconds")
    return {"effectivePeriod": {"start": thing["when"]["time"], "end": until}}


def _notes(thing: Mapping[str, Any]) -> Resource:
    text = _IN_DOUBT.get(thing["when"]["quality"])
    return {"note": [{"text": text}]} if text else {}

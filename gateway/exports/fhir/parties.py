"""Who takes part: a person, the device, the gateway."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from gateway.exports.fhir.identifier import Algorithm, device_part, eui
from gateway.exports.fhir.terms import BITS, Resource, concept, mdc, profile
from profiles.gatt.regulatory import Certification, certification

SYSID = "urn:oid:1.2.840.10004.1.1.1.0.0.1.0.0.1.2680"
BTMAC = "http://hl7.org/fhir/sid/eui-48/bluetooth"
DEVICE = "urn:uuid:3f2b3d5e-6f0b-5c58-9d0c-0d8a5b0a1c11"
"""The system of names of devices that have neither a system id nor a Bluetooth address."""
GENERIC = 528457
_SPECIALIZATIONS = {
    # By the drivers of standard profiles: MDC_DEV_SPEC_PROFILE_… of IEEE 11073-10101.
    "pulse-oximeter": 528388,
    "heart-rate": 528390,
    "blood-pressure": 528391,
    "thermometer": 528392,
    "weight-scale": 528399,
    "glucose": 528401,
    "cgm": 528409,
    "cycling": 528425,
    "running": 528425,
    "fitness-machine": 528425,
}
_VERSIONS = {"hardware": 531974, "software": 531975, "firmware": 531976}
CONTINUA, INTERFACES, REGULATED = 532352, 532353, "532354.0"
"""MDC_REG_CERT_DATA_CONTINUA_VERSION, …_CERT_DEV_LIST, and the bit of …_REG_STATUS."""
NTP, NO_SYNC = 532226, 532224
"""How the gateway's clock is kept: MDC_TIME_SYNC_NTPV4, MDC_TIME_SYNC_NONE."""


@dataclass(frozen=True, slots=True)
class Home:
    """What the things themselves do not say. `patients`: by person, the logical id that the server has given them."""

    gateway_id: str
    version: str
    patient_system: str | None = None
    patients: Mapping[str, str] = field(default_factory=dict)
    algorithm: Algorithm = "stu2"
    time_sync: int = NTP

    @property
    def uuid(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:health-gateway:{self.gateway_id}"))

    @property
    def system(self) -> str:
        """Of the names of persons: this home's own, unless one is agreed on."""
        return self.patient_system or f"urn:uuid:{self.uuid}"

    def patient_part(self, person: str) -> str:
        """Of a conditional-create identifier."""
        known = self.patients.get(person)
        return f"{person}-{self.system}" if known is None else known.removeprefix("Patient/")


def if_none(identifier: Resource) -> str:
    """The search that finds it. What a URL would read as something else is encoded."""
    return f"identifier={quote(identifier['system'], safe=':/')}|{quote(identifier['value'], safe=':/')}"


def patient(home: Home, person: str) -> Resource:
    kind = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}
    return {
        "resourceType": "Patient",
        "meta": profile("PhdPatient"),
        "identifier": [{"type": kind, "system": home.system, "value": person}],
    }


def phd(ref: Mapping[str, Any], driver: str, told: Mapping[str, Any] | None = None) -> Resource:
    """The device. `ref`: as every thing has it; `told`: what the device has said of itself, where that is known."""
    told = told or {}
    versions = [{"type": {"coding": [mdc(code)]}, "value": str(told[name])} for name, code in _VERSIONS.items() if told.get(name)] or [
        {"type": {"coding": [mdc(_VERSIONS["firmware"])]}, "value": "unknown"}
    ]
    known = certification(bytes.fromhex(told.get("regulatory") or ""))
    if known is not None and known.version is not None:
        versions.append({"type": {"coding": [mdc(CONTINUA)]}, "value": ".".join(map(str, known.version))})
    serial = told.get("serial_number") or ref.get("serial_number")
    return {
        "resourceType": "Device",
        "meta": profile("PhdDevice"),
        "identifier": _names(ref),
        "manufacturer": ref.get("manufacturer") or "unknown",
        **({"serialNumber": serial} if serial else {}),
        "modelNumber": ref.get("model") or ref.get("name") or "unknown",
        "type": {"coding": [mdc(65573)], "text": "Personal health device"},
        "specialization": [{"systemType": concept(_SPECIALIZATIONS.get(driver, GENERIC)), "version": "1"}],
        "version": versions,
        **({} if known is None else _certified(known)),
    }


def _certified(known: Certification) -> Resource:
    """What Continua's certificate and the regulator say of it."""
    found = []
    if known.interfaces:
        found.append({"type": {"coding": [mdc(INTERFACES)]}, "valueCode": [{"text": str(one)} for one in known.interfaces]})
    if known.regulated is not None:
        coding = {"system": "http://terminology.hl7.org/CodeSystem/v2-0136", "code": "Y" if known.regulated else "N"}
        found.append({"type": {"coding": [{"system": BITS, "code": REGULATED}]}, "valueCode": [{"coding": [coding]}]})
    return {"property": found} if found else {}


def _names(ref: Mapping[str, Any]) -> list[Resource]:
    identity, address = str(ref["identity"]), str(ref["address"])
    found = []
    if (system_id := eui(identity.removeprefix("system-id:"), 64)) is not None:
        found.append(_name("SYSID", SYSID, _dashed(system_id)))
    if (mac := eui(address, 48)) is not None:
        found.append(_name("BTMAC", BTMAC, _dashed(mac)))
    return found or [{"system": DEVICE, "value": device_part(identity, address)}]


def _name(kind: str, system: str, value: str) -> Resource:
    coding = [{"system": "http://terminology.hl7.org/CodeSystem/ContinuaDeviceIdentifiers", "code": kind}]
    return {"type": {"coding": coding}, "system": system, "value": value}


def _dashed(digits: str) -> str:
    return "-".join(digits.upper()[at : at + 2] for at in range(0, len(digits), 2))


def phg(home: Home) -> Resource:
    """The gateway."""
    return {
        "resourceType": "Device",
        "meta": profile("PhgDevice"),
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{home.uuid}"}],
        "manufacturer": "health-gateway",
        "modelNumber": "health-gateway",
        "type": {"coding": [mdc(531981)], "text": "Personal health gateway"},
        "specialization": [{"systemType": concept(GENERIC), "version": "2"}],
        "version": [{"type": {"coding": [mdc(_VERSIONS["software"])]}, "value": home.version}],
        "property": [{"type": {"coding": [mdc(68220)]}, "valueCode": [{"coding": [mdc(home.time_sync)]}]}],
    }

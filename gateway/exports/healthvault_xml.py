"""Things as HealthVault's PutThings2 took them: an `info` with one `thing` per latest version.

Element order is the schemas'. Roots are in no namespace, as on HealthVault's wire; to validate one against its schema,
move the root (and nothing else) into the schema's target namespace. Measurement times are local without a zone there,
so the exact time, the device's own and the rest of the origin go into `common/extension`.
Source: HealthVault's schemas and reference (nschonni/healthvault-docs@65b643c).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from gateway.exports.healthvault_elements import BUILDERS, add
from gateway.journal import Row

PROVENANCE = "urn:health-gateway:provenance"


def lines(rows: Iterable[Row]) -> Iterator[str]:
    """The caller passes latest versions only: here an update would be a second thing."""
    yield "<?xml version='1.0' encoding='UTF-8'?>\n<info>\n"
    for row in rows:
        yield tostring(thing_element(json.loads(row.body), row), encoding="unicode") + "\n"
    yield "</info>\n"


def thing_element(thing: dict[str, Any], row: Row | None = None) -> Element:
    """With what was signed and its signature, where `row` has one."""
    element = Element("thing")
    add(element, "type-id", thing["type_id"])
    data_xml = SubElement(element, "data-xml")
    data_xml.append(BUILDERS[thing["type"]](thing))
    data_xml.append(_common(thing))
    if row is not None and row.proof is not None:
        extension = data_xml.find("common/extension")
        assert extension is not None  # noqa: S101 - for the type checker
        signed = add(extension, "signed", row.body)
        signed.attrib.update(n=str(row.n), key=row.proof.key, previous=row.proof.previous.hex(), signature=row.proof.signature.hex())
    return element


def _common(thing: dict[str, Any]) -> Element:
    common = Element("common")
    device = thing["device"]
    add(
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
            add(origin, name, str(value).lower() if isinstance(value, bool) else value)
    data = thing["data"]
    if "values" in data:
        add(origin, "samples", ",".join(data["values"])).attrib.update(
            name=data["name"], unit=data["unit"], offsets=",".join(data["offsets"])
        )
    for name, value in (data | data.get("details", {})).items():
        if isinstance(value, dict) and "display" in value:
            exact = add(origin, "measured", value["value"])
            exact.attrib.update(name=name, unit=value["unit"], display=str(value["display"]["value"]))
            if value.get("mdc") is not None:
                exact.set("mdc", str(value["mdc"]))
            exact.set("display-unit", value["display"]["unit"])
    for related in thing["related"]:
        link = SubElement(common, "related-thing")
        add(link, "client-thing-id", related["id"])
        add(link, "relationship-type", related["relationship"])
    add(common, "client-thing-id", thing["id"])
    return common

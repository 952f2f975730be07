"""Every message of discovery that there can be, a line each: of all entities that are known, of a device and of the gateway."""

from __future__ import annotations

import json

from gateway.homeassistant.discovery import LAST, Topics, measuring, of_gateway, of_owner, person
from gateway.quantities import KNOWN, UNITS, said

TOPICS = Topics("homeassistant", "health-gateway", "c0ffee00")
DEVICE = {"identity": "sys:AABBCC", "name": "Scale in the bath", "manufacturer": "M", "model": "S1", "serial_number": "4711"}


def main() -> None:
    details = {f"detail {number}": {"value": "1", "unit": unit} for number, unit in enumerate(UNITS)}
    parts = [{"name": f"part-{unit}", "value": {"value": "0.5", "unit": unit}} for unit in ("1", "kg")]
    things = [
        {"type": "exercise", "data": {"activity": "run", "details": details}},
        *({"type": "body-composition", "data": one} for one in parts),
    ]
    entities = [*KNOWN.values(), *(one.entity for thing in things for one in said(thing))]
    for told in (
        of_gateway(TOPICS),
        of_owner(TOPICS, person("anna"), entities),
        of_owner(TOPICS, measuring(DEVICE), [*entities, LAST]),
    ):
        print(json.dumps(told))


main()

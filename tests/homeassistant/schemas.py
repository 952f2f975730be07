"""Whether a real Home Assistant takes what it is told: `make homeassistant` installs one beside the project and runs this in it.

Reads discovery messages, a line of JSON each, and says which of its schemas refuses what. It runs outside the suite: Home Assistant wants
a Python and libraries of its own.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import voluptuous
from homeassistant.components.mqtt import binary_sensor, sensor
from homeassistant.components.mqtt.schemas import DEVICE_DISCOVERY_SCHEMA
from homeassistant.components.sensor.const import DEVICE_CLASS_STATE_CLASSES, DEVICE_CLASS_UNITS
from homeassistant.const import __version__
from homeassistant.core import HomeAssistant
from homeassistant.helpers import frame

PLATFORMS = {"sensor": sensor.DISCOVERY_SCHEMA, "binary_sensor": binary_sensor.DISCOVERY_SCHEMA}


def problems(told: dict[str, Any]) -> Iterator[str]:
    try:
        DEVICE_DISCOVERY_SCHEMA(json.loads(json.dumps(told)))
    except voluptuous.Invalid as error:
        yield f"the device: {error}"
    shared = {name: told[name] for name in ("availability", "origin", "device") if name in told}
    for key, component in told["components"].items():
        own = {name: value for name, value in component.items() if name != "platform"}
        try:
            PLATFORMS[component["platform"]]({**json.loads(json.dumps(shared)), **own})
        except voluptuous.Invalid as error:
            yield f"{key}: {error}"
        device_class = component.get("device_class")
        units, states = DEVICE_CLASS_UNITS.get(device_class), DEVICE_CLASS_STATE_CLASSES.get(device_class)
        if units is not None and component.get("unit_of_measurement") not in units:
            yield f"{key}: {component.get('unit_of_measurement')} is no unit of {device_class}"
        if states is not None and component.get("state_class") not in {None, *states}:
            yield f"{key}: {component['state_class']} makes no sense for {device_class}"


async def main() -> int:
    frame.async_setup(HomeAssistant(tempfile.gettempdir()))  # templates are looked at by a Home Assistant, if an idle one
    count, entities, found = 0, 0, []
    for line in sys.stdin:
        told = json.loads(line)
        count, entities = count + 1, entities + len(told["components"])
        found += [f"{told['device']['name']}: {problem}" for problem in problems(told)]
    print(*found, sep="\n", end="\n" if found else "")
    print(f"Home Assistant {__version__}: {count} devices, {entities} entities, {len(found)} problems")
    return 1 if found or not entities else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

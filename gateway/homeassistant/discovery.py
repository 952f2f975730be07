"""What Home Assistant is told of its devices, by MQTT discovery: one message for each device, with all its entities.

Source: the documentation of Home Assistant's MQTT integration (device discovery, since 2024.11).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway import __version__
from gateway.homeassistant.topics import slug
from gateway.quantities import Entity

URL = "https://www.home-assistant.io/integrations/mqtt/"
LAST = Entity("last_measured", "Last measured", device_class="timestamp", is_mean=False)
VALUE, ABOUT = "{{ value_json.value }}", "{{ value_json.about | tojson }}"


@dataclass(frozen=True, slots=True)
class Owner:
    """A device in Home Assistant's sense: a person, whose the values are, or what measures them."""

    key: str
    name: str
    about: tuple[tuple[str, str], ...] = ()
    """More of it, in Home Assistant's words."""


class Topics:
    def __init__(self, prefix: str, topic: str, gateway_id: str) -> None:
        """`prefix`: of discovery; `topic`: what all others begin with."""
        self.prefix, self.node, self.base = prefix, f"health_gateway_{slug(gateway_id)}", f"{topic}/{gateway_id}"

    @property
    def birth(self) -> str:
        """Where Home Assistant says that it has come back."""
        return f"{self.prefix}/status"

    @property
    def availability(self) -> str:
        return f"{self.base}/availability"

    def discovery(self, owner: str) -> str:
        return f"{self.prefix}/device/{self.node}_{owner}/config" if owner else f"{self.prefix}/device/{self.node}/config"

    def state(self, owner: str, entity: str) -> str:
        return f"{self.base}/{owner}/{entity}"


def person(name: str) -> Owner:
    return Owner(f"person_{slug(name)}", name)


def measuring(device: Mapping[str, Any]) -> Owner:
    """Of a thing's `device`."""
    named = {"manufacturer": "manufacturer", "model": "model", "serial_number": "serial_number"}
    about = tuple((there, str(device[here])) for here, there in named.items() if device.get(here))
    return Owner(f"device_{slug(device['identity'])}", device["name"], about)


def of_gateway(topics: Topics) -> dict[str, Any]:
    """The gateway itself: whether it is there."""
    connected = {
        "platform": "binary_sensor",
        "unique_id": f"{topics.node}_connected",
        "name": "Connected",
        "device_class": "connectivity",
        "entity_category": "diagnostic",
        "state_topic": topics.availability,
        "payload_on": "online",
        "payload_off": "offline",
    }
    about = {"identifiers": [topics.node], "name": "Health gateway", "manufacturer": "health-gateway", "sw_version": __version__}
    return {"device": about, "origin": _origin(), "components": {"connected": connected}}


def of_owner(topics: Topics, owner: Owner, entities: Iterable[Entity]) -> dict[str, Any]:
    node = f"{topics.node}_{owner.key}"
    return {
        "device": {"identifiers": [node], "name": owner.name, "via_device": topics.node, **dict(owner.about)},
        "origin": _origin(),
        "availability": [{"topic": topics.availability}],
        "components": {entity.key: _sensor(topics, owner, entity) for entity in sorted(entities, key=lambda one: one.key)},
    }


def _sensor(topics: Topics, owner: Owner, entity: Entity) -> dict[str, Any]:
    topic = topics.state(owner.key, entity.key)
    found: dict[str, Any] = {
        "platform": "sensor",
        "unique_id": f"{topics.node}_{owner.key}_{entity.key}",
        "name": entity.name,
        "state_topic": topic,
        "value_template": VALUE,
        "json_attributes_topic": topic,
        "json_attributes_template": ABOUT,
    }
    more = {
        "unit_of_measurement": entity.unit,
        "device_class": entity.device_class,
        "suggested_display_precision": entity.digits,
        "icon": entity.icon,
        "state_class": "measurement" if entity.is_mean else None,
        "entity_category": "diagnostic" if entity is LAST else None,
    }
    return found | {name: value for name, value in more.items() if value is not None}


def _origin() -> dict[str, str]:
    return {"name": "health-gateway", "sw_version": __version__, "support_url": URL}

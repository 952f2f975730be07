"""`config.example.toml`, made of the models: every key with its description and its default, or an example where there is no default.

    python -m gateway.example > config.example.toml

A test compares the file with what this makes.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from gateway.config import Config, DeviceSection, GrantSection, PersonSection
from gateway.config_sinks import SINKS
from gateway.setting_up import toml_key, toml_value

WIDTH = 118
HEAD = """\
# health-gateway: /etc/health-gateway/config.toml
#
# Every key stands here with its default, commented out where the default will do. Unknown keys are refused.
# `health-gateway check` tells every mistake with its line. On SIGHUP (`systemctl reload health-gateway`) the sections
# bluetooth, cables, device, person, grant and disk are taken over; the others need a restart.
"""
_CA, _CERTIFICATE, _KEY = "/etc/health-gateway/ca.pem", "/etc/health-gateway/gateway.pem", "/etc/health-gateway/gateway.key"
SECTIONS: dict[str, dict[str, Any]] = {
    "gateway": {"socket": "/run/health-gateway/control.sock"},
    "time": {},
    "disk": {"keep_days": 365, "keep_mb": 2000},
    "at_rest": {"key_file": "/etc/health-gateway/at-rest.key", "old_key_files": []},
    "bluetooth": {"adapter": "hci1"},
    "cables": {},
    "phd_tcp": {"listen": "127.0.0.1:6024"},
    "metrics": {"listen": "127.0.0.1:9109"},
    "page": {
        "names": ["health.example.org"],
        "certificate_file": "/etc/health-gateway/page.pem",
        "key_file": "/etc/health-gateway/page.key",
    },
    "log": {},
}
"""Examples for keys whose default says nothing."""
PERSON = {"weight_kg": [55, 65]}
DEVICE = {
    "port": "0403:6001",
    "driver": "blood-pressure",
    "person": "anna",
    "same_as": "C1:22:33:44:55:66",
    "passkey": "012345",
    "consent": {"1": 1234, "2": 4321},
    "bindkey": "231d39c1d7cc1ab1aee224cd096db932",
}
SINK_EXAMPLES: dict[str, tuple[str, dict[str, Any]]] = {
    "archive": ("file", {"path": "/var/lib/health-gateway/things.ndjson", "rotate_mb": 100}),
    "queue": (
        "mqtt",
        {
            "host": "broker.lan",
            "port": 8883,
            "client_id": "health-gateway-hall",
            "username": "gateway",
            "username_file": "mqtt-user",
            "password_file": "mqtt-password",
        },
    ),
    "stream": (
        "nats",
        {
            "servers": ["nats://n1.lan:4222", "nats://n2.lan:4222"],
            "stream": "HEALTH",
            "client_id": "health-gateway-hall",
            "username": "gateway",
            "password_file": "nats-password",
            "token_file": "nats-token",
            "credentials_file": "/etc/health-gateway/gateway.creds",
        },
    ),
    "homeassistant": (
        "homeassistant",
        {
            "host": "homeassistant.lan",
            "port": 1883,
            "client_id": "health-gateway-hall-home",
            "username": "gateway",
            "username_file": "mqtt-user",
            "password_file": "mqtt-password",
        },
    ),
    "home": ("webhook", {"url": "https://home.lan:8123/health", "secret_file": "webhook-secret"}),
    "clinic": (
        "fhir",
        {
            "url": "https://fhir.example.org/r4",
            "patient_system": "https://clinic.example.org/names",
            "patients": {"anna": "4711"},
            "token_file": "fhir-token",
            "token_url": "https://login.example.org/token",
            "client_id": "health-gateway",
            "client_secret_file": "fhir-secret",
            "scope": "system/*.write",
        },
    ),
    "vault": (
        "healthvault",
        {
            "url": "https://platform.example.org/platform/wildcat.ashx",
            "app_id": "05a059c9-c309-46af-9b86-b06d42510550",
            "secret_file": "vault-secret",
            "person_id": "2d9b3f9e-8f0b-4d9c-9f6e-0f1b2d3c4e5f",
            "records": {"anna": "7a231675-4e78-451d-8d58-f4d9d1b2c3a4"},
        },
    ),
}
GRANT = {
    "person": "anna",
    "sink": "queue",
    "types": ["blood-pressure", "weight"],
    "since": "2026-01-01",
    "until": "2027-01-01T00:00:00",
    "why": "the clinic looks at my blood pressure",
}
_DATES = ("since", "until")
_PLACES = {"type": -1, "consent": 1}
"""What a sink is comes first, what all have last."""
_SHARED = {"ca_file": _CA, "certificate_file": _CERTIFICATE, "key_file": _KEY}


def render() -> str:
    lines = [HEAD.rstrip()]
    for name, examples in SECTIONS.items():
        lines += ["", f"[{name}]", *_keys(_model(name), examples, said={})]
    lines += ["", "# Who the readings may belong to. What belongs to nobody listed is kept as unassigned.", "[[person]]"]
    lines += _keys(PersonSection, PERSON, said={"id": "anna"})
    lines += ["", "[[person]]", 'id = "ben"', "", "[[device]]"]
    users = {"1": "anna", "2": "ben"}
    lines += _keys(DeviceSection, DEVICE, said={"address": "C1:22:33:44:55:66", "name": "Cuff in the hall", "users": users})
    lines += ["", "[[device]]", 'address = "C1:22:33:44:55:77"', 'name = "Anna\'s glucose meter"', 'person = "anna"']
    lines += ["", "# Where things go. Without any sink there is one file, things.ndjson in the state directory."]
    for name, (kind, examples) in SINK_EXAMPLES.items():
        is_used = kind == "file"
        said = {"type": kind, "path": examples["path"]} if is_used else {}
        lines += [f"{'' if is_used else '#'}[sink.{name}]", *_keys(SINKS[kind], {"type": kind, **_SHARED, **examples}, said=said), ""]
    lines += _wrapped(
        'What somebody agrees to, for sinks with consent = "required" (docs/consent.md). Grants by `health-gateway consent` and on the '
        "page count as well."
    )
    lines += ["#[[grant]]", *_keys(GrantSection, GRANT, said={})]
    return "\n".join(lines) + "\n"


def _model(name: str) -> type[BaseModel]:
    annotation = Config.model_fields[name].annotation
    assert isinstance(annotation, type)  # noqa: S101 - a section of which there is one
    return annotation


def _keys(model: type[BaseModel], examples: Mapping[str, Any], *, said: Mapping[str, Any]) -> Iterator[str]:
    """`said`: keys that are not commented out."""
    for name in sorted(model.model_fields, key=lambda one: _PLACES.get(one, 0)):
        field = model.model_fields[name]
        yield from _wrapped(field.description or "")
        if name in said:
            yield f"{toml_key(name)} = {_value(name, said[name])}"
            continue
        value = examples.get(name, field.get_default(call_default_factory=True))
        if value is None or value is PydanticUndefined:
            raise ValueError(f"{model.__name__}.{name} has no default and no example")
        yield f"#{toml_key(name)} = {_value(name, value)}"


def _value(name: str, value: Any) -> str:
    if name in _DATES:
        return str(value)  # TOML's own dates
    if isinstance(value, Path):
        value = str(value)
    return toml_value(list(value) if isinstance(value, tuple) else value)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="# ", subsequent_indent="# ", break_long_words=False, break_on_hyphens=False)


if __name__ == "__main__":
    sys.stdout.write(render())

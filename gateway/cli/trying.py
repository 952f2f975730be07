"""`check` and `doctor`: whether the servers that things go to are there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import NamedTuple

import click

from gateway.config import Config
from gateway.config_sinks import FhirSection, HealthVaultSection, HomeAssistantSection, MqttSection, NatsSection, WebhookSection
from gateway.sinks.base import Unreachable

_LOCAL = ("localhost", "127.0.0.1", "::1")


class Tried(NamedTuple):
    """`problem`: why it did not answer; None if it did. `cautions`: what is better done otherwise."""

    name: str
    where: str
    problem: str | None
    cautions: list[str]


def sink_problems(config: Config) -> list[str]:
    """What comes of trying each; what is well is told at once."""
    found = []
    for one in tried(config):
        if one.problem:
            found.append(f"sink {one.name}: {one.problem}")
        else:
            click.echo(f"sink {one.name}: {one.where} answers")
        for sentence in one.cautions:
            click.echo(f"sink {one.name}: {sentence}")
    return found


def tried(config: Config) -> Iterator[Tried]:
    """Those that need a server."""
    for name, section in config.sink.items():
        if isinstance(section, MqttSection | HomeAssistantSection):
            yield Tried(name, section.host, asyncio.run(_broker(section)), _cautions(section))
        elif isinstance(section, WebhookSection | FhirSection | HealthVaultSection):
            yield Tried(name, section.url, asyncio.run(_server(section)), _cautions(section))
        elif isinstance(section, NatsSection):
            yield Tried(name, ", ".join(section.servers), asyncio.run(_stream(section)), _cautions(section))


Server = MqttSection | NatsSection | WebhookSection | FhirSection | HealthVaultSection | HomeAssistantSection


def _cautions(section: Server) -> list[str]:
    if isinstance(section, NatsSection):
        far = [one for one in section.servers if not one.split("://")[1].startswith(_LOCAL)]
        return ["all things go over the network in clear; use tls"] if far and not section.tls else []
    if not isinstance(section, MqttSection | HomeAssistantSection):
        is_far = section.url.startswith("http://") and not section.url.removeprefix("http://").startswith(_LOCAL)
        return ["all things go over the network in clear; use https"] if is_far else []
    said = []
    if section.protocol == "3.1.1" and isinstance(section, MqttSection):
        said.append('MQTT 3.1.1 cannot report a refusal: what the broker drops counts as taken; prefer protocol = "5"')
    if not section.tls and section.password_file is not None and section.host not in _LOCAL:
        said.append("the password and all things go over the network in clear; set tls = true")
    return said


async def _broker(section: MqttSection | HomeAssistantSection) -> str | None:
    """Under another name than the daemon's, so as not to push it out."""
    from gateway.mqtt.client import Lost  # noqa: PLC0415 - only where there is a broker
    from gateway.mqtt.connection import client, sentence  # noqa: PLC0415 - likewise

    try:
        async with client(section, f"{section.client_id or 'health-gateway'}-check-{os.getpid()}") as connected:
            await connected.round_trip()
    except Lost as error:
        return sentence(section, error)
    return None


async def _server(section: WebhookSection | FhirSection | HealthVaultSection) -> str | None:
    from gateway.sinks.fhir import FhirSink  # noqa: PLC0415 - only where there is one
    from gateway.sinks.healthvault import HealthVaultSink  # noqa: PLC0415 - likewise
    from gateway.sinks.webhook import WebhookSink  # noqa: PLC0415 - likewise

    sink: WebhookSink | FhirSink | HealthVaultSink
    if isinstance(section, WebhookSection):
        sink = WebhookSink(section)
    elif isinstance(section, FhirSection):
        sink = FhirSink(section, "check", keeps_time=True)
    else:
        sink = HealthVaultSink(section)
    try:
        await sink.reach()
    except Unreachable as error:
        return str(error)
    finally:
        await sink.close()
    return None


async def _stream(section: NatsSection) -> str | None:
    from gateway.sinks.nats import NatsSink  # noqa: PLC0415 - only where there is one

    try:
        await NatsSink(section, section.client_id or "health-gateway-check").reach()
    except Unreachable as error:
        return str(error)
    return None

"""The sinks of a configuration."""

from __future__ import annotations

from gateway.config import Config
from gateway.config_sinks import (
    FhirSection,
    FileSection,
    HealthVaultSection,
    HomeAssistantSection,
    MqttSection,
    NatsSection,
    SinkSection,
    WebhookSection,
)
from gateway.sinks.base import Sink
from gateway.sinks.file import FileSink

MB = 1 << 20


def made(config: Config, gateway_id: str) -> dict[str, Sink]:
    """By name; a file in the state directory if the configuration names none."""
    if not config.sink:
        return {"file": FileSink(config.state / "things.ndjson")}
    return {name: _sink(config, section, gateway_id) for name, section in config.sink.items()}


def _sink(config: Config, section: SinkSection, gateway_id: str) -> Sink:
    if isinstance(section, FileSection):
        path = section.path or config.state / f"things.{section.format}"
        return FileSink(path, section.format, section.rotate_mb * MB if section.rotate_mb else None, section.keep)
    if isinstance(section, WebhookSection):
        from gateway.sinks.webhook import WebhookSink  # noqa: PLC0415 - for those who have one

        return WebhookSink(section)
    if isinstance(section, FhirSection):
        from gateway.sinks.fhir import FhirSink  # noqa: PLC0415 - likewise

        return FhirSink(section, gateway_id, keeps_time=config.time.trust == "ntp")
    if isinstance(section, HealthVaultSection):
        from gateway.sinks.healthvault import HealthVaultSink  # noqa: PLC0415 - likewise

        return HealthVaultSink(section)
    return _at_a_broker(section, gateway_id)


def _at_a_broker(section: MqttSection | NatsSection | HomeAssistantSection, gateway_id: str) -> Sink:
    """A gateway without one need not carry its library."""
    if isinstance(section, HomeAssistantSection):
        from gateway.sinks.homeassistant import HomeAssistantSink  # noqa: PLC0415 - see above

        return HomeAssistantSink(section, gateway_id)
    if isinstance(section, NatsSection):
        from gateway.sinks.nats import NatsSink  # noqa: PLC0415 - see above

        return NatsSink(section, section.client_id or f"health-gateway-{gateway_id}")
    from gateway.sinks.mqtt import MqttSink  # noqa: PLC0415 - see above

    return MqttSink(section, section.client_id or f"health-gateway-{gateway_id}")

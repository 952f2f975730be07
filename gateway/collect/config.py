"""collect.example.toml, as a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from gateway.config import parse_as
from gateway.config_sinks import STREAM, SUBJECT, TOPIC, MqttConnection, NatsConnection
from gateway.config_strict import Strict
from gateway.errors import ConfigError, ConfigProblem

NAME = r"^[A-Za-z0-9_-]{1,64}$"


class MqttQueue(MqttConnection):
    type: Literal["mqtt"] = Field(description="An MQTT 5 broker: workers share a subscription")
    topic: str = Field("health", pattern=TOPIC, description="What all topics begin with")
    group: str = Field("collect", pattern=NAME, description="Who shares: all workers of one database say the same")
    protocol: Literal["5"] = "5"


class NatsQueue(NatsConnection):
    type: Literal["nats"] = Field(description="A stream of NATS JetStream: workers share a durable consumer")
    subject: str = Field("health", pattern=SUBJECT, description="What all subjects begin with")
    stream: str = Field("HEALTH", pattern=STREAM, description="The stream")
    group: str = Field(
        "collect", pattern=NAME, description="The durable consumer, made if it is not there: all workers of one database say the same"
    )
    ack_seconds: float = Field(60, ge=5, description="What a worker has not stored after so long goes to another")


class DatabaseSection(Strict):
    url: str = Field(pattern=r"^postgres(ql)?://", description="Where it is, without a password")
    password_file: Path | None = Field(None, description="The file that holds the password; a bare name is a systemd credential")


class VerifySection(Strict):
    keys: Path = Field(description="A directory with the gateways' public keys (gateway.pub of each), named as you like, ending in .pub")
    required: bool = Field(default=True, description="Whether what is not signed by one of them is refused")


class CollectConfig(Strict):
    queue: Annotated[MqttQueue | NatsQueue, Field(discriminator="type")]
    database: DatabaseSection
    verify: VerifySection | None = Field(None, description="Without it signatures are stored, and not looked at")
    together: int = Field(500, ge=1, le=5000, description="So many things share one transaction, if so many are there")


def load(path: Path) -> CollectConfig:
    """Raises `ConfigError` with every problem of the file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise ConfigError(path, [ConfigProblem(None, "", f"cannot be read: {reason}")]) from error
    return parse_as(CollectConfig, path, text)

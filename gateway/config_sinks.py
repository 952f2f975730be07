"""The configuration's sinks: where things go."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from gateway.config_strict import Inconsistent, Strict


class SinkBase(Strict):
    consent: Literal["required", "not-required"] = Field(
        "not-required", description="required: only what a person has agreed to by a [[grant]] or by `health-gateway consent` goes this way"
    )


class FileSection(SinkBase):
    type: Literal["file"] = Field(description="A file with one thing per line (NDJSON)")
    path: Path | None = Field(None, description="things.ndjson in the state directory if left out")


class MqttSection(SinkBase):
    type: Literal["mqtt"] = Field(description="A queue: an MQTT broker (docs/queue.md)")
    host: str = Field(min_length=1, description="The broker's name or address")
    port: int | None = Field(None, ge=1, le=65535, description="8883 with TLS and 1883 without, if left out")
    topic: str = Field("health", pattern=r"^[^+#/$\x00]+(/[^+#/\x00]+)*$", description="What all topics begin with")
    client_id: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="The gateway's name at the broker; health-gateway- and a random part if left out",
    )
    protocol: Literal["5", "3.1.1"] = Field("5", description="3.1.1 cannot report that a thing was refused: for brokers that know no other")
    ack: Literal["broker", "receiver"] = Field(
        "broker", description="What counts: that the broker has a thing, or that its consumer has said so (a receipt)"
    )
    accept_no_subscriber: bool = Field(default=False, description="Let a thing go that nobody subscribes to, instead of keeping it")
    in_flight: int = Field(20, ge=1, le=1000, description="So many things may be under way at once")
    settle_seconds: float = Field(
        30,
        ge=0,
        description="What the broker acknowledged so shortly before it was lost is sent again; longer than its autosave_interval",
    )
    receipt_seconds: float = Field(60, gt=0, description="After so long without any receipt the consumer counts as away")
    username: str | None = Field(None, description="User at the broker")
    username_file: Path | None = Field(None, description="Or the file that holds it; a bare name is a systemd credential")
    password_file: Path | None = Field(None, description="The file that holds the password; a bare name is a systemd credential")
    tls: bool = Field(default=False, description="Encrypt, and verify the broker's certificate")
    ca_file: Path | None = Field(None, description="Who signs the broker's certificate; the system's authorities if left out")
    certificate_file: Path | None = Field(None, description="Our own certificate, where the broker asks for one")
    key_file: Path | None = Field(None, description="Its key, without a passphrase; a bare name is a systemd credential")

    @model_validator(mode="after")
    def _consistent(self) -> MqttSection:
        problems: list[tuple[tuple[int | str, ...], str]] = []
        if self.protocol == "3.1.1" and self.ack == "receiver":
            problems.append((("ack",), 'receipts need MQTT 5: set protocol = "5" or ack = "broker"'))
        if self.username is not None and self.username_file is not None:
            problems.append((("username_file",), "the user is given twice, here and by username"))
        if not self.tls:
            named = [name for name in ("ca_file", "certificate_file", "key_file") if getattr(self, name)]
            problems += [((name,), "is of no use without tls = true") for name in named]
        if self.key_file is not None and self.certificate_file is None:
            problems.append((("key_file",), "is of no use without certificate_file"))
        if problems:
            raise Inconsistent(problems)
        return self


class WebhookSection(SinkBase):
    type: Literal["webhook"] = Field(description="A POST for each thing to a server of yours (docs/webhook.md)")
    url: str = Field(pattern=r"^https?://[^/?#@\s]+([/?][^#\s]*)?$", description="Where to")
    secret_file: Path | None = Field(
        None,
        description="The file with the secret that both sides know, whsec_ and base64, to sign with; a bare name is a systemd credential",
    )
    ca_file: Path | None = Field(None, description="Who signs the server's certificate; the system's authorities if left out")
    timeout_seconds: float = Field(
        10, gt=0, le=300, description="After so long without an answer everything is kept, and tried again later"
    )


SINKS: dict[str, type[Strict]] = {"file": FileSection, "mqtt": MqttSection, "webhook": WebhookSection}
SinkSection = Annotated[FileSection | MqttSection | WebhookSection, Field(discriminator="type")]

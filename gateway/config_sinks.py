"""The configuration's sinks: where things go."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gateway.config_strict import Inconsistent, Strict

URL = r"^https?://[^/?#@\s]+([/?][^#\s]*)?$"


class SinkBase(Strict):
    consent: Literal["required", "not-required"] = Field(
        "not-required", description="required: only what a person has agreed to by a [[grant]] or by `health-gateway consent` goes this way"
    )


class FileSection(SinkBase):
    type: Literal["file"] = Field(description="A file with one thing per line (NDJSON), or one value per line (CSV)")
    path: Path | None = Field(None, description="things.ndjson or things.csv in the state directory if left out")
    format: Literal["ndjson", "csv"] = Field("ndjson", description="csv is for spreadsheets")
    rotate_mb: int | None = Field(
        None, ge=1, description="A file that is larger is put aside under its name and .1, the one before under .2; never if left out"
    )
    keep: int = Field(10, ge=1, le=1000, description="So many are put aside; the oldest goes then")


class MqttConnection(Strict):
    """How to get to a broker."""

    host: str = Field(min_length=1, description="The broker's name or address")
    port: int | None = Field(None, ge=1, le=65535, description="8883 with TLS and 1883 without, if left out")
    protocol: Literal["5", "3.1.1"] = Field("5", description="3.1.1 cannot report that a thing was refused: for brokers that know no other")
    username: str | None = Field(None, description="User at the broker")
    username_file: Path | None = Field(None, description="Or the file that holds it; a bare name is a systemd credential")
    password_file: Path | None = Field(None, description="The file that holds the password; a bare name is a systemd credential")
    tls: bool = Field(default=False, description="Encrypt, and verify the broker's certificate")
    ca_file: Path | None = Field(None, description="Who signs the broker's certificate; the system's authorities if left out")
    certificate_file: Path | None = Field(None, description="Our own certificate, where the broker asks for one")
    key_file: Path | None = Field(None, description="Its key, without a passphrase; a bare name is a systemd credential")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = self._problems()
        if problems:
            raise Inconsistent(problems)
        return self

    def _problems(self) -> list[tuple[tuple[int | str, ...], str]]:
        problems: list[tuple[tuple[int | str, ...], str]] = []
        if self.username is not None and self.username_file is not None:
            problems.append((("username_file",), "the user is given twice, here and by username"))
        if not self.tls:
            named = [name for name in ("ca_file", "certificate_file", "key_file") if getattr(self, name)]
            problems += [((name,), "is of no use without tls = true") for name in named]
        if self.key_file is not None and self.certificate_file is None:
            problems.append((("key_file",), "is of no use without certificate_file"))
        return problems


TOPIC = r"^[^+#/$\x00]+(/[^+#/\x00]+)*$"
SUBJECT = r"^[^.*>\s]+(\.[^.*>\s]+)*$"
STREAM = r"^[^.*>\s/\\]+$"


class MqttSection(SinkBase, MqttConnection):
    type: Literal["mqtt"] = Field(description="A queue: an MQTT broker (docs/queue.md)")
    topic: str = Field("health", pattern=TOPIC, description="What all topics begin with")
    client_id: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="The gateway's name at the broker; health-gateway- and a random part if left out",
    )
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

    def _problems(self) -> list[tuple[tuple[int | str, ...], str]]:
        problems = super()._problems()
        if self.protocol == "3.1.1" and self.ack == "receiver":
            problems.insert(0, (("ack",), 'receipts need MQTT 5: set protocol = "5" or ack = "broker"'))
        return problems


class HomeAssistantSection(SinkBase, MqttConnection):
    type: Literal["homeassistant"] = Field(description="People and devices in Home Assistant, over its MQTT broker (docs/homeassistant.md)")
    discovery_prefix: str = Field("homeassistant", pattern=TOPIC, description="As Home Assistant has it")
    topic: str = Field("health-gateway", pattern=TOPIC, description="What all other topics begin with")
    client_id: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="The gateway's name at the broker; health-gateway-, a random part and -home if left out",
    )
    retain: bool = Field(default=False, description="Let the broker keep the last reading of each, for whoever subscribes later")


class NatsConnection(Strict):
    """How to get to NATS servers."""

    servers: list[Annotated[str, Field(pattern=r"^(nats|tls)://[^/?#@\s]+$")]] = Field(
        min_length=1, description="Addresses of the servers; the first that lets us in is taken"
    )
    username: str | None = Field(None, description="User at the server")
    password_file: Path | None = Field(None, description="The file that holds the password; a bare name is a systemd credential")
    token_file: Path | None = Field(None, description="Or the file that holds a token")
    credentials_file: Path | None = Field(None, description="Or a credentials file, with the user's JWT and seed")
    tls: bool = Field(default=False, description="Encrypt, and verify the server's certificate")
    ca_file: Path | None = Field(None, description="Who signs the server's certificate; the system's authorities if left out")
    certificate_file: Path | None = Field(None, description="Our own certificate, where the server asks for one")
    key_file: Path | None = Field(None, description="Its key, without a passphrase; a bare name is a systemd credential")
    timeout_seconds: float = Field(
        10, ge=1, le=300, description="After so long without an answer everything is kept, and tried again later"
    )

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        problems: list[tuple[tuple[int | str, ...], str]] = []
        ways = [name for name in ("username", "token_file", "credentials_file") if getattr(self, name) is not None]
        problems += [((name,), f"one way to be let in is enough; there is {ways[0]} already") for name in ways[1:]]
        if (self.username is None) != (self.password_file is None):
            problems.append((("password_file",), "username and password_file belong together"))
        if any(server.startswith("tls:") for server in self.servers) and not self.tls:
            problems.append((("tls",), "a server's address begins with tls://; set tls = true"))
        if not self.tls:
            problems += [
                ((name,), "is of no use without tls = true")
                for name in ("ca_file", "certificate_file", "key_file")
                if getattr(self, name) is not None
            ]
        if problems:
            raise Inconsistent(problems)
        return self


class NatsSection(SinkBase, NatsConnection):
    type: Literal["nats"] = Field(description="A queue: a stream of NATS JetStream (docs/queue.md)")
    subject: str = Field("health", pattern=SUBJECT, description="What all subjects begin with")
    stream: str | None = Field(None, pattern=STREAM, description="Only a stream of this name may take them; any if left out")
    client_id: str | None = Field(
        None, pattern=r"^[^.*>\s]+$", description="The gateway's name there; health-gateway- and a random part if left out"
    )
    ack: Literal["broker", "receiver"] = Field(
        "broker", description="What counts: that the stream has a thing, or that its consumer has said so (a receipt)"
    )
    in_flight: int = Field(200, ge=1, le=4000, description="So many things may be under way at once")
    settle_seconds: float = Field(
        150, ge=0, description="What the stream took so shortly before the server was lost is sent again; longer than its sync_interval"
    )
    receipt_seconds: float = Field(60, gt=0, description="After so long without any receipt the consumer counts as away")


class WebhookSection(SinkBase):
    type: Literal["webhook"] = Field(description="A POST for each thing to a server of yours (docs/webhook.md)")
    url: str = Field(pattern=URL, description="Where to")
    secret_file: Path | None = Field(
        None,
        description="The file with the secret that both sides know, whsec_ and base64, to sign with; a bare name is a systemd credential",
    )
    ca_file: Path | None = Field(None, description="Who signs the server's certificate; the system's authorities if left out")
    timeout_seconds: float = Field(
        10, gt=0, le=300, description="After so long without an answer everything is kept, and tried again later"
    )


class FhirSection(SinkBase):
    type: Literal["fhir"] = Field(description="A FHIR R4 server, by the Personal Health Device guide (docs/fhir.md)")
    url: str = Field(pattern=URL, description="The base of the server, such as https://fhir.example.org/r4")
    patient_system: str | None = Field(
        None,
        pattern=r"^[a-z][a-z0-9+.-]*:\S+$",
        description="The URI of the system of our names for persons; one of this gateway's own if left out",
    )
    patients: dict[str, str] = Field(
        default_factory=dict, description="By person, the logical id of a Patient that is on the server; no Patient is sent then"
    )
    identifier: Literal["stu2", "stu1"] = Field("stu2", description="How the guide's names of measurements are made: as in this edition")
    token_file: Path | None = Field(None, description="The file with a bearer token; a bare name is a systemd credential")
    token_url: str | None = Field(None, pattern=URL, description="Where OAuth 2 gives tokens for client credentials")
    client_id: str | None = Field(None, description="Our name there")
    client_secret_file: Path | None = Field(None, description="The file with our secret there; a bare name is a systemd credential")
    scope: str | None = Field(None, description="What to ask for there, such as system/*.write")
    ca_file: Path | None = Field(None, description="Who signs the server's certificate; the system's authorities if left out")
    certificate_file: Path | None = Field(None, description="Our certificate, where the server asks for one")
    key_file: Path | None = Field(None, description="Its key, without a passphrase; a bare name is a systemd credential")
    together: int = Field(50, ge=1, le=500, description="So many things go in one transaction")
    timeout_seconds: float = Field(
        30, gt=0, le=300, description="After so long without an answer everything is kept, and tried again later"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems: list[tuple[tuple[int | str, ...], str]] = []
        if self.token_file is not None and self.token_url is not None:
            problems.append((("token_file",), "the token is given twice, here and by token_url"))
        lonely = [name for name in ("client_id", "client_secret_file") if (getattr(self, name) is None) != (self.token_url is None)]
        problems += [((name,), "token_url, client_id and client_secret_file belong together") for name in lonely]
        if (self.key_file is not None or self.certificate_file is not None) and not self.url.startswith("https:"):
            problems.append((("url",), "a certificate of ours is of no use without https"))
        if problems:
            raise Inconsistent(problems)
        return self


GUID = r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"


class HealthVaultSection(SinkBase):
    type: Literal["healthvault"] = Field(description="A record service that speaks HealthVault's XML over HTTP (docs/healthvault.md)")
    url: str = Field(pattern=URL, description="Where requests go, such as https://platform.example.org/platform/wildcat.ashx")
    app_id: str = Field(pattern=GUID, description="The id of this installation there")
    secret_file: Path = Field(description="The file with its shared secret, base64; a bare name is a systemd credential")
    person_id: str = Field(pattern=GUID, description="Who has let us write into the records")
    records: dict[str, Annotated[str, Field(pattern=GUID)]] = Field(
        min_length=1, description="By person, the id of the record that things go into"
    )
    ca_file: Path | None = Field(None, description="Who signs the server's certificate; the system's authorities if left out")
    together: int = Field(30, ge=1, le=200, description="So many things go in one request")
    timeout_seconds: float = Field(
        30, gt=0, le=300, description="After so long without an answer everything is kept, and tried again later"
    )


SINKS: dict[str, type[Strict]] = {
    "file": FileSection,
    "mqtt": MqttSection,
    "nats": NatsSection,
    "webhook": WebhookSection,
    "fhir": FhirSection,
    "healthvault": HealthVaultSection,
    "homeassistant": HomeAssistantSection,
}
SinkSection = Annotated[
    FileSection | MqttSection | NatsSection | WebhookSection | FhirSection | HealthVaultSection | HomeAssistantSection,
    Field(discriminator="type"),
]

"""How to get to a broker: what the configuration says made into a client, and what went wrong made into a sentence."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, Protocol

import aiomqtt

from gateway.credentials import Unusable, secret, tls_context
from gateway.mqtt.client import Client, Lost, NotConnected

_TLS, _PLAIN = 8883, 1883


class Settings(Protocol):
    """Those of `[sink.NAME]` with `type = "mqtt"`."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int | None: ...
    @property
    def protocol(self) -> str: ...
    @property
    def username(self) -> str | None: ...
    @property
    def username_file(self) -> Path | None: ...
    @property
    def password_file(self) -> Path | None: ...
    @property
    def tls(self) -> bool: ...
    @property
    def ca_file(self) -> Path | None: ...
    @property
    def certificate_file(self) -> Path | None: ...
    @property
    def key_file(self) -> Path | None: ...


def port_of(settings: Settings) -> int:
    return settings.port or (_TLS if settings.tls else _PLAIN)


def client(settings: Settings, client_id: str, *, last_will: tuple[str, bytes] | None = None, **named: Any) -> Client:
    """A client that has not connected yet. `last_will`: topic and payload of what the broker says, and retains, when we are gone.

    Raises `Lost` when a file that it needs cannot be read.
    """
    if last_will is not None:
        named["will"] = aiomqtt.Will(*last_will, qos=1, retain=True)
    try:
        username = secret(settings.username_file) if settings.username_file is not None else settings.username
        password = secret(settings.password_file) if settings.password_file is not None else None
        context = _context(settings) if settings.tls else None
    except Unusable as error:
        raise Lost(str(error)) from error
    return Client(
        settings.host,
        port_of(settings),
        identifier=client_id,
        username=username,
        password=password,
        protocol=aiomqtt.ProtocolVersion.V5 if settings.protocol == "5" else aiomqtt.ProtocolVersion.V311,
        tls_context=context,
        **named,
    )


def _context(settings: Settings) -> ssl.SSLContext:
    context = tls_context(settings.ca_file, settings.certificate_file, settings.key_file)
    context.sslsocket_class = _Closing
    return context


class _Closing(ssl.SSLSocket):
    """Closes itself when the handshake fails: paho would leave it open."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - ssl's signature
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


_SENTENCES = (
    ("Name or service not known", "there is no such name; check `host`, or the network's name server"),
    ("Temporary failure in name resolution", "the name server does not answer"),
    ("No address associated", "there is no such name; check `host`"),
    ("Connection refused", "nothing listens there; is the broker running, and is the port right?"),
    ("hostname mismatch", "the broker's certificate is for another name; check `host`"),
    ("IP address mismatch", "the broker's certificate is for another address; check `host`"),
    ("certificate verify failed", "the broker's certificate is not signed by anybody we trust; check `ca_file`"),
    ("WRONG_VERSION_NUMBER", "the broker does not speak TLS at this port; check `port` and `tls`"),
    ("CERTIFICATE_REQUIRED", "the broker wants a client certificate; set `certificate_file` and `key_file`"),
    ("certificate required", "the broker wants a client certificate; set `certificate_file` and `key_file`"),
    ("unknown ca", "the broker refuses our client certificate: it does not trust who signed it; check `certificate_file`"),
    ("certificate expired", "the broker refuses our client certificate: it has expired; renew `certificate_file`"),
    ("certificate revoked", "the broker refuses our client certificate: it was revoked; renew `certificate_file`"),
    ("bad certificate", "the broker refuses our client certificate; check `certificate_file`"),
    ("handshake failure", "the broker refuses our client certificate, or wants one; check `certificate_file`"),
    ("Bad user name or password", "the broker does not accept user name and password; check `username` and `password_file`"),
    ("Not authorized", "the broker does not let us in; check `username`, `password_file` and the broker's rules"),
    ("Unsupported protocol version", 'the broker does not speak this version of MQTT; check `protocol` ("3.1.1" cannot report refusals)'),
    ("timed out", "no answer; check the network, `host` and `port`"),
)


_BROKEN_OFF = ("eof occurred", "reset by peer", "broken pipe", "before it had answered")


def sentence(settings: Settings, error: Lost) -> str:
    """One line: where, what, and what to do."""
    where, problem = f"{settings.host}:{port_of(settings)}", str(error)
    plain = problem.lower().replace("_", " ")
    for sign, text in _SENTENCES:
        if sign.lower().replace("_", " ") in plain:
            return f"{where}: {text}"
    if settings.tls and isinstance(error, NotConnected) and any(sign in plain for sign in _BROKEN_OFF):
        # Its alert says which, but the end of the connection may overtake it.
        return f"{where}: the broker breaks TLS off: it refuses our client certificate, or wants one; check `certificate_file`"
    return f"{where}: {' '.join(problem.split())}"

"""Requests and responses of the platform, octet for octet what is signed.

The header names the hash of the info, and the HMAC of the header stands beside it: so both are authentic. Source: HealthVault's schemas,
reference and SDKs (nschonni/healthvault-docs@65b643c, microsoft/healthvault-dotnetstandard-sdk@e812b55).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, ParseError, SubElement, fromstring, tostring

REQUEST = "urn:com.microsoft.wc.request"
TTL_SECONDS = "1800"
VERSION = "health-gateway/1"


@dataclass(frozen=True, slots=True)
class Session:
    token: str
    secret: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """`code`: 0 is well; see `status.py`. `info`: None unless it is well."""

    code: int
    info: Element | None


def call(
    method: str,
    version: int,
    info: Element,
    now: float,
    *,
    app_id: str = "",
    session: Session | None = None,
    person: str | None = None,
    record: str | None = None,
) -> bytes:
    """A request: in a session, or anonymous with an application id."""
    body = tostring(info)
    header = Element("header")
    _add(header, "method", method)
    _add(header, "method-version", str(version))
    if record is not None:
        _add(header, "record-id", record)
    if session is None:
        _add(header, "app-id", app_id)
    else:
        named = SubElement(header, "auth-session")
        _add(named, "auth-token", session.token)
        if person is not None:
            _add(SubElement(named, "offline-person-info"), "offline-person-id", person)
    for name, text in (("language", "en"), ("country", "US"), ("msg-time", _time(now)), ("msg-ttl", TTL_SECONDS), ("version", VERSION)):
        _add(header, name, text)
    hashed = _add(SubElement(header, "info-hash"), "hash-data", base64.b64encode(hashlib.sha256(body).digest()).decode())
    hashed.set("algName", "SHA256")
    signed = tostring(header)
    auth = b"" if session is None else _auth(session.secret, signed)
    return b'<wc-request:request xmlns:wc-request="' + REQUEST.encode() + b'">' + auth + signed + body + b"</wc-request:request>"


def _auth(secret: bytes, signed: bytes) -> bytes:
    auth = Element("auth")
    _add(auth, "hmac-data", _hmac(secret, signed)).set("algName", "HMACSHA256")
    return tostring(auth)


def _hmac(secret: bytes, octets: bytes) -> str:
    return base64.b64encode(hmac.digest(secret, octets, "sha256")).decode()


def _add(parent: Element, name: str, text: str) -> Element:
    child = SubElement(parent, name)
    child.text = text
    return child


def _time(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def understood(octets: bytes) -> Response:
    """Raises `ValueError` for what is no response."""
    if b"<!" in octets[:4096]:
        raise ValueError("a document type")  # nobody needs one; entities could grow
    try:
        root = fromstring(octets)  # noqa: S314 - no document type, so no entities
    except ParseError as error:
        raise ValueError("no XML") from error
    code = root.findtext("status/code")
    if _local(root) != "response" or code is None:
        raise ValueError("no response")
    info = next((child for child in root if _local(child) == "info"), None)
    return Response(int(code), info)


def _local(element: Element) -> str:
    return element.tag.rsplit("}", 1)[-1]


# -- methods ---------------------------------------------------------------------------------------------------------------


def _info() -> Element:
    """In no namespace: on this wire only the root of a request has one."""
    return Element("info")


def session_info(app_id: str, secret: bytes, now: float) -> Element:
    """CreateAuthenticatedSessionToken2, by the secret that the application was given when its user installed it."""
    content = Element("content")
    _add(content, "app-id", app_id)
    _add(content, "hmac", "HMACSHA256")
    _add(content, "signing-time", _time(now))
    info = _info()
    asked = SubElement(info, "auth-info")
    _add(asked, "app-id", app_id)
    credential = SubElement(SubElement(asked, "credential"), "appserver2")
    _add(credential, "hmacSig", _hmac(secret, tostring(content))).set("algName", "HMACSHA256")
    credential.append(content)
    return info


def session_of(info: Element | None) -> Session:
    """Raises `ValueError`."""
    token, secret = (None, None) if info is None else (info.findtext("token"), info.findtext("shared-secret"))
    if not token or not secret:
        raise ValueError("no session")
    return Session(token, base64.b64decode(secret))


@dataclass(frozen=True, slots=True)
class Stored:
    """A thing that the record has: its key, and our version of it."""

    thing_id: str
    stamp: str
    version: int


def lookup_info(client_ids: Sequence[str]) -> Element:
    """GetThings3, by the names that we gave them."""
    info = _info()
    group = SubElement(info, "group", {"max": str(len(client_ids)), "max-full": str(len(client_ids))})
    for one in client_ids:
        _add(group, "client-thing-id", one)
    wanted = SubElement(group, "format")
    _add(wanted, "section", "core")
    SubElement(wanted, "xml")
    _add(group, "current-version-only", "true")
    return info


def stored(info: Element | None) -> dict[str, Stored]:
    """By client-thing-id; the highest version, should there be several. Raises `ValueError`."""
    found: dict[str, Stored] = {}
    for thing in () if info is None else info.iter("thing"):
        key, called = thing.find("thing-id"), thing.findtext("data-xml/common/client-thing-id")
        if key is None or key.text is None or called is None:
            continue
        version = int(thing.findtext("data-xml/common/extension/reading/version") or 0)
        if called not in found or version > found[called].version:
            found[called] = Stored(key.text, key.get("version-stamp", ""), version)
    return found


def put_info(things: Sequence[tuple[Element, Stored | None]]) -> Element:
    """PutThings2: new ones, and new versions of what is there."""
    info = _info()
    for element, known in things:
        thing = SubElement(info, element.tag)
        if known is not None:
            thing.append(_key(known))
        thing.extend(element)  # the element itself stays as it is: it may have to go again, under another key
    return info


def remove_info(known: Sequence[Stored]) -> Element:
    info = _info()
    info.extend(_key(one) for one in known)
    return info


def _key(known: Stored) -> Element:
    key = Element("thing-id", {"version-stamp": known.stamp})
    key.text = known.thing_id
    return key

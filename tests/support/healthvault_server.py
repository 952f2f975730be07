"""A record service that speaks HealthVault's XML, as far as a gateway can tell: sessions, hashes and signatures over the very octets,
the schemas' facts, transactions, version stamps; and any status code that a test wants. What is put twice is there twice.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from lxml import etree
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.support.web import listening

SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).parents[1] / "vectors" / "healthvault.xsd"))
APP, PERSON, RECORD, OTHER = (str(uuid.uuid5(uuid.NAMESPACE_URL, name)) for name in ("app", "person", "anna", "ben"))
SECRET = b"the secret of this installation"
IN_SESSION = ["method", "method-version", "record-id", "auth-session", "language", "country", "msg-time", "msg-ttl", "version", "info-hash"]
ANONYMOUS = ["method", "method-version", "app-id", *IN_SESSION[4:]]


class Status(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


@dataclass
class Kept:
    thing_id: str
    stamp: str
    element: Any
    called: str


@dataclass
class VaultServer:
    """`answers`: status codes, or bodies, in turn, for requests of a session before anything is looked at. `lose`: take the next one that
    changes something, and say nothing. `refuses`: names of things that are refused, with their code.
    """

    answers: list[int | str] = field(default_factory=list)
    lose: bool = False
    refuses: dict[str, int] = field(default_factory=dict)
    closed: dict[str, int] = field(default_factory=dict)
    """By record, the code that is all one hears of it."""
    at_once: int = 100
    records: dict[str, list[Kept]] = field(default_factory=lambda: {RECORD: [], OTHER: []})
    sessions: dict[str, bytes] = field(default_factory=dict)
    methods: list[str] = field(default_factory=list)
    begun: int = 0
    clock: float = 0.0
    """Seconds that its own is ahead."""

    def values(self, record: str = RECORD) -> list[str]:
        """Of glucose, as displayed."""
        return [kept.element.findtext("data-xml/blood-glucose/value/display") for kept in self.records[record]]

    def take(self, body: bytes) -> bytes:
        root = etree.fromstring(body)
        assert root.tag == "{urn:com.microsoft.wc.request}request"
        header, info = root.find("header"), root.find("info")
        method = header.findtext("method")
        self.methods.append(method)
        raw = body[body.index(b"</header>") + len(b"</header>") : body.rindex(b"</wc-request:request>")]
        signed = body[body.index(b"<header>") : body.index(b"</header>") + len(b"</header>")]
        try:
            if header.find("info-hash/hash-data").text != b64(hashlib.sha256(raw).digest()):
                raise Status(4)
            sent = datetime.fromisoformat(header.findtext("msg-time")).timestamp()
            if not -300 < time.time() + self.clock - sent < int(header.findtext("msg-ttl")):
                raise Status(49)
            if method == "CreateAuthenticatedSessionToken":
                content = raw[raw.index(b"<content>") : raw.index(b"</content>") + len(b"</content>")]
                return self._session(header, info, content)
            return self._in_session(root, header, info, signed)
        except Status as error:
            return response(error.code)

    def _session(self, header: Any, info: Any, content: bytes) -> bytes:
        assert [child.tag for child in header] == ANONYMOUS
        credential = info.find("auth-info/credential/appserver2")
        if credential.findtext("hmacSig") != b64(hmac.digest(SECRET, content, "sha256")) or info.findtext("auth-info/app-id") != APP:
            raise Status(6)
        self.begun += 1
        token, secret = f"token-{self.begun}", hashlib.sha256(b"%d" % self.begun).digest()
        self.sessions = {token: secret}
        return response(
            0,
            f'<token app-id="{APP}" app-record-auth-action="NoActionRequired">{token}</token><shared-secret>{b64(secret)}</shared-secret>',
        )

    def _in_session(self, root: Any, header: Any, info: Any, signed: bytes) -> bytes:
        assert [child.tag for child in header] == IN_SESSION
        secret = self.sessions.get(header.findtext("auth-session/auth-token"))
        if secret is None:
            raise Status(65)
        if root.findtext("auth/hmac-data") != b64(hmac.digest(secret, signed, "sha256")):
            raise Status(4)
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, str):
                return answer.encode()
            raise Status(answer)
        record = header.findtext("record-id")
        if header.findtext("auth-session/offline-person-info/offline-person-id") != PERSON or record not in self.records:
            raise Status(11)
        if record in self.closed:
            raise Status(self.closed[record])
        return getattr(self, f"_{header.findtext('method').lower()}")(record, info)  # type: ignore[no-any-return]  # by its name

    def _getthings(self, record: str, info: Any) -> bytes:
        wanted = {one.text for one in info.iter("client-thing-id")}
        found = "".join(
            f'<thing><thing-id version-stamp="{kept.stamp}">{kept.thing_id}</thing-id>'
            + "".join(etree.tostring(child).decode() for child in kept.element if child.tag != "thing-id")
            + "</thing>"
            for kept in self.records[record]
            if kept.called in wanted
        )
        return response(0, f"<group>{found}</group>")

    def _putthings(self, record: str, info: Any) -> bytes:
        if len(info) > self.at_once:
            raise Status(124)
        now, keys = list(self.records[record]), []
        for thing in info:
            key = thing.find("thing-id")
            called = thing.findtext("data-xml/common/client-thing-id")
            if called in self.refuses:
                raise Status(self.refuses[called])
            if key is None:
                kept = Kept(str(uuid.uuid4()), "", thing, called)
            else:
                kept = next((one for one in now if one.thing_id == key.text), None)  # type: ignore[assignment]  # looked at next
                if kept is None or kept.stamp != key.get("version-stamp"):
                    raise Status(61)
                now.remove(kept)
                thing.remove(key)
            now.append(Kept(kept.thing_id, str(uuid.uuid4()), thing, called))
            keys.append(now[-1])
        if not SCHEMA.validate(info):
            raise Status(3)
        self.records[record] = now
        return response(0, "".join(f'<thing-id version-stamp="{one.stamp}">{one.thing_id}</thing-id>' for one in keys))

    def _removethings(self, record: str, info: Any) -> bytes:
        now = list(self.records[record])
        for key in info:
            kept = next((one for one in now if (one.thing_id, one.stamp) == (key.text, key.get("version-stamp"))), None)
            if kept is None:
                raise Status(61)
            now.remove(kept)
        self.records[record] = now
        return response(0)

    async def root(self, request: Request) -> Response:
        body = await request.body()
        before = {record: list(things) for record, things in self.records.items()}
        said = self.take(body)
        if self.lose and before != self.records:
            self.lose = False
            await asyncio.sleep(5)
        return Response(said, media_type="text/xml")


def response(code: int, info: str = "") -> bytes:
    if code:
        return f"<response><status><code>{code}</code><error><message>weight 72.4 is wrong</message></error></status></response>".encode()
    body = f'<wc:info xmlns:wc="urn:com.microsoft.wc.methods.response.Any">{info}</wc:info>' if info else ""
    return f"<response><status><code>0</code></status>{body}</response>".encode()


@asynccontextmanager
async def served(server: VaultServer) -> AsyncIterator[str]:
    async with listening([Route("/platform/wildcat.ashx", server.root, methods=["POST"])]) as url:
        yield f"{url}/platform/wildcat.ashx"

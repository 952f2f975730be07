"""The webhook sink against a real HTTP server, with and without TLS, and against what is none."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
from click.testing import CliRunner
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.cli import root
from gateway.config_sinks import WebhookSection
from gateway.journal import Journal
from gateway.provenance import Proof, Signed, Signer, Verdict, verify
from gateway.sinks.base import Unreachable
from gateway.sinks.webhook import WebhookSink
from tests.gateway.test_outlet import fill
from tests.support.certificates import Authority, Pair
from tests.support.driving import driven
from tests.support.fakes import T0, until

SECRET = b"sixteen octets, and some"


@dataclass
class Server:
    """`answers`: status codes, in turn; 204 when there are none left."""

    answers: list[int] = field(default_factory=list)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    clients: list[int] = field(default_factory=list)
    port: int = 0

    @property
    def has(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.requests]


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def served(server: Server, pair: Pair | None = None) -> AsyncIterator[str]:
    """Its URL."""

    async def take(request: Request) -> Response:
        body = await request.body()
        status = server.answers.pop(0) if server.answers else 204
        if status < 300:
            server.requests.append((dict(request.headers), body))
            assert request.client is not None
            server.clients.append(request.client.port)
        return Response("thank you" * 100 if status == 200 else None, status_code=status, headers={"location": "/elsewhere"})

    tls = {"ssl_certfile": str(pair.certificate), "ssl_keyfile": str(pair.key)} if pair else {}
    app = Starlette(routes=[Route("/hook", take, methods=["POST"])])
    made = _Uvicorn(uvicorn.Config(app, port=server.port, log_config=None, lifespan="off", **tls))  # type: ignore[arg-type]  # files
    task = asyncio.create_task(made.serve())
    await until(lambda: made.started)
    server.port = made.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http{'s' if pair else ''}://127.0.0.1:{server.port}/hook"
    finally:
        made.should_exit = True
        await task


def section(url: str, **named: object) -> WebhookSection:
    return WebhookSection.model_validate({"type": "webhook", "url": url, "timeout_seconds": 1, **named})


async def test_things_arrive_octet_for_octet_signed_and_in_order(journal: Journal, tmp_path: Path) -> None:
    """As standardwebhooks.com says: the signature is over the id, the time and the body."""
    await fill(journal, *["anna"] * 50)
    secret = tmp_path / "secret"
    secret.write_text(f"whsec_{base64.b64encode(SECRET).decode()}\n")
    server = Server([200] * 25)
    async with served(server) as url, driven(journal, WebhookSink(section(url, secret_file=secret), lambda: T0), "s"):
        await until(lambda: journal.cursor("s") == 50)
    assert len(set(server.clients)) == 1, "over one connection, whether the server has something to say or not"
    rows = journal.after(0, 100)
    assert [body for _, body in server.requests] == [row.body.encode() for row in rows]
    assert server.has == [f"{row.id}-{row.version}" for row in rows]
    headers, body = server.requests[0]
    assert (headers["content-type"], headers["webhook-timestamp"]) == ("application/json", str(int(T0)))
    wanted = hmac.digest(SECRET, f"{headers['webhook-id']}.{int(T0)}.".encode() + body, hashlib.sha256)
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(wanted).decode()}"


async def test_the_gateway_s_own_signature_goes_with_it(tmp_path: Path) -> None:
    signer = Signer(bytes(32))
    journal, server = Journal(tmp_path / "signed.db", signer), Server()
    await fill(journal, "anna", "ben")
    async with served(server) as url, driven(journal, WebhookSink(section(url)), "s"):
        await until(lambda: journal.cursor("s") == 2)
    journal.close()

    def proof(headers: dict[str, str]) -> Proof:
        key, previous, signature = (headers[f"health-gateway-{name}"] for name in ("key", "previous", "signature"))
        return Proof(key, bytes.fromhex(previous), bytes.fromhex(signature))

    things = [Signed(int(headers["health-gateway-n"]), body, proof(headers)) for headers, body in server.requests]
    verdict = Verdict()
    assert list(verify(things, signer.public, verdict)) == []
    assert verdict.signed == 2
    assert "webhook-signature" not in server.requests[0][0]


@pytest.mark.parametrize("status", [400, 409, 413, 415, 422])
async def test_what_is_refused_waits_and_the_rest_goes_on(journal: Journal, status: int) -> None:
    server = Server([204, status])
    await fill(journal, *["anna"] * 4)
    async with served(server) as url, driven(journal, WebhookSink(section(url)), "s"):
        await until(lambda: journal.cursor("s") == 4)
    assert len(server.has) == 3
    assert journal.deferred("s") == [(2, f"the server refuses it ({status})")]


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (401, "check `secret_file`"),
        (403, "check `secret_file`"),
        (404, "check `url`"),
        (302, "it sends us elsewhere (302)"),
        (429, "slower"),
        (500, "it cannot take anything now (500)"),
        (503, "it cannot take anything now (503)"),
    ],
)
async def test_what_cannot_be_taken_now_is_kept_and_nothing_that_was_taken_goes_twice(journal: Journal, status: int, sentence: str) -> None:
    server = Server([204, 204, status])
    await fill(journal, *["anna"] * 4)
    async with served(server) as url, driven(journal, WebhookSink(section(url)), "s") as outlet:
        await until(lambda: outlet.problem is not None)
        assert sentence in str(outlet.problem)
        assert journal.cursor("s") == 2
        outlet.retry()
        await until(lambda: journal.cursor("s") == 4 and outlet.problem is None)
    assert server.has == [f"{row.id}-{row.version}" for row in journal.after(0, 9)]


async def test_a_server_that_closes_what_was_kept_open_is_asked_anew(journal: Journal) -> None:
    """Restarted between two things: no reason to say that it cannot be reached."""
    server = Server()
    sink = WebhookSink(section("http://127.0.0.1:1/hook"))
    await fill(journal, "anna", "anna")
    first, second = journal.after(0, 9)
    async with served(server) as url:
        sink = WebhookSink(section(url))
        assert await sink.send([first]) == []
    async with served(server):
        assert await sink.send([second]) == []
    await sink.close()
    assert len(server.has) == 2


async def said(make: Callable[[], WebhookSink], journal: Journal) -> str:
    sink = make()
    with pytest.raises(Unreachable) as told:
        await sink.send(journal.after(0, 1))
    await sink.close()
    return str(told.value)


async def test_what_is_wrong_is_said_in_one_line(journal: Journal, tmp_path: Path) -> None:
    await fill(journal, "anna")
    authority, stranger = Authority(tmp_path, "authority"), Authority(tmp_path, "stranger")
    good, old = authority.issue("good"), authority.issue("old", expired=True)
    bad = tmp_path / "bad"
    bad.write_text("whsec_???")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}/"
    assert "nothing listens there" in await said(lambda: WebhookSink(section(nobody)), journal)
    server = Server()
    async with served(server, good) as url:
        assert await WebhookSink(section(url, ca_file=authority.certificate)).send([]) == []
        sink = WebhookSink(section(url, ca_file=authority.certificate))
        assert await sink.send(journal.after(0, 1)) == []
        await sink.close()
        assert "not to be trusted" in await said(lambda: WebhookSink(section(url, ca_file=stranger.certificate)), journal)
        assert "check `url`" in await said(lambda: WebhookSink(section(url.replace("https", "http"))), journal)
    async with served(Server(), old) as url:
        assert "certificate has expired" in await said(lambda: WebhookSink(section(url, ca_file=authority.certificate)), journal)
    async with served(Server()) as url:
        assert "does not speak TLS" in await said(lambda: WebhookSink(section(url.replace("http", "https"))), journal)
        assert "holds no secret" in await said(lambda: WebhookSink(section(url, secret_file=bad)), journal)
        assert "No such file" in await said(lambda: WebhookSink(section(url, secret_file=tmp_path / "none")), journal)
    assert len(server.has) == 1


@pytest.mark.parametrize("babble", [b"SSH-2.0-OpenSSH_9.2\r\n", b"", b"HTTP/1.1 2", b"\x00" * 3000])
async def test_a_server_that_answers_garbage(journal: Journal, babble: bytes) -> None:
    await fill(journal, "anna")

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(babble)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        assert await said(lambda: WebhookSink(section(f"http://127.0.0.1:{port}/")), journal)


@pytest.mark.parametrize("is_dribbling", [True, False])
async def test_a_server_that_dribbles_or_says_nothing_is_given_up(journal: Journal, is_dribbling: bool) -> None:  # noqa: FBT001 - a case
    await fill(journal, "anna")
    hung_up = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX: " if is_dribbling else b"")
        with contextlib.suppress(OSError):
            while not (reader.at_eof() or writer.is_closing()):
                writer.write(b"x" if is_dribbling else b"")
                await writer.drain()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await reader.read(1000)
        writer.close()
        hung_up.set()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, asyncio.timeout(5):
        told = await said(lambda: WebhookSink(section(f"http://127.0.0.1:{port}/", timeout_seconds=0.3)), journal)
        assert "no answer" in told
        await hung_up.wait()


async def test_check_tries_it_and_warns(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"

    async def checked(url: str) -> str:
        config.write_text(f'[gateway]\nstate = "{tmp_path}"\n[sink.home]\ntype = "webhook"\nurl = "{url}"\n')
        return (await asyncio.to_thread(CliRunner().invoke, root, ["check", "-c", str(config)])).output

    server = Server()
    async with served(server) as url:
        assert f"sink home: {url} answers" in await checked(url)
    assert server.has == []
    assert "sink home: nothing listens there" in await checked(url)
    assert "expected string, pattern" not in await checked("ftp://x")

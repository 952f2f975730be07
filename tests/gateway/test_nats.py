"""The nats sink and its outlet against real servers."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import nats
import pytest
from click.testing import CliRunner
from nats.aio.client import Client
from nats.js.errors import BadRequestError, ServiceUnavailableError

from gateway.cli import root
from gateway.config_sinks import NatsSection
from gateway.journal import Commit, Journal
from gateway.nats.contract import THING, receipt_subject, subject_of
from gateway.provenance import Proof, Signed, Signer, Verdict, verify
from gateway.receipts import receipt
from gateway.sinks.base import Unreachable
from gateway.sinks.nats import NatsSink
from tests.support.certificates import Authority
from tests.support.driving import driven
from tests.support.fakes import until
from tests.support.nats_server import STREAM, Cluster, NatsServer, stream
from tests.support.nkeys import ACCOUNT, OPERATOR, USER, Key, credentials
from tests.support.things import candidate

T = TypeVar("T")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    started = NatsServer(tmp_path / "nats").start()
    yield started
    started.stop()


def section(*servers: str, **named: Any) -> NatsSection:
    return NatsSection.model_validate({"type": "nats", "servers": list(servers), "settle_seconds": 0, "timeout_seconds": 2, **named})


async def fill(journal: Journal, count: int, *, first: int = 0, person: str | None = "anna", size: int = 300) -> None:
    await journal.commit(Commit("", tuple(candidate(f"t{number}", person=person, size=size) for number in range(first, first + count))))


@asynccontextmanager
async def client(*urls: str, **named: Any) -> AsyncIterator[Client]:
    made = await nats.connect(list(urls), **named)
    try:
        yield made
    finally:
        await made.close()


async def patiently(do: Callable[[], Awaitable[T]]) -> T:
    """Until the cluster has a leader."""
    for _ in range(30):
        try:
            return await do()
        except (ServiceUnavailableError, BadRequestError, nats.errors.TimeoutError):  # the second: it does not know its followers yet
            await asyncio.sleep(0.1)
    raise AssertionError("no leader")


async def make_stream(*urls: str, **named: Any) -> None:
    async with client(*urls) as made:
        await patiently(lambda: made.jetstream(timeout=1).add_stream(stream(**named)))


async def kept(*urls: str) -> list[Any]:
    """All messages of the stream, in its order."""
    async with client(*urls) as made:
        context = made.jetstream(timeout=1)
        count = (await patiently(lambda: context.stream_info(STREAM))).state.messages
        subscription = await patiently(lambda: context.subscribe("health.>", stream=STREAM, ordered_consumer=True))
        return [await subscription.next_msg(timeout=5) for _ in range(count)]


def names(messages: list[Any]) -> list[str]:
    return [json.loads(message.data)["name"] for message in messages]


def expected(count: int) -> list[str]:
    return [f"t{number}" for number in range(count)]


async def told(sink: NatsSink, journal: Journal) -> str:
    with pytest.raises(Unreachable) as error:
        await sink.send(journal.after(0, 500))
    await sink.close()
    return str(error.value)


# -- the way of a thing ------------------------------------------------------------------------------------------------


async def test_things_arrive_as_they_are_in_order(server: NatsServer, journal: Journal) -> None:
    """Payload, subject and headers are those of docs/queue.md."""
    await make_stream(server.url)
    await fill(journal, 300)
    async with driven(journal, NatsSink(section(server.url), "gw")):
        await until(lambda: journal.cursor("queue") == 300)
    rows, messages = journal.after(0, 500), await kept(server.url)
    assert [message.data for message in messages] == [row.body.encode() for row in rows]
    assert messages[0].subject == "health.person.anna.weight"
    assert messages[0].headers["Nats-Msg-Id"] == f"{rows[0].id}/1"
    assert "health-gateway-receipt" not in messages[0].headers


async def test_a_signature_goes_beside_the_thing_that_was_signed(server: NatsServer, tmp_path: Path) -> None:
    await make_stream(server.url)
    signer, journal = Signer(bytes(32)), Journal(tmp_path / "signed.db", Signer(bytes(32)))
    await fill(journal, 3)
    async with driven(journal, NatsSink(section(server.url), "gw")):
        await until(lambda: journal.cursor("queue") == 3)
    journal.close()
    things = [
        Signed(
            int(message.headers["health-gateway-n"]),
            message.data,
            Proof(
                message.headers["health-gateway-key"],
                bytes.fromhex(message.headers["health-gateway-previous"]),
                bytes.fromhex(message.headers["health-gateway-signature"]),
            ),
        )
        for message in await kept(server.url)
    ]
    verdict = Verdict()
    assert list(verify(things, signer.public, verdict)) == []
    assert verdict.signed == 3


@pytest.mark.parametrize(
    ("person", "kind", "subject"),
    [
        ("anna", "weight", "h.person.anna.weight"),
        ("a.b*c>d é/", "weight", "h.person.a%2Eb%2Ac%3Ed%20%C3%A9%2F.weight"),
        (None, "weight", "h.unassigned.weight"),
        (None, "device", "h.device"),
    ],
)
def test_a_persons_name_cannot_leave_its_level(person: str | None, kind: str, subject: str) -> None:
    assert subject_of("h", person, kind) == subject


async def test_1_a_server_killed_under_load_loses_and_doubles_nothing(server: NatsServer, journal: Journal) -> None:
    await make_stream(server.url)
    await fill(journal, 3000)
    async with driven(journal, NatsSink(section(server.url), "gw")) as outlet:
        await until(lambda: journal.cursor("queue") > 0)
        server.kill()
        await until(lambda: outlet.problem is not None)
        server.start()
        outlet.retry()
        await until(lambda: journal.cursor("queue") == 3000)
    assert names(await kept(server.url)) == expected(3000)


async def test_1_a_cluster_loses_one_after_the_other(journal: Journal, tmp_path: Path) -> None:
    """With three replicas each server may go, leader or not, while things are sent."""
    cluster = Cluster(tmp_path / "cluster").start()
    try:
        await make_stream(*cluster.urls, num_replicas=3)
        async with driven(journal, NatsSink(section(*cluster.urls), "gw")) as outlet:
            for place, server in enumerate(cluster.servers):
                await fill(journal, 400, first=400 * place)
                outlet.wake()
                await until(lambda least=400 * place: journal.cursor("queue") > least, 30)  # type: ignore[misc]  # mypy infers no default's type
                server.kill()
                outlet.retry()
                await until(lambda most=400 * (place + 1): retried(outlet) and journal.cursor("queue") == most, 30)  # type: ignore[misc]  # likewise
                server.start()
        found = names(await kept(*cluster.urls))
    finally:
        cluster.stop()
    assert list(dict.fromkeys(found)) == expected(1200)
    assert len(found) == 1200, "and the stream has dropped what came twice"


def retried(outlet: Any) -> bool:
    if outlet.problem is not None:
        outlet.retry()
    return True


async def test_1_what_the_server_had_not_yet_saved_is_sent_again(server: NatsServer, journal: Journal) -> None:
    """The cursor follows when it has settled: a server that comes back without its disk gets everything again."""
    await make_stream(server.url)
    await fill(journal, 50)
    async with driven(journal, NatsSink(section(server.url, settle_seconds=60), "gw")) as outlet:
        await until(lambda: not outlet.settled)
        await asyncio.sleep(0.1)
        assert journal.cursor("queue") == 0
        server.kill()
        (server.directory / "store").rename(server.directory / "lost")
        server.start()
        await make_stream(server.url)
        await fill(journal, 1, first=50)
        outlet.wake()
        await until(lambda: outlet.problem is None or retried(outlet))
        for _ in range(200):
            if len(found := await kept(server.url)) == 51:
                break
            await asyncio.sleep(0.05)
    assert names(found) == expected(51)


async def test_2_no_more_are_under_way_than_permitted(server: NatsServer, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    await make_stream(server.url)
    await fill(journal, 100)
    sink = NatsSink(section(server.url, in_flight=7), "gw")
    most: list[int] = []
    put = NatsSink._put

    async def counted(self: NatsSink, context: Any, batch: Any, place: int) -> None:
        await put(self, context, batch, place)
        most.append(len(batch.open))

    monkeypatch.setattr(NatsSink, "_put", counted)
    async with driven(journal, sink):
        await until(lambda: journal.cursor("queue") == 100)
    assert max(most) == 7


async def test_3_a_refusal_defers_that_thing_and_no_other(journal: Journal, tmp_path: Path) -> None:
    """What the rules forbid for Ben, and what is too large for server or stream."""
    rules = """
    max_payload: 20000
    authorization { users: [
      { user: boss, password: b }
      { user: gw, password: g, permissions: { publish: { deny: ["health.person.ben.>"] } } }
    ] }"""
    server = NatsServer(tmp_path / "nats", rules).start()
    password = tmp_path / "password"
    password.write_text("g\n")
    try:
        await make_stream(server.url.replace("//", "//boss:b@"), max_msg_size=10_000)
        await fill(journal, 2)
        await fill(journal, 2, first=2, person="ben")
        await fill(journal, 1, first=4, size=15_000)
        await fill(journal, 1, first=5, size=30_000)
        await fill(journal, 2, first=6)
        async with driven(journal, NatsSink(section(server.url, username="gw", password_file=password), "gw")):
            await until(lambda: journal.cursor("queue") == 8)
        found = await kept(server.url.replace("//", "//boss:b@"))
    finally:
        server.stop()
    assert names(found) == ["t0", "t1", "t6", "t7"]
    assert dict(journal.deferred("queue")) == {
        3: "the server's rules do not allow it to be published",
        4: "the server's rules do not allow it to be published",
        5: "larger than the stream permits (its max_msg_size)",
        6: "too large for the server (its max_payload)",
    }


async def test_3_a_full_stream_keeps_everything(server: NatsServer, journal: Journal) -> None:
    await make_stream(server.url, max_msgs=5, discard="new")
    await fill(journal, 10)
    async with driven(journal, NatsSink(section(server.url), "gw")) as outlet:
        await until(lambda: outlet.problem is not None)
        assert "the stream cannot take it now: maximum messages exceeded" in str(outlet.problem)
        async with client(server.url) as made:
            await made.jetstream().update_stream(stream(discard="new"))
        outlet.retry()
        await until(lambda: journal.cursor("queue") == 10)
    assert names(await kept(server.url)) == expected(10)
    assert journal.deferred("queue") == []


async def test_3_without_a_stream_the_cure_is_said(server: NatsServer, journal: Journal) -> None:
    await fill(journal, 1)
    sentence = (
        "no stream takes what we publish; make one: nats stream add HEALTH --subjects 'health.person.*.*,health.unassigned.*,health.device'"
    )
    assert sentence in await told(NatsSink(section(server.url), "gw"), journal)
    await make_stream(server.url)
    assert "expected stream does not match" in await told(NatsSink(section(server.url, stream="OTHER"), "gw"), journal)


async def test_4_what_is_sent_twice_is_there_once(server: NatsServer, journal: Journal) -> None:
    await make_stream(server.url)
    await fill(journal, 20)
    for _ in range(2):
        sink = NatsSink(section(server.url), "gw")
        assert await sink.send(journal.after(0, 500)) == []
        await sink.close()
    assert names(await kept(server.url)) == expected(20)


# -- receipts ----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def consuming(url: str, refuse: str | None = None, skip: int = 0) -> AsyncIterator[list[str]]:
    """A consumer of the stream that gives receipts; of the first `skip` it gives none."""
    seen: list[str] = []

    async def take(message: Any) -> None:
        thing = json.loads(message.data)
        seen.append(thing["name"])
        if len(seen) > skip:
            headers = {THING: f"{thing['id']}/{thing['version']}"}
            await made.publish(
                message.headers["health-gateway-receipt"], receipt(refuse if thing["name"] == "t1" else None), headers=headers
            )
        await message.ack()

    async with client(url) as made:
        await made.jetstream().subscribe("health.>", durable="c", stream=STREAM, cb=take, manual_ack=True)
        yield seen


async def test_1_with_receipts_the_streams_word_is_not_enough(server: NatsServer, journal: Journal) -> None:
    await make_stream(server.url)
    await fill(journal, 30)
    async with driven(journal, NatsSink(section(server.url, ack="receiver", receipt_seconds=0.5), "gw")) as outlet:
        await until(lambda: outlet.problem is not None)
        assert "no receipt has come for 0 s; is the consumer running?" in str(outlet.problem)
        assert journal.cursor("queue") == 0
        async with consuming(server.url) as seen:
            outlet.retry()
            await until(lambda: journal.cursor("queue") == 30)
    assert list(dict.fromkeys(seen)) == expected(30)


async def test_a_consumer_may_refuse(server: NatsServer, journal: Journal) -> None:
    await make_stream(server.url)
    await fill(journal, 3)
    async with (
        consuming(server.url, refuse="no such person here"),
        driven(journal, NatsSink(section(server.url, ack="receiver"), "gw")),
    ):
        await until(lambda: journal.cursor("queue") == 3)
    assert journal.deferred("queue") == [(2, "the consumer: no such person here")]


async def test_4_a_receipt_that_was_lost_is_asked_for_with_another_copy(server: NatsServer, journal: Journal) -> None:
    """The stream drops what it knows; the consumer that confirmed it to a gateway which was away would never be asked again."""
    await make_stream(server.url)
    await fill(journal, 4)
    async with consuming(server.url, skip=4) as seen:
        away = NatsSink(section(server.url, ack="receiver", receipt_seconds=0.3), "gw")
        assert "no receipt" in await told(away, journal)
        async with driven(journal, NatsSink(section(server.url, ack="receiver", receipt_seconds=5), "gw")):
            await until(lambda: journal.cursor("queue") == 4)
    assert seen == expected(4) * 2


async def test_a_server_that_lets_us_hear_no_receipts_gets_nothing(journal: Journal, tmp_path: Path) -> None:
    denied = f'{{ subscribe: {{ deny: ["{receipt_subject("health", "gw")}"] }} }}'
    server = NatsServer(tmp_path / "nats", f"authorization {{ users: [ {{ user: gw, password: g, permissions: {denied} }} ] }}").start()
    (tmp_path / "password").write_text("g")
    try:
        await make_stream(server.url.replace("//", "//gw:g@"))
        await fill(journal, 1)
        settings = section(server.url, username="gw", password_file=tmp_path / "password", ack="receiver")
        assert "do not let us hear receipts at health.receipt.gw" in await told(NatsSink(settings, "gw"), journal)
        assert await kept(server.url.replace("//", "//gw:g@")) == []
    finally:
        server.stop()


# -- what goes wrong ---------------------------------------------------------------------------------------------------


async def test_what_is_wrong_is_said_in_one_line(journal: Journal, server: NatsServer, tmp_path: Path) -> None:
    await fill(journal, 1)
    closed = NatsServer(tmp_path / "closed", "authorization { user: gw, password: right }").start()
    password = tmp_path / "password"
    password.write_text("wrong")
    try:
        settings = section(closed.url, username="gw", password_file=password)
        assert "does not let us in; check `username`" in await told(NatsSink(settings, "gw"), journal)
        password.unlink()
        assert "password cannot be read: No such file" in await told(NatsSink(settings, "gw"), journal)
        assert "there is no such name" in await told(NatsSink(section("nats://nowhere.invalid:4222"), "gw"), journal)
        two = await told(NatsSink(section("nats://127.0.0.1:1", "nats://127.0.0.1:2"), "gw"), journal)
        assert two == "; ".join(f"127.0.0.1:{port}: nothing listens there; does the server run, and is the port right?" for port in (1, 2))
        async with deaf(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url:
            assert "this is no NATS server" in await told(NatsSink(section(url), "gw"), journal)
        async with deaf(b"") as url:
            assert "no answer; check the network" in await told(NatsSink(section(url, timeout_seconds=1), "gw"), journal)
    finally:
        closed.stop()


@asynccontextmanager
async def deaf(says: bytes) -> AsyncIterator[str]:
    """Something that is no NATS server."""
    writers: list[asyncio.StreamWriter] = []

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(says)

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"nats://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    for writer in writers:
        writer.close()
    listening.close()


async def test_certificates(journal: Journal, server: NatsServer, tmp_path: Path) -> None:
    await fill(journal, 1)
    authority, stranger = Authority(tmp_path, "authority"), Authority(tmp_path, "stranger")
    own, good, bad, old = authority.issue("server"), authority.issue("gw"), stranger.issue("guest"), authority.issue("old", expired=True)
    expired = NatsServer(tmp_path / "expired", f'tls {{ cert_file: "{old.certificate}", key_file: "{old.key}" }}').start()
    closed = NatsServer(
        tmp_path / "closed",
        f'tls {{ cert_file: "{own.certificate}", key_file: "{own.key}", ca_file: "{authority.certificate}", verify: true }}',
    ).start()
    tls: dict[str, Any] = {"tls": True, "ca_file": authority.certificate}

    def mine(pair: Any) -> dict[str, Any]:
        return {**tls, "certificate_file": pair.certificate, "key_file": pair.key}

    try:
        assert "certificate has expired" in await told(NatsSink(section(expired.url, **tls), "gw"), journal)
        assert "not signed by anybody we trust" in await told(NatsSink(section(closed.url, tls=True), "gw"), journal)
        for settings in (tls, mine(bad), mine(old)):
            assert "check `certificate_file`" in await told(NatsSink(section(closed.url, **settings), "gw"), journal)
        assert "no stream takes" in await told(NatsSink(section(closed.url.replace("nats:", "tls:"), **mine(good)), "gw"), journal)
        assert "none.pem: not usable for TLS" in await told(
            NatsSink(section(closed.url, tls=True, ca_file=tmp_path / "none.pem"), "gw"), journal
        )
    finally:
        expired.stop()
        closed.stop()


async def test_a_credentials_file(journal: Journal, tmp_path: Path) -> None:
    """A user's JWT, and the seed with which the server's question is signed: as hosted servers give them out."""
    await fill(journal, 1)
    operator, account, system, user = Key(OPERATOR), Key(ACCOUNT), Key(ACCOUNT), Key(USER)
    mine = account.token(user, "gw", {"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1})
    all_may = dict.fromkeys(("subs", "data", "payload", "conn", "leaf", "imports", "exports"), -1)
    stores = dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), -1)
    known = "\n".join(
        f"{one.public}: {operator.token(one, one.public, {'type': 'account', 'version': 2, 'limits': limits})}"
        for one, limits in ((account, all_may | stores), (system, all_may))
    )
    trusted = operator.token(operator, "op", {"type": "operator", "version": 2})
    rules = f"operator: {trusted}\nsystem_account: {system.public}\nresolver: MEMORY\nresolver_preload: {{ {known} }}"
    server = NatsServer(tmp_path / "n", rules).start()

    def settings(seed: str) -> NatsSection:
        return section(server.url, credentials_file=credentials(tmp_path / "gw.creds", mine, seed))

    try:
        assert "no stream takes" in await told(NatsSink(settings(user.seed), "gw"), journal)
        assert "does not let us in" in await told(NatsSink(settings(Key(USER).seed), "gw"), journal)
        assert "gw.creds is no credentials file" in await told(NatsSink(settings("SUNONE"), "gw"), journal)
    finally:
        server.stop()


async def test_a_password_never_goes_in_clear_where_tls_is_wanted(journal: Journal, tmp_path: Path) -> None:
    """The library encrypts where the server says so. One that does not say so must not hear who we are."""
    await fill(journal, 1)
    heard = bytearray()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"x","version":"2.10.0","max_payload":1048576,"auth_required":true,"headers":true}\r\n')
        heard.extend(await reader.read(1000))
        writer.close()

    (tmp_path / "password").write_text("s3cret")
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
        url = f"tls://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        settings = section(url, tls=True, username="gw", password_file=tmp_path / "password")
        assert "the server does not encrypt" in await told(NatsSink(settings, "gw"), journal)
        assert "the server does not encrypt" in await told(NatsSink(section(url, tls=True), "gw"), journal)
    assert b"s3cret" not in heard
    assert b"PUB" not in heard


async def test_a_server_that_hangs_is_left_and_found_again(journal: Journal, server: NatsServer) -> None:
    await make_stream(server.url)
    await fill(journal, 5)
    async with driven(journal, NatsSink(section(server.url, timeout_seconds=1), "gw")) as outlet:
        await until(lambda: journal.cursor("queue") == 5)
        server.signal(signal.SIGSTOP)
        await fill(journal, 5, first=5)
        outlet.wake()
        await until(lambda: outlet.problem is not None)
        assert "no answer" in str(outlet.problem)
        server.signal(signal.SIGCONT)
        outlet.retry()
        await until(lambda: journal.cursor("queue") == 10)
    assert names(await kept(server.url)) == expected(10)


async def test_check_tries_it(server: NatsServer, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[gateway]\nstate = "{tmp_path}"\n[sink.queue]\ntype = "nats"\nservers = ["{server.url}"]\n')

    async def checked() -> str:
        return (await asyncio.to_thread(CliRunner().invoke, root, ["check", "-c", str(config)])).output

    assert "no stream takes what we publish" in await checked()
    await make_stream(server.url)
    assert f"sink queue: {server.url} answers" in await checked()

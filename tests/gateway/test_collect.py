"""`collect` with a real PostgreSQL, a real Mosquitto and a real NATS server."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from gateway.collect.arrived import Arrived, Checked, Gate, proof_of
from gateway.collect.config import CollectConfig, DatabaseSection, MqttQueue, NatsQueue, VerifySection
from gateway.collect.mqtt import MqttFeed
from gateway.collect.nats import NatsFeed
from gateway.collect.worker import Worker
from gateway.config import parse_as
from gateway.config_sinks import MqttSection
from gateway.errors import ConfigError
from gateway.journal import Journal
from gateway.mqtt.properties import publish_properties
from gateway.provenance import Proof, Signer
from gateway.sinks.base import Sink
from gateway.sinks.mqtt import MqttSink
from gateway.sinks.nats import NatsSink
from tests.gateway.test_filing import facts, glucose, info, put
from tests.gateway.test_nats import client, make_stream, section
from tests.support.broker import DURABLE, Broker
from tests.support.driving import driven
from tests.support.fakes import until
from tests.support.nats_server import NatsServer
from tests.support.postgres import Postgres, running

EXAMPLE = Path(__file__).parents[2] / "systemd" / "collect.example.toml"
SIGNER = Signer(bytes(32))
GATE = Gate({SIGNER.key: SIGNER.public}, required=True)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running() as made:
        yield made


@pytest.fixture
def database(server: Postgres) -> Postgres:
    server.ask("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return server


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "journal.db", SIGNER)
    yield made
    made.close()


class Queue:
    """Either of them: a sink that fills it, workers that empty it."""

    def __init__(self, kind: str, place: Path) -> None:
        self.broker: Broker | NatsServer = Broker(place, DURABLE) if kind == "mqtt" else NatsServer(place)
        self.broker.start()

    @property
    def url(self) -> str:
        return self.broker.url if isinstance(self.broker, NatsServer) else f"mqtt://127.0.0.1:{self.broker.port}"

    async def prepare(self) -> None:
        if isinstance(self.broker, NatsServer):
            await make_stream(self.broker.url)
        else:
            said: list[str] = []
            worker = self.feed("w1", said)
            listening = asyncio.ensure_future(anext(aiter(worker.batches(1))))
            await until(lambda: said)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await worker.close()

    def sink(self, ack: str = "receiver") -> Sink:
        if isinstance(self.broker, NatsServer):
            return NatsSink(section(self.broker.url, ack=ack), "gw")
        return MqttSink(MqttSection.model_validate({"type": "mqtt", "host": "127.0.0.1", "port": self.broker.port, "ack": ack}), "gw")

    def feed(self, name: str, said: list[str]) -> MqttFeed | NatsFeed:
        if isinstance(self.broker, NatsServer):
            queue = NatsQueue.model_validate({"type": "nats", "servers": [self.broker.url], "ack_seconds": 5})
            return NatsFeed(queue, name, said.append)
        return MqttFeed(MqttQueue.model_validate({"type": "mqtt", "host": "127.0.0.1", "port": self.broker.port}), name, said.append)


@pytest.fixture(params=["mqtt", "nats"])
def queue(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Queue]:
    made = Queue(request.param, tmp_path / "queue")
    yield made
    made.broker.stop()


@asynccontextmanager
async def working(queue: Queue, database: Postgres, count: int = 1, gate: Gate = GATE, together: int = 100) -> AsyncIterator[list[Worker]]:
    said: list[str] = []
    settings = DatabaseSection(url=database.url, password_file=database.password_file)
    workers = [
        Worker(lambda name=f"w{number}": queue.feed(name, said), settings, gate, together, said.append, random.Random(number))  # type: ignore[misc]  # mypy infers no default's type
        for number in range(1, count + 1)
    ]
    tasks = [asyncio.create_task(worker.run()) for worker in workers]
    try:
        await until(lambda: sum("listening" in text for text in said) >= count)
        yield workers
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for worker in workers:
            await worker.close()


async def fill(journal: Journal, count: int, first: int = 0) -> None:
    await put(journal, *(glucose(number, str(100 + number)) for number in range(first + 1, first + count + 1)), about=info(), on=facts())


async def test_things_are_stored_as_they_are_and_only_then_confirmed(queue: Queue, database: Postgres, journal: Journal) -> None:
    await queue.prepare()
    await fill(journal, 40)
    async with working(queue, database), driven(journal, queue.sink()):
        await until(lambda: journal.cursor("queue") == 41)
    rows = {row.id: row for row in journal.after(0, 99)}
    found = database.ask("SELECT id, version, payload, n, key, previous, signature, verified, body->>'type', type, device FROM things")
    assert len(found) == 41
    for thing_id, version, payload, n, key, previous, signature, verified, kind, same, device in found:
        row = rows[thing_id]
        assert (version, bytes(payload).decode(), n) == (row.version, row.body, row.n)
        assert Proof(key, bytes(previous), bytes(signature)) == row.proof
        assert verified
        assert kind == same
        assert device == "system-id:AABBCCFFFE112233"


async def test_several_workers_share_the_work(queue: Queue, database: Postgres, journal: Journal) -> None:
    await queue.prepare()
    async with working(queue, database, 3) as workers, driven(journal, queue.sink()) as outlet:
        for round_ in range(5):
            await fill(journal, 60, 60 * round_)
            outlet.wake()
            await asyncio.sleep(0.05)
        await until(lambda: journal.cursor("queue") == 301)
    assert database.ask("SELECT count(*) FROM things") == [(301,)]
    assert all(worker.stored for worker in workers)


async def test_the_highest_version_counts_in_whatever_order_they_come(queue: Queue, database: Postgres, journal: Journal) -> None:
    await queue.prepare()
    for unit, value in (("mg/dL", "101"), ("mmol/L", "5.6")):
        await put(journal, glucose(1, value, unit), on=facts())
    newest, oldest = queue.sink(), queue.sink()
    async with working(queue, database):
        await newest.send(journal.after(1, 1))
        await oldest.send(journal.after(0, 1))
        await newest.close()
        await oldest.close()
    assert database.ask("SELECT version, body->'data'->'glucose'->'display'->>'unit' FROM things") == [(2, "mmol/L")]


async def test_a_database_that_goes_loses_nothing(queue: Queue, database: Postgres, journal: Journal) -> None:
    await queue.prepare()
    await fill(journal, 200)
    async with working(queue, database, 2), driven(journal, queue.sink()) as outlet:
        for _ in range(2):
            database.stop()
            await fill(journal, 100, journal.head())
            outlet.wake()
            await asyncio.sleep(0.3)
            database.start()
            await asyncio.sleep(0.3)
        await until(lambda: journal.cursor("queue") == journal.head(), 60)
    assert database.ask("SELECT count(*) FROM things") == [(journal.head(),)]


async def test_a_worker_that_dies_in_the_middle_loses_nothing(queue: Queue, database: Postgres, journal: Journal) -> None:
    await queue.prepare()
    async with driven(journal, queue.sink(ack="broker")) as outlet:
        for round_ in range(3):
            await fill(journal, 100, 100 * round_)
            outlet.wake()
            async with working(queue, database, together=10) as workers:
                await until(lambda workers=workers: workers[0].stored > 5)  # type: ignore[misc]  # mypy infers no default's type
        async with working(queue, database):
            await until(lambda: database.ask("SELECT count(*) FROM things") == [(301,)])
    assert database.ask("SELECT count(*) FROM refused") == [(0,)]


async def test_what_is_not_signed_by_a_known_gateway_is_refused_and_kept(queue: Queue, database: Postgres, tmp_path: Path) -> None:
    await queue.prepare()
    strange = Journal(tmp_path / "strange.db", Signer(bytes(31) + b"\1"))
    await fill(strange, 2)
    unsigned = Journal(tmp_path / "unsigned.db")
    await fill(unsigned, 1)
    async with working(queue, database):
        for other in (strange, unsigned):
            sink = queue.sink()
            answers = await sink.send(other.after(0, 9))
            assert len(answers) == other.head()
            await sink.close()
    said = {why for (why,) in database.ask("SELECT why FROM refused")}
    assert said == {"it is not signed", f"it is signed with a key that nobody here knows ({Signer(bytes(31) + bytes([1])).key})"}
    assert database.ask("SELECT count(*) FROM things") == [(0,)]
    assert database.ask("SELECT count(*) FROM refused") == [(5,)]
    strange.close()
    unsigned.close()


async def test_what_is_no_thing_or_more_than_a_database_holds_hinders_nobody(database: Postgres, tmp_path: Path, journal: Journal) -> None:
    queue = Queue("nats", tmp_path / "nats")
    await queue.prepare()
    no_such_day = b'{"id":"x","version":1,"type":"weight","when":{"time":"2026-02-31T00:00:00+00:00"}}'
    many = b'{"id":"y","version":99999999999,"type":"weight","when":{"time":"2026-02-01T00:00:00+00:00"}}'
    zero = b'{"id":"z","version":1,"type":"weight","when":{"time":"2026-02-01T00:00:00+00:00"},"note":"a\\u0000b"}'
    try:
        async with client(queue.url) as made:
            for payload in (b"hello", b"[]", b'{"id":1}', no_such_day, many, zero):
                await made.jetstream().publish("health.unassigned.weight", payload)
        await fill(journal, 3)
        async with working(queue, database, gate=Gate(None, required=False)), driven(journal, queue.sink()):
            await until(lambda: journal.cursor("queue") == 4)
            await until(lambda: database.ask("SELECT count(*) FROM refused") == [(5,)])
    finally:
        queue.broker.stop()
    assert database.ask("SELECT why, count(*) FROM refused GROUP BY why ORDER BY why") == [
        ("the database cannot hold it", 2),
        ("this is no thing", 3),
    ]
    assert database.ask("SELECT payload FROM things WHERE id = 'z'") == [(zero,)]
    assert database.ask("SELECT body->>'note' FROM things WHERE id = 'z'") == [("a\ufffdb",)]


async def test_no_receipt_goes_anywhere_but_where_receipts_go(queue: Queue, database: Postgres, tmp_path: Path) -> None:
    """Nobody may have a worker publish for them."""
    await queue.prepare()
    thing = b'{"id":"x","version":1,"type":"weight","when":{"time":"2026-02-01T00:00:00+00:00"}}'
    heard: list[str] = []
    async with working(queue, database, gate=Gate(None, required=False)):
        if isinstance(queue.broker, NatsServer):
            async with client(queue.url) as made:

                async def note(message: Any) -> None:
                    heard.append(message.subject)

                for subject in ("alarm.off", "health.receipt.gw"):
                    await made.subscribe(subject, cb=note)
                for number, to in enumerate(("alarm.off", "health.receipt.gw")):
                    headers = {"health-gateway-receipt": to, "Nats-Msg-Id": f"x/1/{number}"}
                    await made.jetstream().publish("health.unassigned.weight", thing, headers=headers)
                await until(lambda: heard)
        else:
            async with aiomqtt.Client("127.0.0.1", queue.broker.port, protocol=aiomqtt.ProtocolVersion.V5) as other:
                for topic in ("alarm/off", "health/receipt/gw"):
                    await other.subscribe(topic, qos=1)
                for topic in ("alarm/off", "health/receipt/gw"):
                    properties = publish_properties(ResponseTopic=topic, CorrelationData=b"x/1")
                    await other.publish("health/unassigned/weight", thing, qos=1, properties=properties)
                async with asyncio.timeout(30):
                    heard.append(str((await anext(aiter(other.messages))).topic).replace("/", "."))
        await until(lambda: database.ask("SELECT count(*) FROM things") == [(1,)])
    assert heard == ["health.receipt.gw"]


def test_every_octet_of_what_was_signed_counts() -> None:
    body = b'{"id":"x","version":1,"type":"weight","when":{"time":"2026-02-01T00:00:00+00:00"}}'
    from gateway.provenance import statement  # noqa: PLC0415 - for this test

    proof = Proof(SIGNER.key, bytes(32), SIGNER.sign(statement(7, bytes(32), body)))

    def look(body: bytes = body, n: int = 7, proof: Proof = proof) -> Checked | str:
        return GATE.check(Arrived(body, n, proof, lambda _why: None))

    assert isinstance(look(), Checked)
    for at in range(len(body)):
        changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        assert look(changed) in ("its signature is not what was signed", "this is no thing")
    assert look(n=8) == "its signature is not what was signed"
    for at in range(64):
        signature = proof.signature[:at] + bytes([proof.signature[at] ^ 1]) + proof.signature[at + 1 :]
        assert look(proof=proof._replace(signature=signature)) == "its signature is not what was signed"
    assert look(proof=proof._replace(previous=bytes(31) + b"\1")) == "its signature is not what was signed"
    lenient = Gate({SIGNER.key: SIGNER.public}, required=False)
    assert lenient.check(Arrived(body, 8, proof, lambda _why: None)) == "its signature is not what was signed", (
        "what is wrong is never taken"
    )
    unsigned = lenient.check(Arrived(body, None, None, lambda _why: None))
    assert isinstance(unsigned, Checked)
    assert not unsigned.verified


def test_what_stands_beside_a_thing_is_all_there_or_not_at_all() -> None:
    whole = {"n": "7", "key": "ab", "previous": "00", "signature": "01"}
    assert proof_of(whole) == (7, Proof("ab", b"\0", b"\1"))
    for name in whole:
        assert proof_of({key: text for key, text in whole.items() if key != name}) == (None, None)
    for n in ("x", "0", "-1", str(1 << 63)):
        assert proof_of(whole | {"n": n}) == (None, None)


# -- the command -------------------------------------------------------------------------------------------------------


def collect(*arguments: str) -> str:
    """What it says; a process of its own, for it takes signals."""
    command = [sys.executable, "-m", "gateway", "collect", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stderr


def written(path: Path, database: Postgres, url: str, more: str = "", password: Path | None = None) -> Path:
    file = path / "collect.toml"
    file.write_text(
        f'[queue]\ntype = "nats"\nservers = ["{url}"]\n[database]\nurl = "{database.url}"\n'
        f'password_file = "{password or database.password_file}"\n{more}'
    )
    return file


async def test_the_command(database: Postgres, journal: Journal, tmp_path: Path) -> None:
    queue = Queue("nats", tmp_path / "nats")
    await queue.prepare()
    await fill(journal, 20)
    sink = queue.sink(ack="broker")
    await sink.send(journal.after(0, 99))
    await sink.close()
    keys = tmp_path / "keys"
    keys.mkdir()
    try:
        file = written(tmp_path, database, queue.url, f'[verify]\nkeys = "{keys}"\n')
        empty = await asyncio.to_thread(collect, "-c", str(file), "--seconds", "1")
        assert "holds no public key (*.pub), so that everything would be refused" in empty
        (keys / "hall.pub").write_text(SIGNER.public.hex() + "\n")
        wrong = tmp_path / "wrong"
        wrong.write_text("wrong")
        bad = await asyncio.to_thread(
            collect,
            "-c",
            str(written(tmp_path, database, queue.url, "", wrong)),
            "--seconds",
            "1",
        )
        assert "the database: it does not accept user and password; check `database.url` and `database.password_file`" in bad
        file = written(tmp_path, database, queue.url, f'[verify]\nkeys = "{keys}"\n')
        good = await asyncio.to_thread(collect, "-c", str(file), "--seconds", "3")
    finally:
        queue.broker.stop()
    assert "the database is there" in good
    assert "21 things stored" in good
    assert database.ask("SELECT count(*) FROM things WHERE verified") == [(21,)]
    refused = await asyncio.to_thread(collect, "-c", str(file), "--seconds", "1")
    assert "nothing listens there; does the server run" in refused


def test_every_mistake_of_the_file_is_told_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "collect.toml"
    file.write_text('[queue]\ntype = "nats"\nserver = "x"\n[database]\nurl = "mysql://x"\n')
    with pytest.raises(ConfigError) as error:
        parse_as(CollectConfig, file, file.read_text())
    told = str(error.value)
    assert f"{file}:5: database.url" in told
    assert "queue.servers" in told
    assert "queue.server: unknown key; did you mean 'servers'?" in told
    assert "none.toml: cannot be read: No such file" in collect("-c", str(tmp_path / "none.toml"))


def test_the_example_is_valid_and_says_what_the_models_say() -> None:
    text = EXAMPLE.read_text()
    parse_as(CollectConfig, EXAMPLE, text)
    flat = " ".join(line.lstrip("# ") for line in text.splitlines())
    for model in (CollectConfig, MqttQueue, NatsQueue, DatabaseSection, VerifySection):
        for name, field in model.model_fields.items():
            if field.description and name != "protocol":
                assert f"{name} = " in text or f"[{name}]" in text, name
                assert field.description in flat, f"{name}: {field.description!r}"


async def test_tables_of_a_later_version_are_left_alone(database: Postgres, tmp_path: Path) -> None:
    database.ask("CREATE TABLE migrations (number integer PRIMARY KEY, run_at timestamptz); INSERT INTO migrations VALUES (99)")
    found = await asyncio.to_thread(collect, "-c", str(written(tmp_path, database, "nats://127.0.0.1:1")), "--seconds", "1")
    assert "the tables are a later version's (99, this one knows 1); update the workers first" in found

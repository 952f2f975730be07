"""The mqtt sink and its outlet against a real Mosquitto."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gateway.config_sinks import MqttSection
from gateway.journal import Commit, Journal
from gateway.mqtt.client import Client, Lost
from gateway.mqtt.consumer import Consumer, Store
from gateway.mqtt.contract import topic_of
from gateway.mqtt.properties import Template, publish_properties
from gateway.provenance import Proof, Signed, Signer, Verdict, verify
from gateway.receipts import receipt
from gateway.sinks.base import Unreachable
from gateway.sinks.file import FileSink
from gateway.sinks.mqtt import MqttSink
from tests.support.broker import DURABLE, Broker
from tests.support.certificates import Authority
from tests.support.driving import driven
from tests.support.fakes import until
from tests.support.things import candidate


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    started = Broker(tmp_path / "broker", DURABLE).start()
    yield started
    started.stop()


def section(port: int, **named: Any) -> MqttSection:
    return MqttSection(type="mqtt", host="127.0.0.1", port=port, settle_seconds=named.pop("settle_seconds", 0), **named)


async def fill(journal: Journal, count: int, *, first: int = 0, person: str | None = "anna", size: int = 600) -> None:
    await journal.commit(Commit("", tuple(candidate(f"t{number}", person=person, size=size) for number in range(first, first + count))))


@asynccontextmanager
async def consuming(settings: MqttSection, out: Path | None = None, *, name: str = "consumer") -> AsyncIterator[list[dict[str, Any]]]:
    """What a consumer has printed so far."""
    seen: list[dict[str, Any]] = []
    said: list[str] = []
    store = Store(out)
    consumer = Consumer(settings, settings.topic, name, store, lambda payload: seen.append(json.loads(payload)), said.append)
    task = asyncio.create_task(consumer.run())
    try:
        await until(lambda: any("listening" in text for text in said))
        yield seen
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        store.close()


def kept(path: Path) -> dict[str, int]:
    store = Store(path)
    store.close()
    return store.highest


def numbers(things: list[dict[str, Any]]) -> list[int]:
    return [int(thing["name"][1:]) for thing in things]


# -- the way of a thing ------------------------------------------------------------------------------------------------


async def test_things_arrive_as_they_are_in_order(broker: Broker, journal: Journal) -> None:
    """Payload, topic and properties are those of docs/queue.md; nothing is retained."""
    settings = section(broker.port)
    await fill(journal, 300)
    async with aiomqtt.Client("127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5) as watcher:
        await watcher.subscribe("health/#", qos=1)
        async with driven(journal, MqttSink(settings, "gw")):
            await until(lambda: journal.cursor("queue") == 300)
        received = [await anext(aiter(watcher.messages)) for _ in range(300)]
    rows = journal.after(0, 500)
    assert [message.payload for message in received] == [row.body.encode() for row in rows]
    first = received[0]
    assert str(first.topic) == "health/person/anna/weight"
    assert (first.qos, first.retain) == (1, False)
    said: Any = first.properties
    assert said.ContentType == "application/json"
    assert dict(said.UserProperty) == {"id": rows[0].id, "version": "1"}


async def test_a_signature_goes_beside_the_thing_that_was_signed(broker: Broker, tmp_path: Path) -> None:
    """Whoever receives it needs the public key alone."""
    signer, journal = Signer(bytes(32)), Journal(tmp_path / "signed.db", Signer(bytes(32)))
    await fill(journal, 3)
    async with aiomqtt.Client("127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5) as watcher:
        await watcher.subscribe("health/#", qos=1)
        async with driven(journal, MqttSink(section(broker.port), "gw")):
            await until(lambda: journal.cursor("queue") == 3)
        received: list[Any] = [await anext(aiter(watcher.messages)) for _ in range(3)]
    journal.close()
    said = [dict(message.properties.UserProperty) for message in received]
    things = [
        Signed(int(one["n"]), message.payload, Proof(one["key"], bytes.fromhex(one["previous"]), bytes.fromhex(one["signature"])))
        for one, message in zip(said, received, strict=True)
    ]
    verdict = Verdict()
    assert list(verify(things, signer.public, verdict)) == []
    assert verdict.signed == 3


@pytest.mark.parametrize(
    ("person", "kind", "topic"),
    [
        ("anna", "weight", "h/person/anna/weight"),
        ("a/b+c#é", "weight", "h/person/a%2Fb%2Bc%23%C3%A9/weight"),
        (None, "weight", "h/unassigned/weight"),
        (None, "device", "h/device"),
    ],
)
def test_a_persons_name_cannot_leave_its_level(person: str | None, kind: str, topic: str) -> None:
    assert topic_of("h", person, kind) == topic


async def test_1_a_broker_that_dies_before_it_has_saved_loses_nothing(broker: Broker, journal: Journal, tmp_path: Path) -> None:
    """`kill -9` under load: what it had acknowledged and not saved is sent again."""
    settings = section(broker.port, settle_seconds=3)
    async with consuming(settings, tmp_path / "out"):
        pass  # its session stays, and it is away
    await asyncio.sleep(2.5)  # until the broker has saved that session
    async with driven(journal, MqttSink(settings, "gw")) as outlet:
        for start in range(0, 500, 100):
            await fill(journal, 100, first=start)
            outlet.wake()
            await until(lambda start=start: outlet._ledger.sent >= start + 100)  # type: ignore[misc]  # bound on its line
        assert journal.cursor("queue") < 500, "not settled yet"
        broker.kill()
        broker.start()
        await until(lambda: journal.cursor("queue") == 500, 20)
    async with consuming(settings, tmp_path / "out") as seen:
        await until(lambda: len(seen) == 500)
    assert sorted(numbers(seen)) == list(range(500))


async def test_2_the_brokers_receive_maximum_is_kept(journal: Journal, tmp_path: Path) -> None:
    """Mosquitto closes the connection of a client that has more under way than it allows."""
    broker = Broker(tmp_path / "broker", DURABLE + "max_inflight_messages 3\n").start()
    await fill(journal, 200)
    async with consuming(section(broker.port)) as seen, driven(journal, MqttSink(section(broker.port, in_flight=100), "gw")) as outlet:
        await until(lambda: len(seen) == 200)
        assert outlet.problem is None
    broker.stop()


async def test_3_a_refusal_defers_that_thing_and_no_other(journal: Journal, tmp_path: Path) -> None:
    """An ACL that lets everything through but one person; the owner mends it and says so."""
    rules = tmp_path / "acl"
    rules.write_text("topic read #\ntopic write health/person/anna/+\n")
    broker = Broker(tmp_path / "broker", DURABLE + f"acl_file {rules}\n").start()
    await fill(journal, 3)
    await fill(journal, 2, first=3, person="ben")
    await fill(journal, 3, first=5)
    async with consuming(section(broker.port)) as seen, driven(journal, MqttSink(section(broker.port), "gw")) as outlet:
        await until(lambda: journal.cursor("queue") == 8)
        await until(lambda: numbers(seen) == [0, 1, 2, 5, 6, 7])
        assert journal.deferred("queue") == [(n, "the broker's rules do not allow it (0x87)") for n in (4, 5)]
        rules.write_text("topic readwrite #\n")
        broker.signal(signal.SIGHUP)
        await asyncio.sleep(0.5)
        outlet.retry()
        await until(lambda: len(seen) == 8)
        await until(lambda: journal.deferred("queue") == [])
    broker.stop()


async def test_3_a_thing_too_large_for_the_broker_is_deferred(journal: Journal, tmp_path: Path) -> None:
    broker = Broker(tmp_path / "broker", DURABLE + "max_packet_size 5000\n").start()
    await fill(journal, 1)
    await fill(journal, 1, first=1, size=6000)
    await fill(journal, 1, first=2)
    async with consuming(section(broker.port)) as seen, driven(journal, MqttSink(section(broker.port), "gw")):
        await until(lambda: len(seen) == 2)
        await until(lambda: journal.deferred("queue") == [(2, "too large for the broker (0x95)")])
    broker.stop()


async def test_3_a_thing_at_which_the_broker_hangs_up_is_found_and_deferred(journal: Journal, tmp_path: Path) -> None:
    """Mosquitto 2.0.11 of Debian 12 with `max_queued_messages 0` closes the connection at what its rules forbid."""
    rules = tmp_path / "acl"
    rules.write_text("topic read #\ntopic write health/person/anna/+\n")
    broker = Broker(tmp_path / "broker", f"max_queued_messages 0\nacl_file {rules}\n").start()
    await fill(journal, 3)
    await fill(journal, 1, first=3, person="ben")
    await fill(journal, 3, first=4)
    sink = MqttSink(section(broker.port), "gw")
    async with consuming(section(broker.port)) as seen, driven(journal, sink) as outlet:
        outlet._pause = lambda failures: 0.05  # type: ignore[method-assign]  # this is not what is tested
        await until(lambda: journal.cursor("queue") == 7, 20)
        await until(lambda: numbers(seen) == [0, 1, 2, 4, 5, 6])
    assert [n for n, _ in journal.deferred("queue")] == [4]
    broker.stop()


async def test_3_what_nobody_subscribes_to_waits_in_order_and_hinders_nobody(broker: Broker, journal: Journal) -> None:
    """0x10 holds the line of that person; others go on. When somebody listens, the line goes out as it stands."""
    settings = section(broker.port)
    async with aiomqtt.Client("127.0.0.1", broker.port) as watcher:
        await watcher.subscribe("health/person/ben/#", qos=1)
        async with driven(journal, MqttSink(settings, "gw")) as outlet:
            await fill(journal, 3)
            await fill(journal, 2, first=3, person="ben")
            await fill(journal, 3, first=5)
            outlet.wake()
            await until(lambda: journal.cursor("queue") == 8)
            assert [n for n, _, _ in journal.held("queue")] == [1, 2, 3, 6, 7, 8]
            assert outlet.problem == "6 things wait: nobody subscribes to health/person/anna/weight"
            await fill(journal, 1, first=8)
            outlet.wake()
            await until(lambda: journal.cursor("queue") == 9)
            async with consuming(settings) as seen:
                await until(lambda: numbers(seen) == [0, 1, 2, 5, 6, 7, 8], 20)
            await until(lambda: journal.held("queue") == [])
            assert outlet.problem is None


async def test_3_unless_the_owner_does_not_mind(broker: Broker, journal: Journal) -> None:
    await fill(journal, 3)
    async with driven(journal, MqttSink(section(broker.port, accept_no_subscriber=True), "gw")):
        await until(lambda: journal.cursor("queue") == 3)
    assert journal.held("queue") == []


async def test_what_is_held_outlives_a_restart(broker: Broker, journal: Journal) -> None:
    settings = section(broker.port)
    await fill(journal, 2)
    async with driven(journal, MqttSink(settings, "gw")):
        await until(lambda: len(journal.held("queue")) == 2)
    async with consuming(settings) as seen, driven(journal, MqttSink(settings, "gw")):
        await until(lambda: numbers(seen) == [0, 1])


async def answer(client: aiomqtt.Client, message: aiomqtt.Message, payload: bytes) -> None:
    """Send a receipt by hand, as the properties of the message ask for it."""
    asked: Any = message.properties
    await client.publish(asked.ResponseTopic, payload, qos=1, properties=publish_properties(CorrelationData=asked.CorrelationData))


# -- receipts ------------------------------------------------------------------------------------------------------------


async def test_1_with_receipts_the_brokers_word_is_not_enough(broker: Broker, journal: Journal, tmp_path: Path) -> None:
    """The consumer is away: the broker has everything, the cursor stays; it comes back, and everything is confirmed once."""
    settings = section(broker.port, ack="receiver", receipt_seconds=0.5)
    async with consuming(settings, tmp_path / "out"):
        pass
    await fill(journal, 50)
    async with driven(journal, MqttSink(settings, "gw")) as outlet:
        await until(lambda: "no receipt has come" in (outlet.problem or ""))
        assert journal.cursor("queue") == 0
        async with consuming(settings, tmp_path / "out") as seen:
            await until(lambda: journal.cursor("queue") == 50, 15)
    assert numbers(seen) == list(range(50))
    assert len((tmp_path / "out").read_bytes().splitlines()) == 50


async def test_a_broker_that_lets_us_hear_no_receipts_gets_nothing(
    broker: Broker, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it is tried: without receipts nothing could ever be counted as delivered."""

    async def refused(_client: Client, name: str) -> None:
        raise Lost(f"the broker does not let us hear {name}; mend its rules")

    monkeypatch.setattr(Client, "listen", refused)
    await fill(journal, 1)
    sink = MqttSink(section(broker.port, ack="receiver", receipt_seconds=0.2), "gw")
    for _ in range(2):
        with pytest.raises(Unreachable, match="does not let us hear health/receipt/gw"):
            await sink.send(journal.after(0, 1))
    assert sink.connection is None


async def test_4_what_waits_for_its_receipt_is_not_sent_again(broker: Broker, journal: Journal, tmp_path: Path) -> None:
    settings = section(broker.port, ack="receiver", receipt_seconds=0.3)
    async with aiomqtt.Client("127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5) as watcher:
        await watcher.subscribe("health/#", qos=1)
        await fill(journal, 5)
        async with driven(journal, MqttSink(settings, "gw")) as outlet:
            await until(lambda: outlet.problem is not None)
            outlet.retry()
            await asyncio.sleep(0.5)
            assert len(watcher.messages) == 5
            for _ in range(5):
                message = await anext(aiter(watcher.messages))
                await answer(watcher, message, receipt())
            await until(lambda: journal.cursor("queue") == 5, 15)


async def test_a_consumer_may_refuse(broker: Broker, journal: Journal) -> None:
    """The thing is deferred with the consumer's own words; a receipt that is none says so."""
    settings = section(broker.port, ack="receiver")
    answers = [receipt("no such person"), receipt(), b"what?"]
    async with aiomqtt.Client("127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5) as consumer:
        await consumer.subscribe("health/person/#", qos=1)
        await fill(journal, 3)
        async with driven(journal, MqttSink(settings, "gw")):
            for payload in answers:
                await answer(consumer, await anext(aiter(consumer.messages)), payload)
            await until(lambda: journal.cursor("queue") == 3)
    assert journal.deferred("queue") == [(1, "the consumer: no such person"), (3, "the consumer: its receipt is none (docs/queue.md)")]


async def test_a_consumer_keeps_the_highest_version_and_sends_no_receipt_elsewhere(broker: Broker, tmp_path: Path) -> None:
    settings = section(broker.port)
    async with (
        consuming(settings, tmp_path / "out") as seen,
        Client("127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5) as gateway,
    ):
        await gateway.listen("elsewhere/#", "health/receipt/gw")
        for version, answer_to in ((2, "health/receipt/gw"), (1, "health/receipt/gw"), (3, "elsewhere/x")):
            body = json.dumps({"id": "a", "version": version}).encode()
            properties = publish_properties(ResponseTopic=answer_to, CorrelationData=b"%d" % version)
            gateway.publish_soon("health/person/anna/weight", body, properties, lambda _code: None)
        gateway.publish_soon(
            "health/person/anna/weight", b"no thing", publish_properties(ResponseTopic="health/receipt/gw"), lambda _code: None
        )
        heard = gateway.heard()
        answers = [await anext(heard) for _ in range(3)]
        assert [str(message.topic) for message in answers] == ["health/receipt/gw"] * 3
        assert answers[2].payload == receipt("this is no thing")
        assert [thing["version"] for thing in seen] == [2, 3]
    assert len((tmp_path / "out").read_bytes().splitlines()) == 2
    assert kept(tmp_path / "out") == {"a": 3}


# -- what goes wrong with connections --------------------------------------------------------------------------------------


async def told(journal: Journal, settings: MqttSection) -> str:
    """The one line that the owner reads; nothing has moved, and another sink has what this one waits for."""
    await fill(journal, 1)
    place = settings.password_file.parent if settings.password_file else journal.path.parent
    beside = driven(journal, FileSink(place / "things.ndjson"), "file")
    async with beside, driven(journal, MqttSink(settings, "gw")) as outlet:
        await until(lambda: outlet.problem is not None and journal.cursor("file") == journal.head(), 25)
        assert journal.cursor("queue") == 0
        assert outlet.problem is not None
        return outlet.problem


@pytest.fixture
def passwords(tmp_path: Path) -> Path:
    """A user named gateway whose password is right."""
    path = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(path), "gateway", "right"], check=True, capture_output=True)
    return path


async def test_a_wrong_password_is_one_clear_line(journal: Journal, tmp_path: Path, passwords: Path) -> None:
    secret = tmp_path / "secret"
    broker = Broker(tmp_path / "broker", f"password_file {passwords}\n", listener="allow_anonymous false\n").start()
    settings = section(broker.port, username="gateway", password_file=secret)
    secret.write_text("wrong\n")
    line = await told(journal, settings)
    assert line == f"127.0.0.1:{broker.port}: the broker does not let us in; check `username`, `password_file` and the broker's rules"
    secret.write_text("right\n")
    async with consuming(settings) as seen, driven(journal, MqttSink(settings, "gw")):
        await until(lambda: len(seen) == 1)
    broker.stop()


async def test_a_name_that_does_not_exist_is_one_clear_line(journal: Journal) -> None:
    line = await told(journal, MqttSection(type="mqtt", host="no-such-broker.invalid"))
    assert line.startswith("no-such-broker.invalid:1883: ")
    assert "name" in line
    assert "\n" not in line


async def test_a_port_where_nothing_listens_is_one_clear_line(journal: Journal, broker: Broker) -> None:
    broker.stop()
    assert "nothing listens there" in await told(journal, section(broker.port))


async def test_certificates(journal: Journal, tmp_path: Path) -> None:
    """Refused ones are told for what they are; the right one goes through. A stranger's broker gets nothing."""
    authority, stranger = Authority(tmp_path, "authority"), Authority(tmp_path, "stranger")
    own, good, bad = authority.issue("broker"), authority.issue("gateway"), stranger.issue("impostor")
    old = authority.issue("old", expired=True)
    listener = (
        f"allow_anonymous true\ncafile {authority.certificate}\ncertfile {own.certificate}\nkeyfile {own.key}\nrequire_certificate true\n"
    )
    broker = Broker(tmp_path / "broker", DURABLE, listener=listener).start()

    def with_(**named: Any) -> MqttSection:
        return section(broker.port, tls=True, **{"ca_file": authority.certificate, **named})

    # TLS 1.3 tells it in an alert, which the end of the connection may overtake; then the line names both possibilities.
    either = "the broker breaks TLS off: it refuses our client certificate, or wants one"
    refused = await told(journal, with_(certificate_file=bad.certificate, key_file=bad.key))
    assert "the broker refuses our client certificate: it does not trust who signed it" in refused or either in refused
    expired = await told(journal, with_(certificate_file=old.certificate, key_file=old.key))
    assert "it has expired" in expired or either in expired
    none = await told(journal, with_())
    assert "the broker wants a client certificate" in none or either in none
    unknown = await told(journal, with_(ca_file=stranger.certificate, certificate_file=good.certificate, key_file=good.key))
    assert "not signed by anybody we trust" in unknown
    assert "cannot be read" in await told(journal, with_(password_file=tmp_path / "missing"))
    assert "not usable for TLS" in await told(journal, with_(certificate_file=tmp_path / "missing"))
    right = with_(certificate_file=good.certificate, key_file=good.key)
    async with consuming(right) as seen, driven(journal, MqttSink(right, "gw")):
        await until(lambda: len(seen) == 1)
    broker.stop()


async def test_a_broker_that_hangs_is_left_and_found_again(journal: Journal, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.sinks.mqtt.PUBACK_SECONDS", 0.5)
    settings = section(broker.port)
    async with consuming(settings) as seen, driven(journal, MqttSink(settings, "gw")) as outlet:
        await fill(journal, 1)
        outlet.wake()
        await until(lambda: len(seen) == 1)
        broker.signal(signal.SIGSTOP)
        await fill(journal, 5, first=1)
        outlet.wake()
        await until(lambda: "no acknowledgement within" in (outlet.problem or ""))
        broker.signal(signal.SIGCONT)
        await until(lambda: journal.cursor("queue") == 6, 20)
        await until(lambda: len(seen) == 6)


async def test_mqtt_3_1_1_goes_without_words(broker: Broker, journal: Journal) -> None:
    settings = section(broker.port, protocol="3.1.1")
    await fill(journal, 10)
    async with consuming(settings) as seen, driven(journal, MqttSink(settings, "gw")):
        await until(lambda: numbers(seen) == list(range(10)))
        await until(lambda: journal.cursor("queue") == 10)
    assert " as gw (p2, " in broker.log(), "Mosquitto's number for 3.1.1"


def test_properties_filled_into_a_template_are_those_that_paho_packs() -> None:
    same = {"PayloadFormatIndicator": 1, "ContentType": "application/json", "ResponseTopic": "health/receipt/" + "g" * 120}
    user = {"id": "ä" * 60, "version": "12"}
    filled = Template(**same).filled(user, b"key\x00 12")
    paho: Any = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho leaves it untyped
    read, length = paho.unpack(filled.pack())
    assert length == len(filled.pack()) > 0x80, "long enough for a length of two octets"
    expected: Any = publish_properties(**same, UserProperty=list(user.items()), CorrelationData=b"key\x00 12")
    assert read.json() == expected.json()

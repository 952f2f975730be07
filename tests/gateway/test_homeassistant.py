"""The `homeassistant` sink at a real broker, heard as Home Assistant hears it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from drivers import BloodPressure, Key, Quantity
from gateway import inbox
from gateway.config import DeviceSection
from gateway.config_sinks import HomeAssistantSection
from gateway.homeassistant.discovery import Topics, measuring, of_owner, person
from gateway.homeassistant.memory import Memory
from gateway.homeassistant.topics import slug
from gateway.journal import Journal, Row
from gateway.mqtt.client import Client, Lost
from gateway.quantities import said
from gateway.sinks.base import Unreachable
from gateway.sinks.homeassistant import HomeAssistantSink
from profiles.times import DateTime
from tests.gateway.test_filing import FRAME, TIME, A, facts, glucose, info, put
from tests.support.broker import DURABLE, Broker
from tests.support.driving import driven
from tests.support.fakes import until

ANNA = DeviceSection(address=A, person="anna")
BASE, NODE = "health-gateway/c0ffee00", "health_gateway_c0ffee00"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path / "broker", DURABLE).start()
    yield made
    made.stop()


def sink(broker: Broker, **more: Any) -> HomeAssistantSink:
    return HomeAssistantSink(HomeAssistantSection(type="homeassistant", host="127.0.0.1", port=broker.port, **more), "c0ffee00")


class Home:
    """What Home Assistant has heard: discovery and availability as they stand, and each state in its order."""

    def __init__(self) -> None:
        self.discovered: dict[str, Any] = {}
        self.states: list[tuple[str, Any]] = []
        self.availability: list[str] = []
        self.retained: list[str] = []
        self.client: aiomqtt.Client

    def hear(self, message: aiomqtt.Message) -> None:
        topic, payload = str(message.topic), bytes(message.payload).decode()
        if topic.startswith("homeassistant/device/"):
            self.discovered[topic.split("/")[2]] = json.loads(payload)
        elif topic == f"{BASE}/availability":
            self.availability.append(payload)
        elif topic.startswith(BASE):
            self.states.append((topic.removeprefix(f"{BASE}/"), json.loads(payload)["value"]))
            if message.retain:
                self.retained.append(topic)

    def values(self, owner: str = "person_anna") -> dict[str, Any]:
        return {topic.split("/")[1]: value for topic, value in self.states if topic.startswith(f"{owner}/")}


@asynccontextmanager
async def home(broker: Broker) -> AsyncIterator[Home]:
    heard = Home()
    async with aiomqtt.Client("127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        heard.client = client
        await client.subscribe([("homeassistant/device/#", 1), (f"{BASE}/#", 1)])

        async def listen() -> None:
            async for message in client.messages:
                heard.hear(message)

        listening = asyncio.create_task(listen())
        try:
            yield heard
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


def at(number: int, value: str, hour: int) -> Any:
    moment = DateTime(2026, 3, 13, hour, 0, 0)
    return replace(glucose(number, value, "mmol/L"), device_time=moment, key=Key.sequence(number, moment))


def pressure(systolic: int) -> BloodPressure:
    key = Key.content(TIME, None, b"p", 0)
    parts = {name: Quantity(Decimal(value), "mm[Hg]") for name, value in (("systolic", systolic), ("diastolic", 80), ("mean", 93))}
    return BloodPressure(frame=FRAME, key=key, device_time=TIME, **parts)  # type: ignore[arg-type]  # by name


async def test_people_and_devices_are_discovered_with_their_newest_readings(journal: Journal, broker: Broker) -> None:
    await put(journal, at(1, "5.6", 7), at(2, "6.1", 9), at(3, "5.9", 8), pressure(120), on=facts(settings=ANNA), about=info())
    async with home(broker) as heard, driven(journal, sink(broker), "home"):
        await until(lambda: journal.cursor("home") == journal.head())
        await until(lambda: heard.availability == ["online"] and len(heard.states) == 5)
    assert heard.values() == {"glucose": "6.1", "systolic": "120", "diastolic": "80", "mean_pressure": "93"}
    assert len(heard.states) == 5, "each entity once, and when the meter measured last"
    assert heard.retained == []
    assert set(heard.discovered) == {NODE, f"{NODE}_person_anna", next(one for one in heard.discovered if "device_" in one)}
    anna = heard.discovered[f"{NODE}_person_anna"]
    assert anna["device"] == {"identifiers": [f"{NODE}_person_anna"], "name": "anna", "via_device": NODE}
    assert anna["components"]["glucose"] == {
        "platform": "sensor",
        "unique_id": f"{NODE}_person_anna_glucose",
        "name": "Blood glucose",
        "state_topic": f"{BASE}/person_anna/glucose",
        "value_template": "{{ value_json.value }}",
        "json_attributes_topic": f"{BASE}/person_anna/glucose",
        "json_attributes_template": "{{ value_json.about | tojson }}",
        "unit_of_measurement": "mmol/L",
        "device_class": "blood_glucose_concentration",
        "suggested_display_precision": 1,
        "state_class": "measurement",
    }
    [meter] = [told for name, told in heard.discovered.items() if "_device_" in name]
    assert meter["device"] | {"name": ""} == meter["device"] | {"name": "", "manufacturer": "M", "model": "G1", "serial_number": "4711"}
    assert heard.availability[-1] == "offline", "it says so when it stops"


async def test_an_older_reading_is_not_shown_after_a_newer_one(journal: Journal, broker: Broker) -> None:
    """A meter tells what it had kept; a gateway that starts again tells nothing that it has told."""
    await put(journal, at(5, "6.1", 9), on=facts(settings=ANNA))
    async with home(broker) as heard:
        async with driven(journal, sink(broker), "home"):
            await until(lambda: heard.values() == {"glucose": "6.1"})
        async with driven(journal, sink(broker), "home") as outlet:
            await put(journal, at(4, "5.6", 8), on=facts(session="s2", settings=ANNA))
            outlet.wake()
            await until(lambda: journal.cursor("home") == 2)
            await put(journal, at(6, "7.0", 10), on=facts(session="s3", settings=ANNA))
            outlet.wake()
            await until(lambda: heard.values() == {"glucose": "7.0"})
    assert [value for topic, value in heard.states if topic.endswith("glucose")] == ["6.1", "7.0"]


async def test_what_was_taken_back_or_given_away_is_not_shown_any_more(journal: Journal, broker: Broker) -> None:
    async def keep(_said: dict[str, Any]) -> None:
        """Into the intake log."""

    await put(journal, at(1, "5.6", 7), at(2, "6.1", 9), on=facts(settings=ANNA))
    async with home(broker) as heard, driven(journal, sink(broker), "home") as outlet:
        await until(lambda: heard.values() == {"glucose": "6.1"})
        await inbox.assign(journal, [2], "ben", keep)
        outlet.wake()
        await until(lambda: heard.values("person_ben") == {"glucose": "6.1"} and heard.values() == {"glucose": "5.6"})
        await inbox.retract(journal, [1], keep)
        outlet.wake()
        await until(lambda: heard.values() == {"glucose": None})
    assert heard.values("person_ben") == {"glucose": "6.1"}


async def test_when_home_assistant_comes_back_it_is_told_everything(journal: Journal, broker: Broker) -> None:
    await put(journal, at(1, "5.6", 7), on=facts(settings=ANNA))
    async with home(broker) as heard, driven(journal, sink(broker), "home"):
        await until(lambda: len(heard.states) == 2 and heard.availability == ["online"])
        heard.discovered.clear()
        await heard.client.publish("homeassistant/status", b"offline", qos=1)
        await heard.client.publish("homeassistant/status", b"online", qos=1)
        await until(lambda: len(heard.states) == 4 and len(heard.discovered) == 3)
    assert [value for topic, value in heard.states if topic.endswith("glucose")] == ["5.6", "5.6"]


async def test_the_broker_says_whether_we_are_there(journal: Journal, broker: Broker) -> None:
    """Also while nobody measures: after the broker was away, and when we are gone without a word. Nothing is recorded twice by that."""
    await put(journal, at(1, "5.6", 7), on=facts(settings=ANNA))
    made = sink(broker)
    async with driven(journal, made, "home"):
        async with home(broker) as heard:
            await until(lambda: heard.availability == ["online"] and len(heard.states) == 2)
        broker.kill()
        broker.start()
        async with home(broker) as heard:
            await until(lambda: heard.availability[-1:] == ["online"] and len(heard.discovered) == 3)
            assert heard.states == []
            assert made._client is not None
            assert made._keeping is not None
            made._keeping.cancel()  # as if the process had been killed
            made._client._client._sock_close()
            await until(lambda: heard.availability[-1] == "offline")


async def test_of_a_long_row_of_old_readings_the_newest_alone_is_shown(journal: Journal, broker: Broker) -> None:
    """A sink that is new to a gateway of some years: two batches."""
    count = 700
    await put(journal, *(at(number, f"{5 + number / 1000}", number % 22) for number in range(1, count)), on=facts(settings=ANNA))
    await put(journal, at(count, "9.9", 23), on=facts(session="last", settings=ANNA))
    async with home(broker) as heard, driven(journal, sink(broker), "home"):
        await until(lambda: journal.cursor("home") == count and heard.values().get("glucose") == "9.9")
        assert len([1 for topic, _ in heard.states if topic.endswith("glucose")]) == 1


async def test_a_connection_that_hears_nothing_is_not_taken_for_a_good_one(
    journal: Journal, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(journal, at(1, "5.6", 7), on=facts(settings=ANNA))

    async def refused(_client: Client, *_filters: str) -> None:
        raise Lost("the broker does not let us hear homeassistant/status; mend its rules")

    made = sink(broker)
    with monkeypatch.context() as patch:
        patch.setattr(Client, "listen", refused)
        await made.begin([])
        with pytest.raises(Unreachable, match="does not let us hear homeassistant/status"):
            await made.send(journal.after(0, 1))
        assert made.connection is None
    async with home(broker) as heard:
        assert await made.send(journal.after(0, 1)) == []
        await until(lambda: heard.values() == {"glucose": "5.6"})
        await heard.client.publish("homeassistant/status", b"online", qos=1)
        await until(lambda: [value for topic, value in heard.states if topic.endswith("glucose")] == ["5.6", "5.6"])
        await made.close()


async def test_the_last_reading_is_kept_where_it_is_wanted(journal: Journal, broker: Broker) -> None:
    await put(journal, at(1, "5.6", 7), on=facts(settings=ANNA))
    async with driven(journal, sink(broker, retain=True), "home"):
        await until(lambda: journal.cursor("home") == 1)
    async with home(broker) as heard:
        await until(lambda: len(heard.states) == 2)
    assert len(heard.retained) == 2


async def test_what_nobody_agreed_to_is_not_remembered_either(journal: Journal, broker: Broker) -> None:
    """At a start what went before is looked through for the newest readings: by the same gate."""
    await put(journal, at(1, "5.6", 7), on=facts(settings=ANNA))
    async with home(broker) as heard:
        async with driven(journal, sink(broker), "home"):
            await until(lambda: heard.values() == {"glucose": "5.6"})
        heard.states.clear()
        heard.discovered.clear()
        async with driven(journal, sink(broker), "home", allow=lambda _row: False):
            await until(lambda: NODE in heard.discovered)
            await heard.client.publish("homeassistant/status", b"online", qos=1)
            await until(lambda: heard.availability[-1] == "online")
            await asyncio.sleep(0.3)
    assert (heard.states, set(heard.discovered)) == ([], {NODE})


def test_not_every_reading_of_years_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest, whatever order they came in."""
    monkeypatch.setattr("gateway.homeassistant.memory.KEPT", 3)
    memory = Memory()
    for number in (5, 1, 9, 2, 7, 3):
        body = {"type": "weight", "when": {"time": f"2026-03-0{number}T07:00:00+00:00", "quality": "received"}, "person": "anna"}
        body |= {"device": {"identity": "d", "name": "Scale"}, "status": [], "data": {"weight": quantity(str(number), "kg")}}
        memory.take(Row(number, f"id{number}", 1, "weight", 1, json.dumps(body)))
    kept = memory._readings["person_anna", "weight"]
    assert {reading.value for reading in kept.values()} == {"5", "7", "9"}


def thing(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "data": data}


def quantity(value: str, unit: str) -> dict[str, str]:
    return {"value": value, "unit": unit}


@pytest.mark.parametrize(
    ("what", "told"),
    [
        (thing("blood-oxygen-saturation", {"saturation": quantity("0.97", "1")}), [("saturation", "97", "%")]),
        (thing("blood-oxygen-saturation", {"saturation": quantity("1", "1")}), [("saturation", "100", "%")]),
        (thing("blood-oxygen-saturation", {"saturation": quantity("0.965", "1"), "lowest": None}), [("saturation", "96.5", "%")]),
        (thing("body-composition", {"name": "fat-percent", "value": quantity("0.215", "1")}), [("fat_percent", "21.5", "%")]),
        (thing("body-composition", {"name": "water-mass", "value": quantity("40.5", "kg")}), [("water_mass", "40.5", "kg")]),
        (thing("exercise", {"activity": "run", "details": {"distance": quantity("1200", "m")}}), [("exercise_distance", "1200", "m")]),
        (thing("exercise", {"activity": "run", "details": {"steps": quantity("812", "1")}}), [("exercise_steps", "812", None)]),
        (thing("coded-observation", {"mdc": 1, "value": quantity("3", "1")}), []),
        (thing("exercise-samples", {"name": "pulse", "values": ["60"]}), []),
    ],
)
def test_values_and_units(what: dict[str, Any], told: list[tuple[str, str, str | None]]) -> None:
    assert [(one.entity.key, one.value, one.entity.unit) for one in said(what)] == told


def test_names_that_are_no_topics() -> None:
    assert slug("anna") == "anna"
    assert len({slug(name) for name in ("Anna", "anna", "änna", "anna/ben", "anna+ben", "💓")}) == 6
    assert all(part.isascii() and not set(part) & set("/+#$ ") for part in map(slug, ("a/b", "a#b", "Ä", "$SYS")))
    topics = Topics("homeassistant", "health", "c0ffee00")
    told = of_owner(topics, person("Änna/+#"), [])
    assert told["device"]["name"] == "Änna/+#"
    assert "Änna" not in topics.state(person("Änna/+#").key, "x")
    assert measuring({"identity": "sys:1", "name": "Cuff"}).about == ()

"""Devices of IEEE 11073-20601, over a virtual cable and over TCP, through the whole gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from drivers.kit.capture import Record
from gateway import cabling
from gateway.intake import read
from gateway.journal import Commit, Journal
from gateway.simulator.phd_agent import Agent, Entry
from gateway.transports.cables.plugs import Plugged
from profiles.phd import apdu as apdus
from profiles.phd import mder
from profiles.phd.codes import Abort, Choice
from profiles.times import DateTime
from tests.support.cables import House, house
from tests.support.fakes import T0, until

NOW = datetime.fromtimestamp(T0, UTC).replace(tzinfo=None)
METER = Plugged("1-1", 0x173A, 0x21D5, "ACC1", classes=frozenset({0x0F}))


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cabling, "slower", lambda _failures, _slowest: 0.0)


class OnCable:
    """An agent as something to plug in."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self._stream = apdus.Stream()
        self.heard: list[bytes] = []

    def begin(self) -> list[bytes]:
        self._stream = apdus.Stream()
        return self.agent.begin()

    def receive(self, data: bytes) -> list[bytes]:
        answers: list[bytes] = []
        for one in self._stream.feed(data):
            self.heard.append(one)
            answers += self.agent.receive(one)
        return answers


def entries(count: int, *, ahead: timedelta = timedelta()) -> list[Entry]:
    """Two of them equal, and in the same minute."""
    made = [Entry(DateTime.of(NOW + ahead - timedelta(hours=count - number)), 90 + number) for number in range(count)]
    return [*made[:2], made[1], *made[2:]] if count > 2 else made


def agent(count: int = 30, *, ahead: timedelta = timedelta(), **more: Any) -> Agent:
    return Agent(entries(count, ahead=ahead), lambda: NOW + ahead, **more)


def told(home: House) -> list[tuple[str, str]]:
    return [(thing["when"]["device_time"], thing["data"]["glucose"]["display"]["value"]) for thing in home.things("blood-glucose")]


def truths(of: Agent) -> list[tuple[str, str]]:
    return [(str(entry.time), str(entry.value)) for entry in of.entries]


async def test_a_store_is_read_whole_and_confirmed_and_a_second_time_adds_nothing(tmp_path: Path) -> None:
    meter = OnCable(agent(30))
    async with house(tmp_path) as home:
        said = await home.plug(meter, METER)
        assert said["problem"] is None
        assert said["driver"] == "phd"
        assert said["identity"] == "system-id:0060190000000001"
        assert told(home) == truths(meter.agent)
        assert meter.agent.confirmed == len(meter.agent.entries)
        assert meter.agent.log == ["aare 3", "released"]
        assert (await home.plug(meter, METER))["things"] == 0
        assert meter.agent.log[2:] == ["aare 0", "released"], "the configuration was remembered"
        [device] = home.things("device")
        assert (device["data"]["manufacturer"], device["data"]["serial_number"]) == ("Simulated", "SIM-PHD-1")


@pytest.mark.parametrize("before", [True, False], ids=["before", "behind"])
async def test_a_cable_pulled_at_every_frame_loses_doubles_and_merges_nothing(tmp_path: Path, before: bool) -> None:  # noqa: FBT001 - a case
    meter = OnCable(agent(30))
    async with house(tmp_path) as home:
        for cut in range(1, 20):
            await home.plug(meter, METER, cut=cut, before=before)
        assert home.ports.connections[-1].frames < 19, "the last ones were pulled nowhere"
        assert told(home) == truths(meter.agent)


async def test_nothing_is_confirmed_before_it_is_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The device forgets what was confirmed: all that it has said is on the medium first."""
    meter, behind = OnCable(agent(3)), list[int]()
    receive = meter.agent.receive

    def received(data: bytes) -> list[bytes]:
        said = apdus.read(data)
        if isinstance(said, apdus.Prst) and said.choice == Choice.RORS_CONFIRMED_EVENT_REPORT and b"\x0d\x21" in said.body[:8]:
            records = [one for one in read(tmp_path / "state" / "intake") if isinstance(one, Record) and one.kind == "rx"]
            behind.append(home.gateway._intake.durable - records[-1].position)
        return receive(data)

    # Nothing is brought onto the medium by the clock meanwhile.
    monkeypatch.setattr("gateway.intake.GROUP_SECONDS", 1000.0)
    meter.agent.receive = received  # type: ignore[method-assign]  # watched
    async with house(tmp_path) as home:
        await home.plug(meter, METER)
    assert behind
    assert min(behind) > 0


async def test_what_a_device_goes_on_telling_is_filed_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Confirmed at once, event for event; in the journal by the hundred, and before anything else is asked of it."""
    commits, commit = list[int](), Journal.commit

    async def counted(self: Journal, asked: Commit) -> Any:
        kinds = [one.type for one in asked.candidates]
        if "blood-glucose" in kinds:
            commits.append(len(kinds))
        return await commit(self, asked)

    monkeypatch.setattr(Journal, "commit", counted)
    monkeypatch.setattr("gateway.sessions.MOST_TOGETHER", 50)
    meter = OnCable(agent(120))
    async with house(tmp_path) as home:
        await home.plug(meter, METER)
        assert told(home) == truths(meter.agent)
    assert commits == [60, 60, 1], "in events of 12"


async def test_what_was_confirmed_is_filed_soon_although_the_device_stays(tmp_path: Path) -> None:
    """It is plugged in for hours, and says nothing more."""
    cuff = OnCable(agent(0, pressure=(121, 79, 93)))
    async with house(tmp_path, cables={"idle_seconds": 60}) as home:
        await until(lambda: home.ports.on_plugged is not None)
        assert home.ports.on_plugged is not None
        home.ports.device = cuff
        home.ports.on_plugged(METER)
        await until(lambda: home.things("blood-pressure"), 5)


async def test_what_it_measures_is_reported_by_itself(tmp_path: Path) -> None:
    cuff = OnCable(agent(0, pressure=(121, 79, 93)))
    async with house(tmp_path) as home:
        await home.plug(cuff, METER)
        [pressure] = home.things("blood-pressure")
    assert [pressure["data"][name]["display"]["value"] for name in ("systolic", "diastolic", "mean")] == ["121", "79", "93"]


async def test_a_clock_that_is_wrong_is_corrected_and_set_at_the_owner_s_word_alone(tmp_path: Path) -> None:
    """After everything stored has been read."""
    meter = OnCable(agent(4, ahead=timedelta(days=-365)))
    async with house(tmp_path) as home:
        await home.plug(meter, METER)
        assert meter.agent.clock_set is None
        [last] = home.things("blood-glucose")[-1:]
        assert last["when"]["quality"] == "corrected"
        assert last["when"]["time"].startswith((NOW - timedelta(hours=1)).isoformat()[:13])
    async with house(tmp_path, device=[{"port": "173a:21d5", "set_clock": True}]) as home:
        await home.plug(meter, METER)
    assert meter.agent.clock_set == DateTime.of(NOW)
    actions = [said.body[2:4].hex() for one in meter.heard if isinstance(said := apdus.read(one), apdus.Prst) and said.choice == 0x0107]
    assert actions[-1] == "0c17", "the clock is set after everything has been read"


async def test_stores_are_emptied_at_the_owner_s_word_alone(tmp_path: Path) -> None:
    meter = OnCable(agent(5))
    async with house(tmp_path) as home:
        await home.plug(meter, METER)
        assert meter.agent.cleared == 0
    async with house(tmp_path, device=[{"port": "173a:21d5", "forget": True}]) as home:
        await home.plug(meter, METER)
        assert meter.agent.cleared == len(entries(5))
        assert len(told(home)) == len(entries(5))


async def test_two_meters_behind_one_plug_stay_two(tmp_path: Path) -> None:
    """A clinic's cable: who the device is, it says itself."""
    first, second = OnCable(agent(3)), OnCable(agent(3, system_id=bytes.fromhex("0060190000000002")))
    async with house(tmp_path) as home:
        await home.plug(first, METER)
        await home.plug(second, METER)
        assert {thing["device"]["identity"] for thing in home.things("blood-glucose")} == {
            "system-id:0060190000000001",
            "system-id:0060190000000002",
        }
        assert len(told(home)) == 2 * len(entries(3))


async def test_what_one_meter_does_not_say_is_not_taken_from_another_behind_the_same_plug(tmp_path: Path) -> None:
    first, second = OnCable(agent(1)), OnCable(agent(1, system_id=bytes.fromhex("0060190000000002"), serial=""))
    async with house(tmp_path) as home:
        await home.plug(first, METER)
        await home.plug(first, METER)  # with what was noted for the port
        await home.plug(second, METER)
        serials = {thing["device"]["identity"]: thing["data"].get("serial_number") for thing in home.things("device")}
    assert serials == {"system-id:0060190000000001": "SIM-PHD-1", "system-id:0060190000000002": None}


async def test_two_meters_behind_one_plug_stay_two_when_the_journal_is_lost(tmp_path: Path) -> None:
    """Everything is filed again from intake, each session under the identity that it had."""
    first, second = OnCable(agent(3)), OnCable(agent(4, system_id=bytes.fromhex("0060190000000002")))
    async with house(tmp_path) as home:
        await home.plug(first, METER)
        await home.plug(second, METER)
        before = sorted((thing["device"]["identity"], *one) for thing, one in zip(home.things("blood-glucose"), told(home), strict=True))
        ids = {thing["id"] for thing in home.things("blood-glucose")}
    for path in (tmp_path / "state").glob("journal.db*"):
        path.unlink()
    async with house(tmp_path) as home:
        again = sorted((thing["device"]["identity"], *one) for thing, one in zip(home.things("blood-glucose"), told(home), strict=True))
        assert again == before
        assert {thing["id"] for thing in home.things("blood-glucose")} == ids


def silent_about(choice: Choice) -> Callable[[bytes], bool]:
    return lambda data: isinstance(said := apdus.read(data), apdus.Prst) and said.choice == choice


async def test_a_device_that_does_not_say_who_it_is_is_read_all_the_same(tmp_path: Path) -> None:
    meter = OnCable(agent(3))
    receive = meter.agent.receive
    meter.agent.receive = lambda data: [] if silent_about(Choice.ROIV_GET)(data) else receive(data)  # type: ignore[method-assign]
    async with house(tmp_path, cables={"idle_seconds": 0.1}) as home:
        await home.plug(meter, METER)
        assert len(home.things("blood-glucose")) == len(entries(3))


class Endless(Agent):
    """Offers the same useless configuration for ever."""

    def receive(self, data: bytes) -> list[bytes]:
        said = apdus.read(data)
        self.log.append(type(said).__name__)
        if isinstance(said, apdus.Rlrq | apdus.Abrt):
            return [apdus.rlre()] if isinstance(said, apdus.Rlrq) else []
        useless = mder.u16(0x4005) + mder.sequence()
        return [self._event(0, 3356, useless)]  # type: ignore[arg-type]  # a number will do


async def test_an_agent_that_offers_the_same_for_ever_is_released(tmp_path: Path) -> None:
    useless = Endless([], lambda: NOW)
    async with house(tmp_path) as home:
        await home.plug(OnCable(useless), METER)
    assert useless.log[:5] == ["Aare", "Prst", "Prst", "Prst", "Rlrq"]
    assert len(useless.log) < 10


class Stranger:
    """A device of another language."""

    def begin(self) -> list[bytes]:
        return [b"HELLO, I AM NO MEDICAL DEVICE\r\n"]

    def receive(self, _data: bytes) -> list[bytes]:
        return []


async def test_another_language_is_told_and_nothing_is_sent_to_it(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        said = await home.plug(Stranger(), METER)
        assert home.ports.connections[0].written == []
    assert said["problem"] == "it is none of IEEE 11073-20601 device (USB PHDC)"


async def test_an_agent_over_tcp_is_read(tmp_path: Path, unused_tcp_port: int) -> None:
    """Several APDUs in one segment, one APDU in many."""
    from gateway.transports.cables.ports import SystemPorts  # noqa: PLC0415 - for this test

    meter = OnCable(agent(20))
    ports = SystemPorts(f"127.0.0.1:{unused_tcp_port}")
    async with house(tmp_path, real=ports, cables={"accept": "off", "idle_seconds": 0.5}) as home:
        await asyncio.sleep(0.1)
        reader, writer = await asyncio.open_connection("127.0.0.1", unused_tcp_port)
        for piece in (joined := b"".join(meter.begin()))[:7], joined[7:]:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.02)
        while data := await reader.read(4096):
            writer.write(b"".join(meter.receive(data)))
            if "released" in meter.agent.log:
                break
        await writer.drain()
        writer.close()
        await asyncio.sleep(0.2)
        assert told(home) == truths(meter.agent)


def test_the_reason_of_an_abort_is_named() -> None:
    assert apdus.read(apdus.abrt(Abort.RESPONSE_TIMEOUT)) == apdus.Abrt(2)

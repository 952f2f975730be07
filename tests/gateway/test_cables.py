"""Every device with a cable, read by its driver through the whole gateway: whole, twice, and with the cable pulled at every frame."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from drivers import Blocks, HidUart, Reading, Serial
from drivers.kit.capture import Record
from gateway import cabling, registry
from gateway.intake import read as read_intake
from gateway.replay import readings, sessions_of
from gateway.simulator.cables.meters import Contour, Taidoc, UltraEasy
from gateway.simulator.cables.others import Cms50, Cms50New, Nonin, OmronHem790, PosScale
from gateway.transports.cables.plugs import Plugged
from profiles.framing import astm
from tests.support.cable_cases import CASES, FTDI, KETONES, NOW, Case, glucose_of, pressures, records, told_glucose
from tests.support.cables import House, house
from tests.support.fakes import until

REGISTRY = registry.load()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cabling, "slower", lambda _failures, _slowest: 0.0)


@pytest.fixture(params=CASES, ids=lambda case: case.driver)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


def free(home: House, case: Case) -> None:
    """A directory is plugged in for as long as the gateway runs."""
    assert home.gateway.cabling is not None
    home.gateway.cabling.on_unplugged(case.plugged.location)


async def test_it_is_found_read_whole_and_a_second_time_adds_nothing(tmp_path: Path, case: Case) -> None:
    device = case.make()
    async with house(tmp_path, **case.settings) as home:
        free(home, case)
        said = await home.plug(device, case.plugged)
        assert (said["driver"], said["problem"]) == (case.driver, None)
        assert case.told(home) == case.truths(device)
        assert (await home.plug(device, case.plugged))["things"] == 0
        assert case.told(home) == case.truths(device)


@pytest.mark.parametrize("before", [True, False], ids=["before", "behind"])
async def test_a_cable_pulled_at_every_frame_loses_doubles_and_merges_nothing(tmp_path: Path, case: Case, before: bool) -> None:  # noqa: FBT001 - a case
    device = case.make()
    async with house(tmp_path, **case.settings, cables={"idle_seconds": 0.05}) as home:
        free(home, case)
        for cut in range(1, 60):
            await home.plug(device, case.plugged, cut=cut, before=before)
            told = case.told(home)
            assert len(set(told)) <= len(told) <= len(case.truths(device))
            if home.ports.connections[-1].frames < cut:
                break
        await home.plug(device, case.plugged)
        assert case.told(home) == case.truths(device)


async def taken(records: list[Record]) -> list[tuple[str, Any]]:
    """The readings of a capture: which record each is, and what it says."""
    found: list[tuple[str, Any]] = []
    async for batch, _ in readings(records, REGISTRY):
        for item in batch.items:
            if isinstance(item, Reading):
                values = {field.name: getattr(item, field.name) for field in fields(item) if field.name != "frame"}
                found.append((str(item.key), repr(values)))
    return found


async def test_what_was_said_is_a_capture_that_reads_the_same_and_cut_anywhere_nothing_else(tmp_path: Path, case: Case) -> None:
    """The intake log alone: as after a crash at each of its lines."""
    device = case.make()
    async with house(tmp_path, **case.settings) as home:
        free(home, case)
        await home.plug(device, case.plugged)
    sessions, damage = sessions_of(read_intake(tmp_path / "state" / "intake"))
    [session] = [one for one in sessions if one[0].extra["drv"] == case.driver and await taken(one)]
    assert damage == []
    whole = await taken(session)
    assert await taken(session) == whole
    assert len(whole) >= len(case.truths(device))
    assert len({key for key, _ in whole}) == len(whole)
    for length in range(1, len(session), max(1, len(session) // 80)):
        assert (await taken(session[:length])) == whole[: len(await taken(session[:length]))], length


async def test_no_meter_is_erased_and_no_clock_set_without_its_owner_s_word(tmp_path: Path, case: Case) -> None:
    device = case.make()
    async with house(tmp_path, **case.settings) as home:
        free(home, case)
        await home.plug(device, case.plugged)
    assert not getattr(device, "erased", False)
    assert getattr(device, "clock_set", None) is None


@pytest.mark.parametrize("name", ["onetouch-ultraeasy", "onetouch-ultra2", "taidoc", "freestyle-neo", "freestyle-libre"])
async def test_a_clock_is_set_after_the_download_at_the_owner_s_word(tmp_path: Path, name: str) -> None:
    case = next(one for one in CASES if one.driver == name)
    device = case.make()
    port = case.port or f"{case.plugged.vendor:04x}:{case.plugged.product:04x}"
    async with house(tmp_path, device=[{"port": port, "set_clock": True}]) as home:
        await home.plug(device, case.plugged)
        assert case.told(home) == case.truths(device)
    assert device.clock_set.replace(second=0) == NOW.replace(second=0)


async def test_a_cuff_says_whose_a_reading_is_and_what_was_wrong_with_it(tmp_path: Path) -> None:
    people = {1: "anna", 2: "ben"}
    device = {"port": "0590:0028", "users": {str(user): name for user, name in people.items()}}
    async with house(tmp_path, person=[{"id": name} for name in people.values()], device=[device]) as home:
        cuff = OmronHem790(pressures())
        await home.plug(cuff, Plugged("1-13", 0x0590, 0x0028))
        told = {thing["when"]["device_time"]: thing for thing in home.things("blood-pressure")}
        for bank in (1, 2):
            for index, record in enumerate(record for record in cuff.records if record[4] == bank):
                thing = told[record[0].isoformat()]
                assert thing["data"].get("irregular_heartbeat", False) is bool(index & 1)
                assert thing["person"] == people[bank]


@pytest.mark.parametrize("name", ["freestyle-optium", "freestyle-neo", "freestyle-libre"])
async def test_ketone_is_filed_in_its_own_unit(tmp_path: Path, name: str) -> None:
    """The meters keep it times eighteen."""
    case = next(one for one in CASES if one.driver == name)
    async with house(tmp_path) as home:
        await home.plug(case.make(), case.plugged)
        await home.plug(case.make(), case.plugged)
        told = [(thing["when"]["device_time"], thing["data"]) for thing in home.things() if "blood-glucose" != thing["type"] != "device"]
        assert [time for time, _ in told] == [time.isoformat() for time, _ in reversed(KETONES)]
        assert "0.5" in str(told[1][1])


async def test_a_cable_that_may_be_anybody_s_is_left_alone_unless_it_is_named(tmp_path: Path) -> None:
    """A hub's Zigbee stick has the same chip as a meter's cable."""
    async with house(tmp_path) as home:
        with pytest.raises(AssertionError, match="no driver knows this plug"):
            await home.plug(UltraEasy(records(), lambda: NOW), FTDI)
        assert home.ports.connections == []


async def test_each_driver_opens_the_cable_in_its_own_way(tmp_path: Path) -> None:
    """Behind an adapter they are tried in turn, each with its own settings, until one knows the meter."""
    async with house(tmp_path, cables={"idle_seconds": 0.05}, device=[{"port": "0403:6001"}]) as home:
        said = await home.plug(UltraEasy(records(), lambda: NOW), FTDI)
        assert said["driver"] == "onetouch-ultraeasy"
        settings = [(wire.baud, wire.parity) for wire in home.ports.wires if isinstance(wire, Serial)]
        assert (19200, "O") in settings[:-1], "the oximeter's was tried before"
        assert settings[-1] == (9600, "N")


async def test_a_disk_of_another_maker_is_not_written_to(tmp_path: Path) -> None:
    """The transport asks; this says that the driver declares whom to ask for."""
    loaded = next(case for case in CASES if case.driver == "onetouch-verio")
    async with house(tmp_path) as home:
        await home.plug(loaded.make(), loaded.plugged)
        [wire] = home.ports.wires
    assert wire == Blocks(vendor="LifeScan")


async def test_a_taidoc_device_that_is_no_glucose_meter_is_not_read(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        said = await home.plug(Taidoc(records(), lambda: NOW, model=0x3128), Plugged("1-5", 0x10C4, 0xEA80))
        assert said["problem"] is not None
        assert home.things("blood-glucose") == []
        assert home.ports.wires == [HidUart(baud=19200)]


class Noisy:
    """A device of which some octets arrive wrong: each of its frames is damaged the first time."""

    def __init__(self, device: Any, every: int) -> None:
        self._device, self._every, self._count = device, every, 0

    def begin(self) -> list[bytes]:
        return self._damaged(self._device.begin())

    def receive(self, data: bytes) -> list[bytes]:
        return self._damaged(self._device.receive(data))

    def _damaged(self, frames: list[bytes]) -> list[bytes]:
        found = []
        for frame in frames:
            self._count += 1
            at = len(frame) // 2
            found.append(frame[:at] + bytes((frame[at] ^ 0x01,)) + frame[at + 1 :] if self._count % self._every == 0 else frame)
        return found


@pytest.mark.parametrize("name", ["onetouch-ultraeasy", "contour", "taidoc", "freestyle-lite", "freestyle-optium"])
async def test_what_is_damaged_is_asked_for_again(tmp_path: Path, name: str) -> None:
    """Checksums tell, and nothing false is filed: what a visit could not get, the next one gets."""
    case = next(one for one in CASES if one.driver == name)
    device = case.make()
    settings: dict[str, Any] = {"device": [{"port": case.port, "driver": name}]} if case.port else {}
    async with house(tmp_path, cables={"idle_seconds": 0.05}, **settings) as home:
        for every in (5, 7, 11, 1000):
            await home.plug(Noisy(device, every), case.plugged)
            assert set(case.told(home)) <= set(case.truths(device))
        assert case.told(home) == case.truths(device)


class Repeating(Contour):
    """Its acknowledgements are lost, so it says each frame twice."""

    def receive(self, data: bytes) -> list[bytes]:
        said = super().receive(data)
        return [*said, *said] if said and astm.carried(said[0])[0] == astm.STX else said


async def test_a_frame_that_comes_again_is_the_same_record(tmp_path: Path) -> None:
    meter = Repeating(records(), lambda: NOW)
    async with house(tmp_path) as home:
        await home.plug(meter, Plugged("1-4", 0x1A79, 0x7410))
        assert told_glucose(home) == glucose_of(meter)


@pytest.mark.parametrize(("name", "again"), [("beurer-bm58", False), ("taidoc", True)])
async def test_what_stays_plugged_in_is_read_again_unless_it_speaks_once(tmp_path: Path, name: str, again: bool) -> None:  # noqa: FBT001 - a case
    case = next(one for one in CASES if one.driver == name)
    async with house(tmp_path, cables={"idle_seconds": 0.1, "again_seconds": 0.1}) as home:
        home.ports.device = case.make()
        await until(lambda: home.ports.on_plugged is not None)
        assert home.ports.on_plugged is not None
        assert home.gateway.cabling is not None
        cabling_of = home.gateway.cabling
        home.ports.on_plugged(case.plugged)
        await until(lambda: cabling_of.status()["plugged"][0]["sessions"] >= 1)
        await asyncio.sleep(1.0)
        assert (cabling_of.status()["plugged"][0]["sessions"] > 1) is again


async def test_what_only_streams_is_listened_to_again_whatever_the_rest_waits_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps nothing: what is measured while nobody listens is lost."""
    monkeypatch.setattr(cabling, "LISTEN_AGAIN_SECONDS", 0.1)
    settings: dict[str, Any] = {"device": [{"port": "0403:6001", "driver": "nonin"}]}
    async with house(tmp_path, cables={"idle_seconds": 0.1, "again_seconds": 0}, **settings) as home:
        monkeypatch.setattr("drivers.cable.nonin.PATIENCE_SECONDS", 0.1)
        home.ports.device = Nonin(seconds=3)
        await until(lambda: home.ports.on_plugged is not None)
        assert home.ports.on_plugged is not None
        home.ports.on_plugged(FTDI)
        await until(lambda: len(home.ports.connections) >= 3, 10)


async def test_an_oximeter_s_stream_becomes_minutes(tmp_path: Path) -> None:
    """Sixty values a second are one a second, and a minute of those one thing."""
    async with house(tmp_path, device=[{"port": "0403:6001", "driver": "contec-cms50"}]) as home:
        await home.plug(Cms50(seconds=40), FTDI)
        [thing] = home.things("blood-oxygen-saturation")
        assert thing["data"]["saturation"]["display"]["value"] == "97.0"
        assert thing["data"]["samples"] == 40
        [wire] = home.ports.wires
        assert isinstance(wire, Serial)
        assert wire.gather == 1.0


async def test_an_oximeter_that_must_be_asked_is_asked_to_go_on(tmp_path: Path) -> None:
    oximeter = Cms50New(seconds=30)
    async with house(tmp_path, device=[{"port": "0403:6001", "driver": "contec-cms50-new"}]) as home:
        await home.plug(oximeter, FTDI)
        [thing] = home.things("blood-oxygen-saturation")
        assert thing["data"]["saturation"]["display"]["value"] == "97.0"
        assert thing["data"]["samples"] == 30
        [pulse] = home.things("heart-rate")
        assert pulse["data"]["rate"]["display"]["value"] == "143.0"
    assert (oximeter.asked[0], oximeter.asked[-1]) == (0xA1, 0xA2)
    assert set(oximeter.asked[1:-1]) == {0xAF}


async def test_what_answers_otherwise_is_no_oximeter_of_that_kind(tmp_path: Path) -> None:
    """Octets with their highest bit set, and none that begins a packet; then one that would."""

    class Other(Cms50New):
        def receive(self, data: bytes) -> list[bytes]:
            return [b"\x84\xe3\x85", *super().receive(data)]

    async with house(tmp_path, device=[{"port": "0403:6001", "driver": "contec-cms50-new"}]) as home:
        said = await home.plug(Other(seconds=3), FTDI)
        assert "it is none of Contec" in said["problem"]


async def test_an_oximeter_that_says_a_value_a_second_is_believed_after_some(tmp_path: Path) -> None:
    """Its format has no sums. What came before it was believed is not filed."""
    async with house(tmp_path, device=[{"port": "0403:6001", "driver": "nonin"}]) as home:
        await home.plug(Nonin(seconds=21, data_format=8), FTDI)
        [thing] = home.things("blood-oxygen-saturation")
        assert thing["data"]["samples"] == 17
        [pulse] = home.things("heart-rate")
        assert pulse["data"]["rate"]["display"]["value"] == "301.0"


async def test_an_oximeter_without_sums_is_not_believed_where_octets_stand_between(tmp_path: Path) -> None:
    """Another device, at another speed."""
    other = Nonin(seconds=21, data_format=8)
    frames = [frame + b"\x11" for frame in other.begin()]
    other.begin = lambda: frames  # type: ignore[method-assign]  # as something else
    async with house(tmp_path, device=[{"port": "0403:6001", "driver": "nonin"}]) as home:
        said = await home.plug(other, FTDI)
        assert "it is none of Nonin" in said["problem"]
        assert home.things("blood-oxygen-saturation") == []


@pytest.mark.parametrize("data_format", [2, 7])
async def test_an_oximeter_with_sums_is_summed_up_too(tmp_path: Path, data_format: int) -> None:
    """A pulse rate of nine bits; no finger, no value; a damaged frame costs its packet alone."""
    oximeter = Nonin(seconds=11, data_format=data_format)
    frames = oximeter.begin()
    frames[3] = frames[3][:200] + b"\x00" + frames[3][201:]
    oximeter.begin = lambda: frames  # type: ignore[method-assign]  # as damaged
    async with house(tmp_path, device=[{"port": "0403:6001", "driver": "nonin"}]) as home:
        await home.plug(oximeter, FTDI)
        [thing] = home.things("blood-oxygen-saturation")
        assert thing["data"]["saturation"]["display"]["value"] == "96.0"
        assert thing["data"]["samples"] == 10
        [pulse] = home.things("heart-rate")
        assert pulse["data"]["rate"]["display"]["value"] == "301.0"


async def test_a_weight_that_is_repeated_is_one_weighing_and_two_equal_ones_are_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.cable.pos_scale.PATIENCE_SECONDS", 0.1)
    async with house(tmp_path) as home:
        await home.plug(PosScale([1650, 1650, 1432]), Plugged("1-7", 0x0922, 0x8003))
        told = sorted(thing["data"]["weight"]["display"]["value"] for thing in home.things("weight"))
    assert told == ["143.2", "165.0", "165.0"]

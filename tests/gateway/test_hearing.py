"""Devices that say their reading in their advertisement, from the radio to the journal."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from drivers import Advertisement
from gateway import attendant as attending
from gateway import registry
from gateway.cli.sightings import sighting
from gateway.config import DeviceSection
from gateway.filing import Filing
from gateway.intake import Intake
from gateway.intake import read as read_intake
from gateway.journal import Journal
from gateway.replay import work_off
from gateway.transports.radio import Seen
from profiles.adv import Sighting
from tests.gateway.test_sessions import House, house
from tests.support.fakes import FakeDevice, until

A = "C1:00:00:00:00:21"
NOBODY = FakeDevice(A, frozenset())
KEY = "231d39c1d7cc1ab1aee224cd096db932"
VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "adv.json").read_text())["vectors"]
MOVING, STABLE, WITH_IMPEDANCE = "0200e607020e10293a000061 36".replace(" ", ""), "0220e607020e10293a0000f136", "0222e607020e10293af701f136"


def vector(form: str, number: int = 0, **means: Any) -> dict[str, Any]:
    found = [one for one in VECTORS if one["form"] == form and means.items() <= one["means"].items()]
    return dict(found[number])


def heard(said: Sighting, address: str = A) -> Seen:
    advertisement = Advertisement(
        address=address, local_name=said.name, service_data=said.service_data, manufacturer_data=said.manufacturer_data
    )
    return Seen(advertisement, -50, NOBODY)


def scale(octets: str) -> Seen:
    return heard(Sighting(name="MIBFS", service_data={0x181B: bytes.fromhex(octets)}))


def kinds(state: Path) -> list[str]:
    return [record.kind for record in read_intake(state / "intake") if not isinstance(record, Exception)]


async def say(home: House, *seen: Seen) -> None:
    for one in seen:
        home.attendant.on_seen(one)
        await until(lambda one=one: home.known.get(one.advertisement.address, {}).get("state") != "reading")  # type: ignore[misc]


async def test_a_weighing_is_one_weight_and_the_impedance_its_next_version(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await say(home, scale(MOVING), scale(STABLE), scale(STABLE), scale(WITH_IMPEDANCE), scale(STABLE))
        weights = home.things("weight")
        assert [(thing["version"], "impedance" in thing["data"]) for thing in weights][:2] == [(1, False), (2, True)]
        assert len({thing["id"] for thing in weights}) == 1
        assert weights[0]["when"]["device_time"] == "2022-02-14T16:41:58"
        assert weights[0]["device"]["address"] == A
        assert [thing["data"]["model"] for thing in home.things("device")] == ["Mi Body Composition Scale"]


async def test_a_configuration_of_before_is_still_heard(tmp_path: Path) -> None:
    """One driver read all that advertise, and may have been named."""
    async with house(tmp_path, listed=(DeviceSection(address=A, driver="advertised"),)) as home:
        await say(home, scale(STABLE))
        assert home.known[A]["driver"] == "advertised"
        assert len(home.things("weight")) == 1


async def test_what_is_no_reading_is_not_captured(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await say(home, scale(MOVING), *[scale(STABLE)] * 50)
        assert kinds(tmp_path) == ["open", "rx", "id"]


async def test_a_replay_gives_the_same_things(tmp_path: Path) -> None:
    async with house(tmp_path / "one") as home:
        await say(home, scale(STABLE))
        first = home.things("weight")
    journal, intake = Journal(tmp_path / "again.db"), Intake(tmp_path / "one" / "intake")
    outcome = await work_off(read_intake(tmp_path / "one" / "intake"), registry.load(), Filing(journal, UTC))
    again = [json.loads(row.body) for row in journal.everything() if row.type == "weight"]
    intake.close()
    journal.close()
    assert outcome.failed == {}
    assert again == first


async def test_what_is_encrypted_is_opened_with_the_devices_key(tmp_path: Path) -> None:
    one = vector("xiaomi-mibeacon-scale", mass=69.9)
    seen = sighting(one["advertisement"], one["mac"])
    async with house(tmp_path, listed=(DeviceSection(address=one["mac"], bindkey=one["bindkey"]),)) as home:
        await say(home, heard(seen, one["mac"]))
        [weight], [pulse] = home.things("weight"), home.things("heart-rate")
        assert weight["data"]["weight"]["value"] == "69.9"
        assert weight["data"]["impedance"]["value"] == "543.2"
        assert pulse["data"]["rate"]["value"] == "92"


@pytest.mark.parametrize("key", [None, KEY])
async def test_without_the_right_key_the_owner_is_told_and_nothing_is_captured(tmp_path: Path, key: str | None) -> None:
    one = vector("xiaomi-mibeacon-scale", mass=69.9)
    seen = sighting(one["advertisement"], one["mac"])
    async with house(tmp_path, listed=(DeviceSection(address=one["mac"], bindkey=key),)) as home:
        await say(home, heard(seen, one["mac"]))
        assert "give the device's bindkey" in home.known[one["mac"]]["notices"][0]
        assert kinds(tmp_path) == []


async def test_a_stranger_is_not_listened_to(tmp_path: Path) -> None:
    async with house(tmp_path, bluetooth={"accept": "listed"}) as home:
        await say(home, scale(STABLE))
        assert home.known == {}
        assert kinds(tmp_path) == []


async def test_a_pulse_is_taken_once_a_minute(tmp_path: Path) -> None:
    def belt(rate: int) -> Seen:
        return heard(Sighting(name="X2", manufacturer_data={0xFF04: bytes((1, 97, 6, rate))}))

    async with house(tmp_path) as home:
        await say(home, *(belt(60 + second) for second in range(20)))
        assert [thing["data"]["rate"]["value"] for thing in home.things("heart-rate")] == ["60"]
        home.clock.pass_(61)
        await say(home, belt(90), belt(91))
        assert [thing["data"]["rate"]["value"] for thing in home.things("heart-rate")] == ["60", "90"]


async def test_a_full_disk_stops_it_and_a_journal_that_fails_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with house(tmp_path) as home:
        with monkeypatch.context() as patch:
            patch.setattr(attending, "free_enough", lambda *_: False)
            await say(home, scale(STABLE))
            assert kinds(tmp_path) == []
        with monkeypatch.context() as patch:

            async def fail(*_: object) -> None:
                raise OSError(28, "No space left on device")

            patch.setattr(home.attendant._filing, "file", fail)
            await say(home, scale(STABLE))
            assert "No space" in home.known[A]["problem"]
        assert await home.attendant.refile() == 2, "the weight and the device"
        assert len(home.things("weight")) == 1


async def test_what_could_not_be_captured_is_heard_when_it_is_said_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with house(tmp_path) as home:
        with monkeypatch.context() as patch:

            def fail(*_: object) -> None:
                raise OSError(28, "No space left on device")

            patch.setattr(home.intake, "append", fail)
            await say(home, scale(STABLE))
            assert "No space" in home.known[A]["problem"]
        await say(home, scale(STABLE))
        assert len(home.things("weight")) == 1
        assert home.known[A]["problem"] is None


@pytest.mark.parametrize("later", [60, 86_400], ids=["a minute later", "on another day"])
async def test_the_same_weight_again_is_another_weighing(tmp_path: Path, later: int) -> None:
    """A form without stamp and counter says the very same octets; what is only repeated is still one."""
    same = heard(Sighting(service_data={0xFCD2: bytes.fromhex("4006581b")}))
    async with house(tmp_path) as home:
        for _ in range(5):
            await say(home, same)
            home.clock.pass_(30)
        assert len(home.things("weight")) == 1
        home.clock.pass_(later)
        await say(home, same)
        assert len(home.things("weight")) == 2


async def test_a_scale_whose_first_advertisement_holds_its_services_alone_is_listened_to(tmp_path: Path) -> None:
    """They are those of a standard scale, but it is not one."""
    async with house(tmp_path, bluetooth={"connect_seconds": 1}) as home:
        bare = Advertisement(address=A, local_name="MIBFS", services=frozenset({0x181B}))
        home.attendant.on_seen(Seen(bare, -50, NOBODY))
        await until(lambda: home.known[A]["state"] != "reading")
        assert home.known[A]["driver"] == "weight-scale"
        await say(home, scale(STABLE))
        assert home.known[A]["driver"] == "xiaomi-body-scale"
        assert len(home.things("weight")) == 1


async def test_many_at_once_are_taken_in_their_order(tmp_path: Path) -> None:
    said = [f"0220e607020e1029{second:02x}0000{120 + second:02x}36" for second in range(30)]
    async with house(tmp_path) as home:
        for octets in said:
            home.attendant.on_seen(scale(octets))
        await until(lambda: len(home.things("weight")) == len(said))
        times = [thing["when"]["device_time"] for thing in home.things("weight")]
        assert times == sorted(times)


FORMS = {
    "xiaomi-mi-scale-v1": {"weight"},
    "xiaomi-mi-scale-v2": {"weight"},
    "amazfit-scale": {"weight"},
    "senssun": {"weight"},
    "xiaogui": {"weight"},
    "mi-band": {"heart-rate"},
    "heart-rate": {"heart-rate"},
    "xiaomi-mibeacon-thermometer": {"vital-signs"},
    "bthome": {"weight"},
    "laica": set(),
    "skale": set(),
}


@pytest.mark.parametrize("form", FORMS)
async def test_published_advertisements_become_things(tmp_path: Path, form: str) -> None:
    """All vectors of each form: those that are finished readings, and no others."""
    made: set[str] = set()
    for number, one in enumerate(one for one in VECTORS if one["form"] == form):
        address = one.get("mac", A)
        seen = sighting(one["advertisement"], address)
        shown = ":".join(address.replace(":", "").upper()[at : at + 2] for at in range(0, 12, 2))
        listed = (DeviceSection(address=shown, bindkey=one.get("bindkey")),) if one.get("bindkey") else ()
        async with house(tmp_path / str(number), listed=listed) as home:
            await say(home, heard(replace(seen, address=""), shown))
            made |= {row.type for row in home.journal.everything()} - {"device"}
            means = one.get("means", {})
            if "stabilized" in means and form.startswith("xiaomi-mi-scale"):
                wanted = means["stabilized"] and means.get("weighing_mode") != "object"
                weights = [float(thing["data"]["weight"]["display"]["value"]) for thing in home.things("weight")]
                assert weights == ([means["weight"]] if wanted else [])
    await asyncio.sleep(0)
    assert made == FORMS[form]


async def test_a_weight_that_the_body_has_not_been_measured_with_is_not_final_yet(tmp_path: Path) -> None:
    """The S400 says it while somebody steps on; with the impedance at the low frequency it stands."""

    def s400(packed: int) -> Seen:
        said = bytes.fromhex("4050d53b01166e09") + b"\x01" + packed.to_bytes(4, "little") + bytes.fromhex("00f15365")
        return heard(Sighting(service_data={0xFE95: said}))

    async with house(tmp_path) as home:
        await say(home, s400(700))
        assert home.things("weight") == []
        await say(home, s400(700 | 5432 << 18))
        assert [thing["data"]["weight"]["value"] for thing in home.things("weight")] == ["70"]

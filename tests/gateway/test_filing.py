"""The laws of identity: what makes a new version, what a new thing, and what neither."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from drivers import Batch, BloodPressure, DeviceClock, DeviceInfo, Frame, Glucose, Key, OxygenSaturation, Quantity, Reading, Temperature
from gateway.config import DeviceSection
from gateway.filing import Filing, SessionFacts, candidates
from gateway.journal import Journal
from gateway.normalize.identity import device_identity
from gateway.normalize.things import DeviceRef, Display, Measured, Provenance, Quality, WeightData, WeightThing, When
from profiles.times import DateTime
from tests.support.fakes import T0

A, B = "C1:00:00:00:00:01", "C1:00:00:00:00:02"
FRAME = Frame(0x2A18, b"", T0, 100.0, 7)
TIME = DateTime(2026, 3, 14, 6, 30, 0)


def facts(address: str = A, session: str = "s1", **extra: Any) -> SessionFacts:
    return SessionFacts(session=session, address=address, driver="glucose", label="Meter", boot_id="b", clock_trusted=True, **extra)


def info(**extra: Any) -> DeviceInfo:
    return DeviceInfo(frame=FRAME, manufacturer="M", model="G1", serial_number="4711", system_id="AABBCCFFFE112233", **extra)


def glucose(number: int = 1, value: str = "101", unit: str = "mg/dL", **extra: Any) -> Glucose:
    return Glucose(
        frame=FRAME,
        key=Key.sequence(number, TIME),
        device_time=TIME,
        sequence_number=number,
        concentration=Quantity(Decimal(value), unit),
        sample_type="capillary_whole_blood",
        **extra,
    )


async def put(
    journal: Journal, *readings: Reading, on: SessionFacts | None = None, about: DeviceInfo | None = None, clock: DeviceClock | None = None
) -> list[dict[str, Any]]:
    """File readings; returns the things that were new."""
    filing = Filing(journal, UTC)
    items = tuple(item for item in (about, clock) if item is not None) + readings
    new = await filing.file(on or facts(), Batch(items), [])
    there = {(row.id, row.version): json.loads(row.body) for row in journal.everything()}
    return [there[(item.id, item.version)] for item in new]


async def test_the_same_record_again_is_nothing_new(journal: Journal) -> None:
    """Nor is it when the clocks have drifted apart in between: the first correction stands."""
    first = await put(journal, glucose(), clock=DeviceClock(FRAME, TIME))
    assert len(first) == 1
    assert await put(journal, glucose(), on=facts(session="s2"), clock=DeviceClock(replace(FRAME, received=T0 + 90), TIME)) == []


async def test_what_a_device_did_not_come_to_say_makes_no_poorer_version_of_it(journal: Journal) -> None:
    """The link broke while it was asked who it is; nor is it given another name."""
    await put(journal, about=info(firmware="1.0", udi={"label": "x"}))
    assert await put(journal, about=DeviceInfo(frame=FRAME, manufacturer="M"), on=facts(session="s2")) == []
    [reading] = await put(journal, glucose(), about=DeviceInfo(frame=FRAME), on=facts(session="s3"))
    assert reading["device"]["model"] == "G1"
    [newer] = await put(journal, about=DeviceInfo(frame=FRAME, firmware="1.1"), on=facts(session="s4"))
    assert (newer["version"], newer["data"]["firmware"], newer["data"]["udi"]) == (2, "1.1", {"label": "x"})


async def test_a_unit_switch_is_a_version(journal: Journal) -> None:
    first, second = (await put(journal, glucose()))[0], (await put(journal, glucose(value="5.6", unit="mmol/L")))[0]
    assert first["id"] == second["id"]
    assert second["version"] == 2
    assert second["data"]["glucose"]["display"] == {"value": "5.6", "unit": "mmol/L"}
    assert first["data"]["glucose"]["value"] == "5.61"
    assert first["data"]["glucose"]["unit"] == "mmol/L"


async def test_a_mended_codec_is_a_version(journal: Journal) -> None:
    """The same record, now read as something else."""
    await put(journal, glucose(value="10.1"))
    assert [(t["version"], t["data"]["glucose"]["display"]["value"]) for t in await put(journal, glucose(value="101"))] == [(2, "101")]


async def test_a_late_context_is_a_version(journal: Journal) -> None:
    first = await put(journal, glucose())
    late = await put(journal, glucose(meal="fasting"))
    assert [(t["id"], t["version"], t["data"]["meal"]) for t in late] == [(first[0]["id"], 2, "fasting")]


async def test_what_belonged_to_nobody_is_given_to_whom_the_configuration_names_and_stays_theirs(journal: Journal) -> None:
    """A device that was passed on to another person still tells the first one's records."""
    nobody = await put(journal, glucose())
    anna = await put(journal, glucose(), on=facts(session="s2", settings=DeviceSection(address=A, person="anna")))
    assert [(t["version"], t.get("person")) for t in nobody + anna] == [(1, None), (2, "anna")]
    ben = facts(session="s3", settings=DeviceSection(address=A, person="ben"))
    assert [t["person"] for t in await put(journal, glucose(), glucose(2), on=ben)] == ["ben"]
    [mended] = await put(journal, glucose(value="102"), on=ben)
    assert (mended["version"], mended["person"]) == (3, "anna")
    assert await put(journal, glucose(value="102"), on=facts(session="s4")) == [], "nor is it taken away again"


async def test_a_reading_says_by_which_way_it_came(journal: Journal) -> None:
    [radio] = await put(journal, glucose())
    cable = (await put(journal, glucose(2), about=info(), on=facts(address="usb:1-1", session="s2", is_cable=True)))[-1]
    assert (radio["provenance"]["transport"], cable["provenance"]["transport"]) == ("ble", "cable")


async def test_two_equal_readings_in_one_minute_stay_two(journal: Journal) -> None:
    new = await put(journal, glucose(1), glucose(2))
    assert len({t["id"] for t in new}) == 2
    cuff = [
        BloodPressure(
            frame=FRAME,
            key=Key.content(TIME, 1, b"same", ordinal),
            device_time=TIME,
            user_index=1,
            systolic=Quantity(Decimal(120), "mm[Hg]"),
            diastolic=Quantity(Decimal(80), "mm[Hg]"),
        )
        for ordinal in (0, 1)
    ]
    assert len({t["id"] for t in await put(journal, *cuff)}) == 2


async def test_a_reset_meter_makes_new_things_under_old_numbers(journal: Journal) -> None:
    first = await put(journal, glucose(1))
    other = replace(glucose(1), key=Key.sequence(1, DateTime(2026, 4, 1, 6, 30, 0)))
    second = await put(journal, other)
    assert second[0]["version"] == 1
    assert first[0]["id"] != second[0]["id"]


async def test_two_gateways_give_one_id(tmp_path: Path) -> None:
    """The same memory read by two hubs: the device's identity, not its address and not the hub, is in the id."""
    ids = []
    for hub, address in (("one", A), ("two", B)):
        journal = Journal(tmp_path / f"{hub}.db")
        new = await put(journal, glucose(), on=facts(address), about=info())
        ids.append({t["id"] for t in new if t["type"] == "blood-glucose"})
        journal.close()
    assert ids[0] == ids[1]


async def test_an_identity_is_chosen_at_first_contact_and_kept(journal: Journal) -> None:
    """What the device says of itself later changes nothing."""
    first = await put(journal, glucose())
    again = await put(journal, glucose(), on=facts(session="s2"), about=info())
    assert [t["type"] for t in again] == ["device"]
    assert again[0]["device"]["identity"] == first[0]["device"]["identity"] == f"address:{A}"


@pytest.mark.parametrize(
    ("about", "identity"),
    [
        (None, f"address:{A}"),
        (info(), "system-id:AABBCCFFFE112233"),
        (replace(info(), system_id=None), "serial:M:G1:4711"),
        (replace(info(), system_id="0000000000000000"), "serial:M:G1:4711"),
        (replace(info(), system_id=None, serial_number="00000000"), f"address:{A}"),
    ],
)
def test_the_order_of_identities(about: DeviceInfo | None, identity: str) -> None:
    """System ID, then serial number, then address; values that chips are born with count for nothing."""
    assert device_identity(about, A) == identity


async def test_an_oximeter_reading_is_two_related_things(journal: Journal) -> None:
    reading = OxygenSaturation(
        frame=FRAME,
        key=Key.content(TIME, None, b"x", 0),
        device_time=TIME,
        spo2=Quantity(Decimal(97), "%"),
        pulse=Quantity(Decimal(61), "/min"),
    )
    saturation, pulse = await put(journal, reading)
    assert (saturation["type"], saturation["data"]["saturation"]["value"]) == ("blood-oxygen-saturation", "0.9700")
    assert (pulse["type"], pulse["data"]["rate"]["mdc"]) == ("heart-rate", 149530)
    assert {"id": pulse["id"], "relationship": "same-measurement"} in saturation["related"]


async def test_a_device_without_clock_and_numbers(journal: Journal) -> None:
    """Repeated after a lost confirmation it is one thing; measured twice in one session it is two."""

    def temperature(ordinal: int, received: float = T0) -> Temperature:
        frame = replace(FRAME, received=received, boottime=received - T0, position=int(received))
        return Temperature(frame=frame, key=Key.episode(b"\x01", ordinal), temperature=Quantity(Decimal("36.8"), "Cel"))

    assert len(await put(journal, temperature(0))) == 1
    assert await put(journal, temperature(0, T0 + 30), on=facts(session="s2")) == []
    assert len(await put(journal, temperature(1, T0 + 31), on=facts(session="s2"))) == 1
    assert len(await put(journal, temperature(0, T0 + 900), on=facts(session="s3"))) == 1


async def test_people(journal: Journal) -> None:
    """The device's user first, then the device's owner, else nobody: never the nearest."""
    users = DeviceSection(address=A, users={"1": "anna", "2": "ben"}, person="carl")

    def cuff(user: int | None, ordinal: int) -> BloodPressure:
        return BloodPressure(
            frame=FRAME,
            key=Key.content(TIME, user, b"p", ordinal),
            device_time=TIME,
            user_index=user,
            systolic=Quantity(Decimal("16.0"), "kPa"),
            diastolic=Quantity(Decimal("10.7"), "kPa"),
        )

    new = await put(journal, cuff(2, 0), cuff(7, 1), cuff(None, 2), on=facts(settings=users))
    assert [t.get("person") for t in new] == ["ben", None, "carl"]
    assert new[0]["data"]["systolic"]["value"] == "120.0"
    assert new[0]["data"]["systolic"]["display"] == {"value": "16.0", "unit": "kPa"}
    assert "person" not in (await put(journal, cuff(1, 3)))[0]


async def test_digits_survive(journal: Journal) -> None:
    """2.0 is not 2."""
    new = await put(journal, glucose(value="2.0", unit="mmol/L"))
    assert new[0]["data"]["glucose"]["value"] == "2.0"
    assert '"2.0"' in json.dumps(new[0])


async def test_no_health_value_gets_into_an_error(journal: Journal) -> None:
    """A thing that cannot be made says where, not what."""
    with pytest.raises(ValueError, match="validation error") as caught:
        await put(journal, replace(glucose(), status=(object(),)))  # type: ignore[arg-type]
    assert "101" not in str(caught.value)


async def test_who_the_device_is_stands_in_all_that_comes_after_it_was_told(journal: Journal) -> None:
    session = facts()
    [before] = await put(journal, glucose(1), on=session)
    await put(journal, about=info(), on=session)
    [after] = await put(journal, glucose(2), on=session)
    assert "model" not in before["device"]
    assert after["device"]["model"] == "G1"


def test_a_field_that_a_later_version_adds_makes_no_new_versions() -> None:
    class LaterData(WeightData):
        novel: str | None = None

    class LaterThing(WeightThing):
        data: LaterData

    weight = Measured(value=Decimal(70), unit="kg", display=Display(value=Decimal(70), unit="kg"))
    common: dict[str, Any] = {
        "id": "1",
        "version": 1,
        "when": When(time="2026-03-14T07:00:00Z", quality=Quality.RECEIVED),
        "device": DeviceRef(identity="i", address="a", name="n"),
        "provenance": Provenance(
            driver="d", gateway="g", simulated=False, received="r", received_boottime=1.0, boot_id="b", intake_position=1
        ),
    }
    now, later = WeightThing(**common, data=WeightData(weight=weight)), LaterThing(**common, data=LaterData(weight=weight))
    told = LaterThing(**common, data=LaterData(weight=weight, novel="x"))
    one, same, other = (candidate.digest for candidate in candidates([now, later, told]))
    assert one == same
    assert other != one

"""The clock rules once more, end to end: a virtual sensor with the case's clock and stamp, heard over the virtual radio."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from bumble.core import UUID
from bumble.gatt import Service
from bumble.link import LocalLink
from bumble.pairing import PairingDelegate

from gateway import registry
from gateway.app import Gateway
from gateway.normalize.things import Quality
from gateway.simulator.memory import Memory, Stored
from gateway.simulator.play import config
from gateway.simulator.radio import backends, make_device
from gateway.simulator.sensor import CELSIUS, TEMPERATURE, HealthSensor
from gateway.simulator.world import HUB
from gateway.transports.ble import BleakRadio
from profiles import acom
from profiles.acom_writer import encode
from profiles.gatt import elapsed_time as ets
from profiles.times import DateTime
from tests.gateway.test_clock_rules import BOOTED, CASES, Case
from tests.support.fakes import FakeClock, until

ADDRESS = "C0:FF:EE:00:00:0F"


@dataclass
class Hub(FakeClock):
    place: tzinfo = UTC

    def zone(self) -> tzinfo:
        return self.place


@dataclass
class Timed:
    """How the case's device tells time: as a local one, or by its distance from UTC; in seconds or finer."""

    case: Case

    def said(self, moment: DateTime, of: str) -> ets.ElapsedTime:
        local, minutes = moment.naive(), self.case.minutes(of)
        assert local is not None
        thousandths = round((local - ets.EPOCH) / timedelta(milliseconds=1)) - (minutes or 0) * 60_000
        flags = ets.Flags(int(ets.Resolution.MILLISECOND) << 2)
        if of == "clock":
            thousandths += round(Decimal(self.case.flags.get("fraction", "0")) * 1000)
        if minutes is not None:
            flags |= ets.Flags.UTC | ets.Flags.OFFSET_USED
        if "never-set" not in self.case.flags:
            flags |= ets.Flags.CURRENT_TIMELINE
        source = ets.SyncSource.NETWORK_TIME_PROTOCOL if "synchronized" in self.case.flags else ets.SyncSource.MANUAL
        return ets.ElapsedTime(flags, thousandths, source, (minutes or 0) // ets.QUARTERS_TO_MINUTES)


def sensor(case: Case, link: LocalLink, memory: Memory) -> HealthSensor:
    timed = Timed(case)

    class Sensor(HealthSensor):
        CLOCK_BEHIND = timedelta(0) if case.clock is not None else None

        def clock_service(self) -> Service:
            def show() -> bytes:
                assert case.clock is not None
                now = timed.said(case.clock, "clock")
                status, able = ets.ClockStatus(0), ets.ClockCapabilities(0)
                return ets.CurrentElapsedTime(now.flags, now.time_value, now.sync_source, now.offset, status, able).encode()

            return Service(UUID.from_16_bits(ets.SERVICE), [self.shown(ets.CurrentElapsedTime.uuid, show)])

    made = Sensor(link, ADDRESS, memory, lambda: datetime.now().astimezone())
    said = acom.Observation(
        observation_class=acom.Class.NUMERIC,
        flags=acom.Flags(0),
        type=TEMPERATURE,
        timestamp=timed.said(case.stamp, "stamp") if case.stamp is not None else None,
        value=acom.Numeric(Decimal("36.8"), CELSIUS),
    )
    memory.add(Stored(1, encode(said).hex(), expected=[]))
    return made


async def heard(case: Case, place: Path, hub: Hub, ready: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The thing that the gateway makes of it, once it is `ready`."""
    link = LocalLink()  # type: ignore[no-untyped-call]  # bumble leaves it untyped
    (place / "device").mkdir()
    device = sensor(case, link, Memory(place / "device", ADDRESS))
    await device.start()
    adapter = make_device(link, "hub", HUB, PairingDelegate())
    await adapter.power_on()
    gateway = Gateway(config(place / "state", ()), registry.load(), BleakRadio(*backends(adapter)), hub, simulated=True, sinks={})
    running = asyncio.create_task(gateway.run())
    await gateway.ready.wait()
    await device.advertise()

    def measured() -> list[dict[str, Any]]:
        return [json.loads(row.body) for row in gateway.journal.latest() if row.type == "vital-signs"]

    try:
        await until(lambda: [thing for thing in measured() if ready(thing)])
        [thing] = measured()
        return thing
    finally:
        gateway.stop()
        await running
        await device.stop()
        await adapter.power_off()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}: {case.what}")
async def test_the_rules_on_air(case: Case, tmp_path: Path) -> None:
    hub = Hub(time=case.now.timestamp(), trusted="untrusted" not in case.flags, place=case.zone)
    thing = await heard(case, tmp_path, hub, lambda _thing: True)
    assert (thing["when"]["time"], thing["when"]["quality"]) == (case.time, case.quality)
    assert thing["when"].get("device_time") == (None if case.stamp is None else str(case.stamp))
    assert thing["data"]["temperature"]["value"] == "36.8"


HOUR = [case for case in CASES if case.what in ("six minutes behind, six minutes are added", "no stamp: the time of reception", "ticks")]


@pytest.mark.parametrize("case", HOUR, ids=lambda case: f"{case.rule}: {case.what}")
async def test_read_in_1970_and_synchronized_an_hour_later(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.app.PENDING_CHECK_SECONDS", 0.1)
    hub = Hub(time=BOOTED, boot=10.0, trusted=False, place=case.zone)
    now = case.now.timestamp()

    def ready(thing: dict[str, Any]) -> bool:
        if thing["version"] == 1 and not hub.trusted:
            assert thing["when"]["quality"] == Quality.TIME_PENDING
            hub.boot += 3600
            hub.time, hub.trusted = now + 3600, True
        return bool(thing["version"] > 1)

    thing = await heard(case, tmp_path, hub, ready)
    assert (thing["when"]["time"], thing["when"]["quality"]) == (case.time, case.quality)

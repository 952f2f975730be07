"""A gateway and one played device, from the first advertisement to the things in the journal; and whether they are those of the capture."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from bumble.link import LocalLink

from drivers import CableDriver
from drivers.kit.capture import Record
from gateway.app import Gateway
from gateway.clock import SystemClock
from gateway.config import BluetoothSection, CablesSection, Config, DeviceSection, DiskSection, GatewaySection, PageSection, TimeSection
from gateway.conformance.case import Case, seen
from gateway.filing import Filing
from gateway.journal import Journal
from gateway.replay import work_off
from gateway.simulator.played.cable import PORT, PlayedPorts, plugged_of
from gateway.simulator.played.radio import Advertising, Played
from gateway.simulator.played.script import Script, script_of
from gateway.simulator.radio import Typist, backends, make_device
from gateway.sinks.base import Sink
from gateway.transports.ble import BleakRadio
from gateway.transports.radio import Radio

HUB, ADDRESS = "C0:FF:EE:00:00:00", "C0:FF:EE:00:00:01"
TURN_SECONDS, POLL_SECONDS = 0.5, 0.1


@dataclass(frozen=True, slots=True)
class Outcome:
    expected: int
    things: int

    @property
    def good(self) -> bool:
        return 0 < self.expected <= self.things


async def _measured(case: Case, capture: Sequence[Record]) -> int:
    """How many things the capture comes to, without the device's own."""
    with tempfile.TemporaryDirectory() as place:
        journal = Journal(Path(place) / "journal.db")
        try:
            await work_off(capture, case.registry, Filing(journal, ZoneInfo("UTC")))
            return _count(journal)
        finally:
            journal.close()


def _count(journal: Journal) -> int:
    return len({row.id for row in journal.everything() if row.type != "device"})


async def serve(case: Case, capture: Sequence[Record], state: Path, *, seconds: float, sinks: Mapping[str, Sink]) -> Outcome:
    """Until everything has arrived, or for so many seconds."""
    driver = case.loaded.driver
    script = await script_of(driver, capture)
    expected = await _measured(case, capture)
    if isinstance(driver, CableDriver):
        return await _read(
            case, _config(state, _named_port(case)), _nothing_on_air(), PlayedPorts(plugged_of(driver), script), sinks, expected, seconds
        )
    link = LocalLink()  # type: ignore[no-untyped-call]  # bumble leaves it untyped
    device, section = _device(case, capture, link, script)
    hub = make_device(link, "hub", HUB, Typist(_no_passkey, lambda: hub))
    await device.start()
    await hub.power_on()
    living = asyncio.create_task(_live(device))
    try:
        return await _read(case, _config(state, section), BleakRadio(*backends(hub)), None, sinks, expected, seconds)
    finally:
        living.cancel()
        with suppress(Exception):
            await device.stop()
            await hub.power_off()


def _device(case: Case, capture: Sequence[Record], link: LocalLink, script: Script) -> tuple[Played, DeviceSection]:
    said = next((entry["advertisement"] for entry in case.catalog if entry.get("advertisement")), None) or {
        "services": [],
        "local_name": "played",
    }
    policy = capture[0].extra.get("policy") or {}
    told = str(capture[0].extra.get("a", ""))
    is_heard = getattr(case.loaded.driver, "hears", None) is not None
    address = told if is_heard and told.count(":") == 5 else ADDRESS  # noqa: PLR2004 - six octets; it may be in what is advertised
    is_named = not any(entry.get("advertisement") for entry in case.catalog)
    section = DeviceSection(
        address=address,
        driver=case.name if is_named else None,
        bindkey=policy.get("bindkey"),
        consent={str(user): code for user, code in policy.get("consent", {}).items()},
    )
    kind = Advertising if is_heard else Played
    return kind(link, address, script, seen({**said, "address": address})), section


def _named_port(case: Case) -> DeviceSection | None:
    driver = case.loaded.driver
    assert isinstance(driver, CableDriver)  # noqa: S101 - the caller has looked
    return DeviceSection(port=PORT, driver=driver.name) if not driver.plugs or all(plug.generic for plug in driver.plugs) else None


def _config(state: Path, section: DeviceSection | None) -> Config:
    return Config(
        gateway=GatewaySection(state=state),
        time=TimeSection(trust="simulated"),
        disk=DiskSection(reserve_mb=1),
        bluetooth=BluetoothSection(accept="any", idle_seconds=1.5, reconnect_seconds=2),
        cables=CablesSection(idle_seconds=0.5),
        page=PageSection(listen="off"),
        device=(section,) if section is not None else (),
    )


async def _read(
    case: Case, config: Config, radio: Radio, ports: PlayedPorts | None, sinks: Mapping[str, Sink], expected: int, seconds: float
) -> Outcome:
    gateway = Gateway(config, case.registry, radio, SystemClock("simulated"), simulated=True, sinks=sinks, ports=ports)
    running = asyncio.create_task(gateway.run())
    arrived = 0
    try:
        async with asyncio.timeout(seconds):
            ready = asyncio.create_task(gateway.ready.wait())
            await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
            # The journal is asked, which tells nobody by itself.
            while not running.done() and (arrived := _count(gateway.journal)) < expected:  # noqa: ASYNC110 - see above
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        pass
    finally:
        gateway.stop()
        await running
    return Outcome(expected, arrived)


async def _live(device: Played) -> None:
    while True:
        await device.advertise()
        await asyncio.sleep(TURN_SECONDS)


async def _no_passkey(_addresses: list[str]) -> int | None:
    return None


def _nothing_on_air() -> Radio:
    from gateway.simulator.played.quiet import QuietRadio  # noqa: PLC0415 - for cables alone

    return QuietRadio()

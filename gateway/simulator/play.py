"""A gateway among virtual devices, from the start to the comparison with what the devices know."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from gateway import registry
from gateway.app import Gateway
from gateway.clock import Clock, SystemClock
from gateway.config import BluetoothSection, Config, DeviceSection, DiskSection, GatewaySection, PageSection, PersonSection, TimeSection
from gateway.encryption import NO_KEYS, Keys
from gateway.journal.reading import read_all
from gateway.opening import keys_of
from gateway.signals import run_until_signalled
from gateway.simulator.advertisers import BTHomeScale
from gateway.simulator.devices import Meter, Oximeter
from gateway.simulator.memory import Verdict, compare, truths
from gateway.simulator.pushers import BodyScale, Cuff, Thermometer
from gateway.simulator.streamers import Belt
from gateway.simulator.users import UserScale
from gateway.simulator.world import ADDRESSES, World
from gateway.sinks.base import Sink

FAMILY = (
    DeviceSection(address=ADDRESSES[UserScale], consent={str(user): code for user, code in UserScale.CODES.items()}),
    DeviceSection(address=ADDRESSES[BTHomeScale], bindkey=BTHomeScale.KEY),
)
"""The owner has the codes from the scale's display, and the key from its maker's app."""

AT_HOME = (
    *FAMILY[1:],
    FAMILY[0].model_copy(update={"users": {"1": "anna", "2": "ben"}}),
    DeviceSection(address=ADDRESSES[Cuff], name="Cuff in the hall", person="anna"),
    DeviceSection(address=ADDRESSES[Meter], name="Glucose meter", person="anna"),
    DeviceSection(address=ADDRESSES[BodyScale], name="Scale in the bathroom", person="anna"),
    DeviceSection(address=ADDRESSES[Thermometer], name="Thermometer", person="ben"),
    DeviceSection(address=ADDRESSES[Oximeter], name="Oximeter", person="ben"),
    DeviceSection(address=ADDRESSES[Belt], name="Belt", person="ben"),
)
"""Anna and Ben, for whom the page shows something; what the other devices measure waits to be assigned."""


def config(
    state: Path,
    device: tuple[DeviceSection, ...] = FAMILY,
    person: tuple[PersonSection, ...] = (),
    page: PageSection = PageSection(listen="off"),  # noqa: B008 - it is frozen
) -> Config:
    """Everything in one directory, quick turns, and every device welcome."""
    return Config(
        gateway=GatewaySection(state=state),
        time=TimeSection(trust="simulated"),
        disk=DiskSection(reserve_mb=1),
        bluetooth=BluetoothSection(accept="any", idle_seconds=1.5, reconnect_seconds=2),
        page=page,
        person=person,
        device=device,
    )


def at_home(state: Path) -> Config:
    """The same with two people, and the page."""
    return config(state, AT_HOME, (PersonSection(id="anna"), PersonSection(id="ben")), PageSection())


@dataclass(frozen=True)
class House:
    """What a test may want otherwise than the demo has it."""

    devices: Path
    config: Config
    config_path: Path | None = None
    clock: Clock = field(default_factory=lambda: SystemClock("simulated"))
    meter_records: int = 20


async def play(
    state: Path,
    *,
    seed: int,
    seconds: float | None,
    sinks: Mapping[str, Sink] | None,
    device: tuple[DeviceSection, ...] = FAMILY,
    stored_only: bool = False,
    watch: Callable[[Gateway, World], None] | None = None,
    house: House | None = None,
) -> Verdict:
    """Run for `seconds` or until a signal. `stored_only` leaves out the belt, which remembers nothing across a crash."""
    house = house or House(state / "simulator", config(state, device))
    world = World(house.devices, seed=seed, now=lambda: datetime.now().astimezone(), meter_records=house.meter_records)
    radio = await world.start(stored_only=stored_only)
    gateway = Gateway(
        house.config,
        registry.load(),
        radio,
        house.clock,
        config_path=house.config_path,
        simulated=True,
        sinks=sinks,
    )
    if watch is not None:
        watch(gateway, world)
    living = asyncio.create_task(world.live())
    try:
        await run_until_signalled(gateway, seconds=seconds)
    finally:
        living.cancel()
        await world.stop()
        await _end_what_is_left()
    return verdict(state, house.devices, keys_of(house.config))


async def _end_what_is_left() -> None:
    """Bumble's own tasks may swallow a cancellation that comes together with what they wait for (asyncio.wait_for before Python
    3.12), and would then keep the process from ending: cancel until they are gone.
    """
    for _ in range(100):
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if not left:
            return
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=0.1)


def verdict(state: Path, devices: Path, keys: Keys = NO_KEYS) -> Verdict:
    """The devices' own lists, kept in `devices`, against the journal."""
    return compare(truths(devices), (json.loads(row.body) for row in read_all(state / "journal.db", keys)))

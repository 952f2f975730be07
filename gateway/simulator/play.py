"""A gateway among virtual devices, from the start to the comparison with what the devices know."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from gateway import registry
from gateway.app import Gateway, run_until_signalled
from gateway.clock import SystemClock
from gateway.config import BluetoothSection, Config, DeviceSection, DiskSection, GatewaySection, TimeSection
from gateway.journal.store import read_all
from gateway.simulator.memory import Verdict, compare, truths
from gateway.simulator.world import World
from gateway.sinks.base import Sink


def config(state: Path, device: tuple[DeviceSection, ...] = ()) -> Config:
    """Everything in one directory, quick turns, and every device welcome."""
    return Config(
        gateway=GatewaySection(state=state),
        time=TimeSection(trust="simulated"),
        disk=DiskSection(reserve_mb=1),
        bluetooth=BluetoothSection(accept="any", idle_seconds=1.5, reconnect_seconds=2),
        device=device,
    )


async def play(
    state: Path,
    *,
    seed: int,
    seconds: float,
    sinks: Mapping[str, Sink],
    device: tuple[DeviceSection, ...] = (),
    stored_only: bool = False,
    watch: Callable[[Gateway, World], None] | None = None,
) -> Verdict:
    """Run for `seconds` or until a signal. `stored_only` leaves out the belt, which remembers nothing across a crash."""
    world = World(state / "simulator", seed=seed, now=lambda: datetime.now().astimezone())
    radio = await world.start(stored_only=stored_only)
    gateway = Gateway(
        config(state, device),
        registry.load(),
        radio,
        SystemClock("simulated"),
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
    return verdict(state)


def verdict(state: Path) -> Verdict:
    """The devices' own lists against the journal."""
    return compare(truths(state / "simulator"), (json.loads(row.body) for row in read_all(state / "journal.db")))

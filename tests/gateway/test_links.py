"""Links that go at every packet boundary, over the virtual radio, with the truth compared at the end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway import attendant
from gateway.app import Gateway
from gateway.simulator import world as worlds
from gateway.simulator.peripheral import Peripheral
from gateway.simulator.play import House, config, play
from gateway.simulator.world import World
from gateway.sinks.file import FileSink

SECONDS, IDLE_SECONDS = 90.0, 0.5
LEAST_CUTS = {
    # Packets of one conversation, answers of control points included. What a device forgets meanwhile it need not say again.
    "Meter": 11,
    "Sensor": 9,
    "StoringCuff": 12,
    "Oximeter": 5,
    "HealthSensor": 15,
    "Pump": 8,
    "Tracker": 8,
    "UserScale": 4,
    "Cuff": 6,
    "Scale": 3,
    "BodyScale": 4,
}


class Shaky:
    """A device whose first connection ends at its first packet, the next at the second, and so on, until one carries everything.

    `before`: the packet at which it ends is not sent. Else it has arrived, and was confirmed where it is an indication.
    """

    def __init__(self, device: Peripheral, *, before: bool) -> None:
        self._device, self._before = device, before
        self._sent = 0
        self.ended_at: set[int] = set()
        self._steady = self._ended = False
        notify, indicate = device.notify, device.indicate

        async def shaky_notify(characteristic: Any, data: bytes) -> None:
            if await self._goes_on(first=True):
                await notify(characteristic, data)
                await self._goes_on(first=False)

        async def shaky_indicate(characteristic: Any, data: bytes) -> bool:
            return await self._goes_on(first=True) and await indicate(characteristic, data) and await self._goes_on(first=False)

        device.notify, device.indicate = shaky_notify, shaky_indicate  # type: ignore[method-assign]
        device.device.on("connection", self._connected)

    @property
    def steady(self) -> bool:
        """It has said everything, in a connection that lasted, or has nothing left."""
        return self._steady or not self._device.memory.records

    def _connected(self, connection: Any) -> None:
        self._sent, self._ended = 0, False
        connection.on("disconnection", self._disconnected)

    def _disconnected(self, _reason: int) -> None:
        if self._sent and not self._ended:
            self._steady = True

    async def _goes_on(self, *, first: bool) -> bool:
        self._sent += first
        if self._steady or first != self._before or self._sent != len(self.ended_at) + 1:
            return True
        self._ended = True
        self.ended_at.add(self._sent)
        await self._device.hang_up()
        return False


@pytest.mark.parametrize("before", [False, True], ids=["after", "before"])
async def test_a_link_that_goes_at_every_packet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, before: bool) -> None:
    """Nothing lost, doubled or merged, for each kind of device that keeps its records until they are taken."""
    monkeypatch.setattr(attendant, "slower", lambda _failures, _slowest: 0.05)
    monkeypatch.setattr(worlds, "VISIT_SECONDS", 0.1)
    usual = config(tmp_path)
    quick = usual.model_copy(
        update={"bluetooth": usual.bluetooth.model_copy(update={"idle_seconds": IDLE_SECONDS, "reconnect_seconds": 0.1})}
    )
    shaky: dict[str, Shaky] = {}
    stopping: list[asyncio.Task[None]] = []

    async def stop_when_done(gateway: Gateway) -> None:
        while not all(one.steady for one in shaky.values()):  # noqa: ASYNC110 - the devices have no event for it
            await asyncio.sleep(0.1)
        await asyncio.sleep(2 * IDLE_SECONDS)
        gateway.stop()

    def watch(gateway: Gateway, world: World) -> None:
        shaky.update({type(device).__name__: Shaky(device, before=before) for device in world.devices})
        stopping.append(asyncio.create_task(stop_when_done(gateway)))

    verdict = await play(
        tmp_path,
        seed=3,
        seconds=SECONDS,
        sinks={"file": FileSink(tmp_path / "things.ndjson")},
        stored_only=True,
        watch=watch,
        house=House(tmp_path / "simulator", quick, meter_records=10),
    )
    assert all(one.steady for one in shaky.values()), {name: sorted(one.ended_at) for name, one in shaky.items()}
    for name, one in shaky.items():
        assert one.ended_at == set(range(1, len(one.ended_at) + 1)), name
    cuts = {name: len(one.ended_at) for name, one in shaky.items()}
    assert all(cuts[name] >= least for name, least in LEAST_CUTS.items()), cuts
    assert verdict.good, verdict

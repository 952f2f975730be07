"""The gateway over bleak's own BlueZ backend and a bluetoothd stand-in: pairing, bonds, and what bluetoothd does wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.simulator.pushers import Cuff
from tests.support.bluez.bus import private_bus
from tests.support.bluez.home import home


@pytest.fixture(autouse=True)
def _bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with private_bus(tmp_path) as address:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        yield


async def test_a_cuff_is_paired_by_the_number_that_it_shows(tmp_path: Path) -> None:
    async with home(tmp_path, Cuff) as house:
        async with asyncio.TaskGroup() as group:
            group.create_task(house.type_what_is_shown(Cuff))
            said = group.create_task(house.read(Cuff))
        assert said.result()["problem"] is None
        assert house.verdict().good, house.verdict()

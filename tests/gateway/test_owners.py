"""What the owner of a device is told, what only his word permits, and how long his devices are waited for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.config import DeviceSection
from tests.gateway.test_sessions import house
from tests.support.fakes import FakeDevice

A = "C1:00:00:00:00:01"


async def test_what_the_owner_should_know_is_in_the_status_and_goes_when_it_is_over(tmp_path: Path) -> None:
    scale = FakeDevice(A, frozenset({0x181D}), {0x2A19: b"\x07"}, frozenset({0x2A9D}))
    async with house(tmp_path, scale) as home:
        await home.read(scale)
        assert home.known[A]["notices"] == ["its battery is at 7 %"]
        scale.values[0x2A19] = b"\x5a"
        home.clock.pass_(120)
        await home.read(scale)
        assert home.known[A]["notices"] == []


async def test_nobody_is_registered_on_a_device_without_the_owners_word(tmp_path: Path) -> None:
    scale = FakeDevice(A, frozenset({0x181D}), {}, frozenset({0x2A9D, 0x2A9F}))
    async with house(tmp_path, scale) as home:
        await home.read(scale)
        assert scale.written == []
        assert "consent" in home.known[A]["notices"][0]


async def test_a_user_is_registered_with_a_code_that_is_drawn_and_kept(tmp_path: Path) -> None:
    async def answer(device: FakeDevice, characteristic: int, data: bytes) -> None:
        device.send(0x2A9F, bytes((0x20, data[0], 1)) + (b"\x02" if data[0] == 1 else b""))

    scale = FakeDevice(A, frozenset({0x181D}), {}, frozenset({0x2A9D, 0x2A9F}), answers=answer)
    async with house(tmp_path, scale, listed=(DeviceSection(address=A, register_user=True),)) as home:
        await home.read(scale)
        home.clock.pass_(120)
        await home.read(scale)
        assert [data[0] for _, data in scale.written] == [1, 2, 2]
        assert scale.written[1][1] == scale.written[2][1] == b"\x02\x02" + scale.written[0][1][1:]


@pytest.mark.parametrize(("interval", "expected"), [(b"\x01\x00", 2), (b"\x00\x00", 1)])
async def test_one_that_measures_at_an_interval_is_waited_for(tmp_path: Path, interval: bytes, expected: int) -> None:
    async def twice(device: FakeDevice) -> None:
        device.send(0x2A1C, bytes.fromhex("006c0100ff"))
        await asyncio.sleep(0.7)  # the usual patience here is 0.2
        device.send(0x2A1C, bytes.fromhex("006d0100ff"))

    patch = FakeDevice(A, frozenset({0x1809}), {0x2A21: interval}, frozenset({0x2A1C}), script=twice)
    async with house(tmp_path, patch) as home:
        await home.read(patch)
        assert patch.connections == 1
        assert len(home.things("vital-signs")) == expected


async def test_nobody_is_waited_for_longer_than_an_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.sessions.MOST_PATIENT_SECONDS", 0.3)
    patch = FakeDevice(A, frozenset({0x1809}), {0x2A21: b"\xff\xff"}, frozenset({0x2A1C}))
    async with house(tmp_path, patch) as home:
        async with asyncio.timeout(5):
            state = await home.read(patch)
        assert (state["sessions"], state["problem"]) == (1, None)


async def test_what_is_worn_is_listened_to_for_longer_than_a_session(tmp_path: Path) -> None:
    async def beat(device: FakeDevice) -> None:
        for _ in range(8):
            device.send(0x2A37, b"\x00\x3c")
            await asyncio.sleep(0.1)

    belt = FakeDevice(A, frozenset({0x180D}), {}, frozenset({0x2A37}), script=beat)
    async with house(tmp_path, belt, bluetooth={"session_seconds": 0.3, "idle_seconds": 2}) as home:
        await home.read(belt)
        assert [thing["data"]["samples"] for thing in home.things("heart-rate")] == [8]

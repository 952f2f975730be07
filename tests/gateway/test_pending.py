"""Readings that are filed together: before anything is waited for or written, and with what was known when they were given out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from drivers import Batch, Command, Confused, DeviceClock, Frame, Key, Policy, Quantity, Temperature
from gateway.matching import Loaded
from gateway.registry import Registry
from profiles.times import DateTime
from tests.gateway.test_sessions import REGISTRY, House, house
from tests.support.fakes import FakeDevice

A = "C1:00:00:00:00:01"
FORGET, REGISTER = b"\x02\x01", b"\x01\xe1\x10"
POINT, USERS = 0x2A52, 0x2A9F
COMMANDS = (Command(POINT, FORGET[:1], forgets=True), Command(USERS, REGISTER[:1], registers=True))


def temperature(frame: Frame, number: int) -> Temperature:
    moment = DateTime(2026, 3, 14, 6, 30, number)
    return Temperature(
        frame=frame, key=Key.content(moment, None, bytes((number,)), 0), device_time=moment, temperature=Quantity(Decimal(37), "Cel")
    )


async def sends_three(device: FakeDevice) -> None:
    """All before the driver sees the first: two are waiting while it is busy with that."""
    for number in range(3):
        device.send(0x2A1C, bytes((number,)))


def thermometer() -> FakeDevice:
    return FakeDevice(A, frozenset({0x1809}), notifies=frozenset({0x2A1C, POINT, USERS}), script=sends_three)


def driven_by(home: House, read: Any) -> None:
    usual = next(item for item in REGISTRY.loaded if item.driver.name == "thermometer")
    home.attendant._registry = Registry([Loaded(replace(usual.driver, read=read, commands=COMMANDS), "ours.py", "")])


async def first(link: Any) -> Frame:
    await link.subscribe(0x2A1C)
    frame = await link.receive()
    assert isinstance(frame, Frame)
    assert getattr(link, "has_waiting", True), "more has come"  # a replay has no such thing
    return frame


async def test_what_was_given_out_is_safe_before_the_device_is_told_to_forget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    async def read(link: Any) -> AsyncIterator[Batch]:
        frame = await first(link)
        yield Batch((temperature(frame, 1),))
        await link.write(POINT, FORGET)

    device = thermometer()
    async with house(tmp_path, device) as home:
        driven_by(home, read)
        monkeypatch.setattr("gateway.attendant.policy_of", lambda _settings: Policy(forget=True))
        before = home.intake.flush

        async def flush() -> None:
            seen.append(len(home.things("vital-signs")))
            await before()

        home.intake.flush = flush  # type: ignore[method-assign]
        await home.read(device)
        assert seen == [1], "in the journal before it is written"
        assert device.written == [(POINT, FORGET)]


async def test_what_was_complete_before_an_error_counts(tmp_path: Path) -> None:
    async def read(link: Any) -> AsyncIterator[Batch]:
        frame = await first(link)
        yield Batch((temperature(frame, 1),))
        raise Confused("an answer that fits no question")

    device = thermometer()
    async with house(tmp_path, device) as home:
        driven_by(home, read)
        real, filed = home.attendant._filing.file, []

        async def file(facts: Any, batch: Batch, rejected: Any) -> Any:
            new = await real(facts, batch, rejected)
            filed.append((facts.replaying, len(new)))
            return new

        home.attendant._filing.file = file  # type: ignore[method-assign]
        state = await home.read(device)
        assert filed[0] == (False, 1), "at once, and not by working off the capture"
        assert "fits no question" in state["problem"]


async def test_a_clock_is_not_for_what_was_given_out_before_it(tmp_path: Path) -> None:
    async def read(link: Any) -> AsyncIterator[Batch]:
        frame = await first(link)
        yield Batch((temperature(frame, 1),))
        yield Batch((DeviceClock(frame, DateTime(2026, 3, 14, 6, 50, 0)),))
        yield Batch((temperature(frame, 2),))

    device = thermometer()
    async with house(tmp_path, device) as home:
        driven_by(home, read)
        await home.read(device)
        qualities = {thing["when"]["device_time"][-2:]: thing["when"]["quality"] for thing in home.things("vital-signs")}
        assert qualities == {"01": "device-unchecked", "02": "corrected"}


async def test_many_are_filed_together_and_each_once(tmp_path: Path) -> None:
    sizes: list[int] = []

    async def read(link: Any) -> AsyncIterator[Batch]:
        await link.subscribe(0x2A1C)
        number = 0
        while (frame := await link.receive()) is not None:
            number += 1
            yield Batch((temperature(frame, number),))

    device = thermometer()
    async with house(tmp_path, device) as home:
        driven_by(home, read)
        real = home.attendant._filing.file

        async def file(facts: Any, batch: Batch, rejected: Any) -> Any:
            sizes.append(len(batch.items))
            return await real(facts, batch, rejected)

        home.attendant._filing.file = file  # type: ignore[method-assign]
        await home.read(device)
        assert sizes == [3]
        assert len(home.things("vital-signs")) == 3


async def test_a_user_is_not_registered_without_the_owners_word(tmp_path: Path) -> None:
    async def read(link: Any) -> AsyncIterator[Batch]:
        await first(link)
        await link.write(USERS, REGISTER)
        yield Batch()

    device = thermometer()
    async with house(tmp_path, device) as home:
        driven_by(home, read)
        state = await home.read(device)
        assert device.written == []
        assert "may not write" in state["problem"]


async def test_what_was_given_out_is_safe_before_the_device_is_read_from(tmp_path: Path) -> None:
    seen: list[int] = []

    async def read(link: Any) -> AsyncIterator[Batch]:
        frame = await first(link)
        yield Batch((temperature(frame, 1),))
        await link.read(0x2A19)
        seen.append(len(home.things("vital-signs")))

    device = thermometer()
    device.values[0x2A19] = b"\x50"
    async with house(tmp_path, device) as home:
        driven_by(home, read)
        await home.read(device)
        assert seen[0] == 1

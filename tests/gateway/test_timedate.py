"""Whether the clock is synchronized, where the service may not ask the kernel: on a bus of the test's own."""

from __future__ import annotations

import asyncio
import ctypes
import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dbus_fast.aio import MessageBus
from dbus_fast.constants import BusType, PropertyAccess
from dbus_fast.service import ServiceInterface, dbus_property
from structlog.testing import capture_logs

from gateway.clock import SystemClock
from gateway.transports import timedate
from tests.support.bluez.bus import private_bus
from tests.support.fakes import until


class Timedated(ServiceInterface):
    said = False

    def __init__(self) -> None:
        super().__init__(timedate.SERVICE)

    @dbus_property(access=PropertyAccess.READ)
    def NTPSynchronized(self) -> "b":  # type: ignore[name-defined]  # noqa: F821, N802, UP037 - dbus-fast's way to declare a signature
        return self.said


@pytest.fixture(autouse=True)
def _bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with private_bus(tmp_path) as made:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", made.address)
        yield


@pytest.fixture
def _filtered(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `ProtectClock=` has it: the system call is answered with EPERM."""

    class Libc:
        def adjtimex(self, _timex: Any) -> int:
            ctypes.set_errno(errno.EPERM)
            return -1

    monkeypatch.setattr("gateway.clock.ctypes.CDLL", lambda *_args, **_more: Libc())


async def on_the_bus(service: Timedated) -> MessageBus:
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    bus.export(timedate.PATH, service)
    await bus.request_name(timedate.SERVICE)
    return bus


@pytest.mark.usefixtures("_filtered")
async def test_what_timedated_says_is_believed_where_the_kernel_may_not_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timedate, "UNTIL_SECONDS", 0.01)
    monkeypatch.setattr(timedate, "AFTER_SECONDS", 0.01)
    service, clock = Timedated(), SystemClock("ntp")
    bus = await on_the_bus(service)
    assert clock.must_be_told
    await timedate.tell_once(clock)
    assert not clock.synchronized()
    telling = asyncio.create_task(timedate.tell(clock))
    service.said = True
    await until(clock.synchronized)
    service.said = False
    await until(lambda: not clock.synchronized())
    service.said = True
    await until(clock.synchronized)
    bus.disconnect()  # an answer that does not come changes nothing
    await asyncio.sleep(0.1)
    assert clock.synchronized()
    telling.cancel()


@pytest.mark.usefixtures("_filtered")
async def test_nobody_who_says_so_is_no_yes() -> None:
    clock = SystemClock("ntp")
    with capture_logs() as said:
        await timedate.tell_once(clock)
    assert not clock.synchronized()
    assert [one["log_level"] for one in said] == ["warning"]


async def test_without_a_bus_nobody_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere")
    assert await timedate.is_synchronized() is None


@pytest.mark.usefixtures("_filtered")
def test_who_trusts_another_clock_asks_nobody() -> None:
    clock = SystemClock("rtc")
    assert not clock.must_be_told
    assert clock.synchronized()


def test_the_kernel_is_asked_where_it_may_be() -> None:
    assert not SystemClock("ntp").must_be_told

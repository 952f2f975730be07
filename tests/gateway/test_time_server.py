"""The hub's time over a real message bus, asked for as bluetoothd asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from dbus_fast import BusType, DBusError, Message, MessageType
from dbus_fast.aio import MessageBus
from structlog.testing import capture_logs

from gateway.transports.bluez import time_server
from gateway.transports.bluez.time_server import ROOT, SERVICE, TimeServer, current_time, local_time
from profiles.gatt import current_time as cts
from tests.support.bluez.bus import PrivateBus, private_bus

MOMENT = datetime(2026, 7, 14, 9, 30, 5, 500_000, timezone(timedelta(hours=2)))
MANAGER_PATH = "/org/bluez/hci0"


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PrivateBus]:
    with private_bus(tmp_path) as made:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", made.address)
        yield made


class Bluez:
    """Its side: takes registrations, and reads from whoever has registered."""

    def __init__(self, connection: MessageBus) -> None:
        self.bus = connection
        self.registered: list[tuple[str, str]] = []
        self.refuses: str | None = None
        self.mute = False

    def answer(self, message: Message) -> Message | bool | None:
        if message.message_type is not MessageType.METHOD_CALL or message.destination != "org.bluez":
            return None
        if self.mute:
            return True  # taken, and left at that
        if message.member == "GetManagedObjects":
            return Message.new_method_return(message, "a{oa{sa{sv}}}", [{MANAGER_PATH: {time_server.MANAGER: {}}, "/org/bluez": {}}])
        if message.member == "RegisterApplication" and self.refuses is None:
            self.registered.append((str(message.sender), message.body[0]))
            return Message.new_method_return(message)
        return Message.new_error(message, self.refuses or "org.bluez.Error.Failed", "no")

    async def ask(self, path: str, interface: str, member: str, signature: str = "", *body: object) -> object:
        answer = await self.bus.call(
            Message(destination=self.registered[0][0], path=path, interface=interface, member=member, signature=signature, body=list(body))
        )
        assert answer is not None
        if answer.message_type is MessageType.ERROR:
            raise DBusError(str(answer.error_name), str(answer.body[0]))
        return answer.body[0]


@asynccontextmanager
async def bluez() -> AsyncIterator[Bluez]:
    connection = await MessageBus(bus_type=BusType.SYSTEM).connect()
    made = Bluez(connection)
    connection.add_message_handler(made.answer)
    await connection.request_name("org.bluez")
    yield made
    connection.disconnect()


@pytest.mark.usefixtures("bus")
async def test_what_is_registered_can_be_read_as_the_profile_wants_it() -> None:
    async with bluez() as other:
        server = TimeServer(lambda: MOMENT)
        await server.register()
        assert [root for _, root in other.registered] == [ROOT]
        objects = await other.ask(ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
        assert isinstance(objects, dict)
        assert set(objects) == {SERVICE, f"{SERVICE}/current", f"{SERVICE}/local"}
        assert objects[SERVICE]["org.bluez.GattService1"]["UUID"].value.startswith("00001805-")
        described = objects[f"{SERVICE}/current"]["org.bluez.GattCharacteristic1"]
        assert (described["UUID"].value[4:8], described["Service"].value, described["Flags"].value) == ("2a2b", SERVICE, ["read"])
        read = await other.ask(f"{SERVICE}/current", "org.bluez.GattCharacteristic1", "ReadValue", "a{sv}", {})
        assert isinstance(read, bytes)
        assert cts.CurrentTime.decode(read).datetime.naive() == datetime(2026, 7, 14, 9, 30, 5)  # noqa: DTZ001 - the device's clock has no zone
        assert read == current_time(MOMENT)
        assert await other.ask(f"{SERVICE}/local", "org.bluez.GattCharacteristic1", "ReadValue", "a{sv}", {}) == local_time(MOMENT)
        await server.close()


@pytest.mark.usefixtures("bus")
async def test_a_hub_that_does_not_know_the_time_does_not_tell_it() -> None:
    async with bluez() as other:
        server = TimeServer(lambda: None)
        await server.register()
        with pytest.raises(DBusError, match="not synchronized"):
            await other.ask(f"{SERVICE}/current", "org.bluez.GattCharacteristic1", "ReadValue", "a{sv}", {})
        await server.close()


@pytest.mark.usefixtures("bus")
async def test_it_is_registered_anew_and_what_fails_is_told_once() -> None:
    async with bluez() as other:
        server = TimeServer(lambda: MOMENT)
        await server.register()
        other.refuses = "org.bluez.Error.AlreadyExists"
        with capture_logs() as logs:
            await server.register()
            assert logs == [], "registered already is as good"
            other.refuses = "org.bluez.Error.NotPermitted"
            await server.register()
            await server.register()
            assert [entry["event"] for entry in logs] == ["devices cannot read the time from the hub"]
        other.refuses = None
        await server.register()
        assert len(other.registered) == 2
        await server.close()


@pytest.mark.usefixtures("bus")
async def test_a_bluetoothd_that_does_not_answer_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_server, "REGISTER_SECONDS", 0.2)
    async with bluez() as other:
        other.mute = True
        server = TimeServer(lambda: MOMENT)
        with capture_logs() as logs:
            async with asyncio.timeout(5):
                await server.register()
        assert [entry["problem"] for entry in logs] == ["TimeoutError"]
        await server.close()


async def test_without_a_bus_nothing_is_held_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus")
    with capture_logs() as logs:
        async with asyncio.timeout(5):
            await TimeServer(lambda: MOMENT).register()
    assert [entry["event"] for entry in logs] == ["devices cannot read the time from the hub"]


def test_the_zone_and_daylight_saving_are_told_apart() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    summer = cts.LocalTimeInformation.decode(local_time(datetime(2026, 7, 1, tzinfo=berlin)))
    winter = cts.LocalTimeInformation.decode(local_time(datetime(2026, 1, 1, tzinfo=berlin)))
    assert (summer.utc_offset_minutes, summer.dst_offset_minutes) == (60, 60)
    assert (winter.utc_offset_minutes, winter.dst_offset_minutes) == (60, 0)
    west = cts.LocalTimeInformation.decode(local_time(datetime(2026, 1, 1, tzinfo=ZoneInfo("America/St_Johns"))))
    assert west.utc_offset_minutes == -210
    assert cts.LocalTimeInformation.decode(local_time(datetime(2026, 1, 1, tzinfo=UTC))).utc_offset_minutes == 0

"""The radio port over real bleak on the virtual radio: pairing, refusals, lost links, a silent scan."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import pytest
from bleak.exc import BleakError
from bumble.att import ATT_Error, AttributeValueV2
from bumble.gatt import Characteristic
from bumble.link import LocalLink

from drivers import Busy, DeviceError, Refused, Silent, Why
from gateway.errors import AdapterError, AdapterProblem
from gateway.simulator.peripheral import PERMISSIONS, PROPERTIES, Peripheral
from gateway.simulator.pushers import Cuff, Scale
from gateway.simulator.radio import backends, make_device
from gateway.simulator.world import ADDRESSES, World
from gateway.transports import ble
from gateway.transports.ble import BleakRadio
from gateway.transports.radio import Connection, Seen
from profiles.gatt import blood_pressure as bls
from profiles.gatt import weight_scale as wss


async def started(tmp_path: Path) -> tuple[World, BleakRadio]:
    world = World(tmp_path, seed=1, now=lambda: datetime.now().astimezone())
    return world, await world.start(stored_only=True)


async def found(radio: BleakRadio, address: str) -> Seen:
    """The first advertisement of `address`."""
    seen: asyncio.Future[Seen] = asyncio.get_running_loop().create_future()

    def on_seen(item: Seen) -> None:
        if item.advertisement.address == address and not seen.done():
            seen.set_result(item)

    scanning = asyncio.create_task(radio.scan(on_seen))
    try:
        async with asyncio.timeout(10):
            return await seen
    finally:
        scanning.cancel()
        await asyncio.gather(scanning, return_exceptions=True)


async def connected(
    world: World, radio: BleakRadio, kind: type[Peripheral], frames: list[bytes], lost: list[bool]
) -> tuple[Peripheral, Connection]:
    address = ADDRESSES[kind]
    device = next(d for d in world.devices if d.address == address)
    await device.advertise()
    seen = await found(radio, address)
    connection = await radio.connect(seen, on_frame=lambda _c, data: frames.append(data), on_lost=lambda: lost.append(True), timeout=10)
    return device, connection


async def test_what_a_scan_tells(tmp_path: Path) -> None:
    world, radio = await started(tmp_path)
    await world.devices[0].advertise()
    seen = await found(radio, ADDRESSES[Scale])
    assert seen.advertisement.local_name == "SIM Scale"
    assert seen.advertisement.services == frozenset({wss.SERVICE})
    await world.stop()


async def test_a_bond_is_made_when_the_device_wants_one(tmp_path: Path) -> None:
    """Switching on is refused, the passkey is read off the display, and the records come."""
    world, radio = await started(tmp_path)
    frames: list[bytes] = []
    device, connection = await connected(world, radio, Cuff, frames, [])
    await connection.subscribe(bls.BloodPressureMeasurement.uuid)
    async with asyncio.timeout(5):
        while len(frames) < len(device.memory.records):  # noqa: ASYNC110 - a list has no event
            await asyncio.sleep(0.01)
    assert frames == [record.octets for record in device.memory.records]
    await world.stop()


@pytest.mark.parametrize(("typed", "why"), [(lambda right: (right + 1) % 10**6, Why.PASSKEY), (lambda _right: None, Why.PAIRING)])
async def test_a_wrong_passkey_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: object, why: Why) -> None:
    world, radio = await started(tmp_path)
    real = world._passkey

    async def mistyped(addresses: list[str]) -> int | None:
        right = await real(addresses)
        assert right is not None
        answer: int | None = typed(right)  # type: ignore[operator]  # one of the two above
        return answer

    monkeypatch.setattr(world, "_passkey", mistyped)
    _, connection = await connected(world, radio, Cuff, [], [])
    with pytest.raises(Refused) as caught:
        await connection.subscribe(bls.BloodPressureMeasurement.uuid)
    assert caught.value.why in (why, Why.PASSKEY)
    await world.stop()


class Stubborn(Scale):
    """A device that answers a read with an error of the test's choice."""

    code = 0

    def characteristics(self) -> list[Characteristic[bytes]]:
        def refuse(_bearer: object) -> bytes:
            raise ATT_Error(self.code)

        odd: Characteristic[bytes] = self.fixed(wss.WeightScaleFeature.uuid, b"")
        odd.value = AttributeValueV2(read=refuse)  # type: ignore[assignment]  # as bumble itself does for descriptors
        assert odd.permissions == PERMISSIONS.READABLE
        assert odd.properties == PROPERTIES.READ
        return [*super().characteristics(), odd]


@pytest.mark.parametrize(("code", "error"), [(0x02, Refused), (0x80, Refused), (0xFE, Busy), (0xFD, Silent), (0x0E, DeviceError)])
async def test_refusals_are_told_apart_by_what_helps(tmp_path: Path, code: int, error: type[DeviceError]) -> None:
    """What the owner must mend stops; what a new connection may cure is tried again."""
    from gateway.simulator.memory import Memory  # noqa: PLC0415 - for this test

    link = LocalLink()  # type: ignore[no-untyped-call]  # bumble leaves it untyped
    device = Stubborn(link, ADDRESSES[Scale], Memory(tmp_path, ADDRESSES[Scale]), lambda: datetime.now().astimezone())
    device.code = code
    await device.start()
    hub = make_device(link, "hub", "C0:FF:EE:00:00:00", device.display)
    await hub.power_on()
    radio = BleakRadio(*backends(hub))
    await device.advertise()
    seen = await found(radio, ADDRESSES[Scale])
    connection = await radio.connect(seen, on_frame=lambda *_: None, on_lost=lambda: None, timeout=10)
    with pytest.raises(error):
        await connection.read(wss.WeightScaleFeature.uuid)
    await connection.close()
    await device.stop()


async def test_a_lost_link_is_told_and_what_follows_is_silence(tmp_path: Path) -> None:
    world, radio = await started(tmp_path)
    lost: list[bool] = []
    device, connection = await connected(world, radio, Scale, [], lost)
    await device.hang_up()
    async with asyncio.timeout(5):
        while not lost:  # noqa: ASYNC110 - a list has no event
            await asyncio.sleep(0.01)
    with pytest.raises(Silent):
        await connection.read(0x2A29)
    await connection.close()
    await world.stop()


async def test_a_device_that_is_gone_cannot_be_connected_to(tmp_path: Path) -> None:
    world, radio = await started(tmp_path)
    device = world.devices[0]
    await device.advertise()
    seen = await found(radio, ADDRESSES[Scale])
    await device.device.stop_advertising()
    with pytest.raises(Silent, match="no connection"):
        await radio.connect(seen, on_frame=lambda *_: None, on_lost=lambda: None, timeout=0.5)
    await world.stop()


async def test_a_scan_that_brings_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ble, "SILENT_SCAN_SECONDS", 0.1)
    world, radio = await started(tmp_path)
    with pytest.raises(AdapterError) as caught:
        await radio.scan(lambda _seen: None)
    assert caught.value.problem is AdapterProblem.SILENT
    await world.stop()


async def test_a_machine_without_bluetooth_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bleak's own backend, on a machine where no bus answers."""
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus")
    with pytest.raises(AdapterError) as caught:
        await BleakRadio().scan(lambda _seen: None)
    assert caught.value.problem is AdapterProblem.NO_SERVICE


async def test_a_scan_that_brings_something_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ble, "SILENT_SCAN_SECONDS", 0.5)
    world, radio = await started(tmp_path)
    await world.devices[0].advertise()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2):
            await radio.scan(lambda _seen: None)
    await world.stop()


async def test_connections_left_over_are_closed_and_a_dead_bus_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    async def close(address: str) -> None:
        closed.append(address)
        if address == "B":
            raise BleakError("org.bluez.Error.Failed")
        if address == "C":
            await asyncio.Event().wait()

    monkeypatch.setattr(ble, "close_stale_connections_by_address", close)
    monkeypatch.setattr(ble, "RELEASE_SECONDS", 0.1)
    async with asyncio.timeout(2):
        await BleakRadio().release(["A", "B"])
        await BleakRadio().release(["C", "D"])
    assert closed == ["A", "B", "C"]


async def test_the_virtual_radio_asks_no_bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []
    monkeypatch.setattr(ble, "close_stale_connections_by_address", closed.append)
    _, radio = await started(tmp_path)
    await radio.release(["A"])
    assert closed == []


async def test_what_is_asked_of_a_device_that_goes_fails_at_once(tmp_path: Path) -> None:
    """As BlueZ has it; what waited behind another request would have been sent to nobody, and waited for 30 s."""
    world, radio = await started(tmp_path)
    device, connection = await connected(world, radio, Scale, [], [])
    device.device.gatt_server.on_gatt_pdu = lambda *_: None  # type: ignore[method-assign]  # it hears, and does not answer
    asking = [asyncio.create_task(connection.read(characteristic)) for characteristic in (0x2A24, 0x2A25)]
    await asyncio.sleep(0.1)
    assert not any(task.done() for task in asking)
    await device.hang_up()
    _, waiting = await asyncio.wait(asking, timeout=10)
    assert not waiting
    assert all(isinstance(task.exception(), DeviceError) for task in asking)
    await world.stop()

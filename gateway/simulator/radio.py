"""A bleak backend on a Bumble virtual radio: the gateway uses bleak's own API, and the bytes below it are real.

Based on what bleak documents for backends (`BleakScanner(backend=…)`, `BleakClient(backend=…)`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, TypeVar

from bleak.assigned_numbers import gatt_char_props_to_strs
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bleak.uuids import normalize_uuid_str
from bumble import hci
from bumble.att import ATT_Error
from bumble.controller import Controller
from bumble.core import UUID, AdvertisingData, ProtocolError
from bumble.device import Advertisement, Connection, Device, DeviceConfiguration, Peer
from bumble.host import Host
from bumble.keys import KeyStore, MemoryKeyStore
from bumble.link import LocalLink
from bumble.pairing import PairingConfig, PairingDelegate

T = TypeVar("T")

Passkeys = Callable[[list[str]], Awaitable[int | None]]
"""The six digits that one of these devices shows, or None to refuse."""


def make_device(link: LocalLink, name: str, address: str, delegate: PairingDelegate, keystore: KeyStore | None = None) -> Device:
    """A Bumble host and its virtual controller on `link`. Pairs with LE Secure Connections and man-in-the-middle protection."""
    config = DeviceConfiguration(name=name, address=hci.Address(address), irk=bytes(range(16)))
    device = Device(config=config, host=Host())
    device.host.controller = Controller(name, link=link)
    device.keystore = keystore or MemoryKeyStore()
    device.pairing_config_factory = lambda _connection: PairingConfig(sc=True, mitm=True, bonding=True, delegate=delegate)
    return device


class Typist(PairingDelegate):
    """The person at the hub, who types what the device shows."""

    def __init__(self, passkeys: Passkeys, central: Callable[[], Device]) -> None:
        super().__init__(PairingDelegate.IoCapability.DISPLAY_OUTPUT_AND_KEYBOARD_INPUT)
        self._passkeys, self._central = passkeys, central

    async def get_number(self) -> int | None:
        unencrypted = [c.peer_address for c in list(self._central().connections.values()) if not c.is_encrypted]
        return await self._passkeys([address.to_string(with_type_qualifier=False) for address in unencrypted])


def _text(uuid: UUID) -> str:
    return normalize_uuid_str(uuid.to_hex_str("-"))


class BumbleScanner(BaseBleakScanner):
    device: ClassVar[Device]

    def __init__(
        self, detection_callback: AdvertisementDataCallback | None, service_uuids: list[str] | None, scanning_mode: str, **_: Any
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._active = scanning_mode != "passive"

    async def start(self) -> None:
        self.seen_devices = {}
        self.device.on("advertisement", self._on_advertisement)
        await self.device.start_scanning(active=self._active, filter_duplicates=False)

    async def stop(self) -> None:
        self.device.remove_listener("advertisement", self._on_advertisement)
        await self.device.stop_scanning()

    def _on_advertisement(self, said: Advertisement) -> None:
        name: str | None = None
        uuids: list[str] = []
        manufacturer: dict[int, bytes] = {}
        service_data: dict[str, bytes] = {}
        kinds = AdvertisingData.Type
        for kind, value in said.data.ad_structures:
            if kind in (kinds.COMPLETE_LOCAL_NAME, kinds.SHORTENED_LOCAL_NAME):
                name = value.decode("utf-8", "replace")
            elif kind in (kinds.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, kinds.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS):
                uuids += [_text(UUID.from_bytes(value[i : i + 2])) for i in range(0, len(value) - 1, 2)]
            elif kind in (kinds.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, kinds.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS):
                uuids += [_text(UUID.from_bytes(value[i : i + 16])) for i in range(0, len(value) - 15, 16)]
            elif kind == kinds.MANUFACTURER_SPECIFIC_DATA:
                manufacturer[int.from_bytes(value[:2], "little")] = bytes(value[2:])
            elif kind == kinds.SERVICE_DATA_16_BIT_UUID:
                service_data[_text(UUID.from_bytes(value[:2]))] = bytes(value[2:])
        data = AdvertisementData(name, manufacturer, service_data, uuids, None, said.rssi, (said,))
        address = said.address.to_string(with_type_qualifier=False)
        device = self.create_or_update_device(address, address, name, said.address, data)
        if self.is_allowed_uuid(uuids):
            self.call_detection_callbacks(device, data)


class BumbleClient(BaseBleakClient):
    device: ClassVar[Device]

    def __init__(self, address_or_ble_device: BLEDevice | str, **kwargs: Any) -> None:
        super().__init__(address_or_ble_device, **kwargs)
        details = getattr(address_or_ble_device, "details", None)
        self._address = details if isinstance(details, hci.Address) else hci.Address(self.address)
        self._shown_name = getattr(address_or_ble_device, "name", None) or self.address
        self._connection: Connection | None = None
        self._gone: asyncio.Future[None]
        """Done when the connection is."""
        self._subscribers: dict[int, Callable[[bytes], None]] = {}

    @property
    def name(self) -> str:
        return self._shown_name

    @property
    def mtu_size(self) -> int:
        return self._live().att_mtu

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    def _live(self) -> Connection:
        if self._connection is None:
            raise BleakError("Not connected")
        return self._connection

    async def connect(self, pair: bool, **kwargs: Any) -> None:  # noqa: FBT001 - bleak's signature
        try:
            self._connection = await self.device.connect(self._address, timeout=kwargs.get("timeout", self._timeout))
        except (ProtocolError, TimeoutError) as error:
            raise BleakDeviceNotFoundError(self.address, str(error)) from error
        self._gone = asyncio.get_running_loop().create_future()
        self._connection.on("disconnection", self._on_disconnection)
        if pair:
            await self.pair()
        self.services = await self._discover(Peer(self._connection))

    def _on_disconnection(self, _reason: int) -> None:
        self._connection, self.services = None, None
        self._gone.set_result(None)
        if self._disconnected_callback:
            self._disconnected_callback()

    async def _discover(self, peer: Peer) -> BleakGATTServiceCollection:
        found = BleakGATTServiceCollection()
        await self._told(peer.request_mtu(247))
        await self._told(peer.discover_services())
        for service in peer.services:
            shown = BleakGATTService(service, service.handle, _text(service.uuid))
            found.add_service(shown)
            await self._told(service.discover_characteristics())
            for item in service.characteristics:
                properties = list(gatt_char_props_to_strs(item.properties))
                characteristic = BleakGATTCharacteristic(item, item.handle, _text(item.uuid), properties, lambda: 20, shown)
                found.add_characteristic(characteristic)
                for descriptor in await self._told(item.discover_descriptors()):
                    found.add_descriptor(BleakGATTDescriptor(descriptor, descriptor.handle, _text(descriptor.type), characteristic))
        return found

    async def disconnect(self) -> None:
        if self._connection is not None:
            await self._connection.disconnect()

    async def pair(self, *_: Any, **__: Any) -> None:
        connection = self._live()
        try:
            if self.device.keystore and await self.device.keystore.get(str(connection.peer_address)):
                await connection.encrypt()
            else:
                await connection.pair()
        except (ProtocolError, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and self._connection is not None:
                raise
            raise BleakError(f"pairing failed: {error}") from error

    async def unpair(self) -> None:
        if self.device.keystore:
            await self.device.keystore.delete(str(self._address))

    async def _told(self, operation: Awaitable[T]) -> T:
        """Fails as soon as the connection is gone, as BlueZ does; bumble would wait 30 s for what it sent just before."""
        asked = asyncio.ensure_future(operation)
        either: set[asyncio.Future[Any]] = {asked, self._gone}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not asked.done():
                raise BleakError("Not connected")
            return await asked
        except ATT_Error as error:
            raise BleakGATTProtocolError(int(error.error_code)) from error
        except (ProtocolError, asyncio.InvalidStateError) as error:
            raise BleakError(str(error)) from error
        except asyncio.CancelledError:
            # Bumble cancels what waits for a connection that is gone; a cancellation of our own has one to come back to.
            if self._connection is None:
                raise BleakError("Not connected") from None
            raise
        finally:
            asked.cancel()

    async def read_gatt_char(self, characteristic: BleakGATTCharacteristic, **_: Any) -> bytearray:
        self._live()
        return bytearray(await self._told(characteristic.obj.read_value()))

    async def read_gatt_descriptor(self, descriptor: BleakGATTDescriptor, **_: Any) -> bytearray:
        self._live()
        return bytearray(await self._told(descriptor.obj.read_value()))

    async def write_gatt_char(self, characteristic: BleakGATTCharacteristic, data: Any, response: bool) -> None:  # noqa: FBT001 - bleak's signature
        self._live()
        await self._told(characteristic.obj.write_value(bytes(data), with_response=response))

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: Any) -> None:
        self._live()
        await self._told(descriptor.obj.write_value(bytes(data), with_response=True))

    async def start_notify(self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **_: Any) -> None:
        self._live()

        def first(value: bytes) -> None:
            callback(bytearray(value))

        # The same function at a second try: bumble keeps the first one also when switching on was refused.
        arrived = self._subscribers.setdefault(characteristic.handle, first)
        await self._told(characteristic.obj.subscribe(arrived, prefer_notify="notify" in characteristic.properties))

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        self._live()
        await self._told(characteristic.obj.unsubscribe(self._subscribers.pop(characteristic.handle)))


def backends(device: Device) -> tuple[type[BumbleScanner], type[BumbleClient]]:
    """Bleak backends that use `device` as their adapter."""
    return type("Scanner", (BumbleScanner,), {"device": device}), type("Client", (BumbleClient,), {"device": device})

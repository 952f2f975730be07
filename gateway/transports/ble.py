"""Bluetooth Low Energy through bleak: one long-running scan, connections made from what it saw.

Pairing is left to bluetoothd and its agent, or to the virtual radio: a refusal for want of security leads to one
attempt to pair and a second try. What bleak raises is told apart here, so that the rest knows `DeviceError` only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from bleak import BleakClient, BleakScanner
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.exc import BleakDBusError, BleakError, BleakGATTProtocolError, BleakGATTProtocolErrorCode
from bleak_retry_connector import close_stale_connections_by_address, establish_connection

from drivers import Advertisement, Busy, Confused, DeviceError, Refused, Silent, Why
from gateway.errors import AdapterError, AdapterProblem
from gateway.transports.radio import Connection, OnFrame, Seen
from profiles.gatt import short_uuid

if TYPE_CHECKING:
    from gateway.transports.time_server import TimeServer  # Linux alone has its library

log = structlog.get_logger()

T = TypeVar("T")

RELEASE_SECONDS = 10.0
"""For all of them together: a bus that does not answer must not hold up the scan, which tells of it."""
SILENT_SCAN_SECONDS = 90.0
"""A scan that brings nothing for so long is started anew; some adapters stop without a word."""

_INSECURE = {
    BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHENTICATION,
    BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION,
    BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION_KEY_SIZE,
}
_APPLICATION_ERRORS = range(0x80, 0xA0)
"""Errors that a service defines for itself."""
_PASSING = {
    BleakGATTProtocolErrorCode.CCCD_IMPROPERLY_CONFIGURED: "it says that its notifications are not switched on",
    BleakGATTProtocolErrorCode.INSUFFICIENT_RESOURCE: "it is short of resources",
}
"""Refusals that a new connection may cure."""


def services_of(data: AdvertisementData) -> frozenset[int | str]:
    """16-bit identifiers where they are the SIG's, else the 128-bit text; from the list and from service data."""
    found: set[int | str] = set()
    for text in data.service_uuids:
        found.add(_identifier(text))
    return frozenset(found)


def service_data_of(data: AdvertisementData) -> dict[int, bytes]:
    """By the SIG's identifiers; those of 128 bits belong to makers whom no driver here knows."""
    found = ((_identifier(text), octets) for text, octets in data.service_data.items())
    return {identifier: octets for identifier, octets in found if isinstance(identifier, int)}


def _identifier(text: str) -> int | str:
    return int(text[4:8], 16) if text.endswith("-0000-1000-8000-00805f9b34fb") and text.startswith("0000") else text


class BleakRadio:
    """`scanner` and `client` replace bleak's backends; left out, bleak takes the platform's. `time`: what devices may read from the hub."""

    def __init__(
        self,
        scanner: type[BaseBleakScanner] | None = None,
        client: type[BaseBleakClient] | None = None,
        time: TimeServer | None = None,
    ) -> None:
        self._scanner, self._client, self._time = scanner, client, time
        self._connecting = asyncio.Lock()

    async def release(self, addresses: Collection[str]) -> None:
        """BlueZ keeps a connection whose owner was killed, and a device that is connected does not advertise."""
        if self._client is not None:
            return
        try:
            async with asyncio.timeout(RELEASE_SECONDS):
                for address in addresses:
                    await close_stale_connections_by_address(address)
        except Exception as error:  # noqa: BLE001 - whatever the bus says, the scan must begin, and it tells of what is wrong
            log.warning("connections of an earlier life may be left over", problem=_said(error))

    async def scan(self, on_seen: Callable[[Seen], None]) -> None:
        loop = asyncio.get_running_loop()
        heard = loop.time()

        def found(device: BLEDevice, data: AdvertisementData) -> None:
            nonlocal heard
            heard = loop.time()
            on_seen(
                Seen(
                    Advertisement(
                        address=device.address.upper(),
                        local_name=data.local_name or device.name,
                        services=services_of(data),
                        companies=frozenset(data.manufacturer_data),
                        service_data=service_data_of(data),
                        manufacturer_data=data.manufacturer_data,
                    ),
                    data.rssi,
                    device,
                )
            )

        try:
            async with BleakScanner(found, backend=self._scanner):
                if self._time is not None:
                    await self._time.register()
                # Looked at now and then: to be woken by every advertisement would cost more than all else that is done with it.
                while (silent := loop.time() - heard) < SILENT_SCAN_SECONDS:  # noqa: ASYNC110 - see above
                    await asyncio.sleep(SILENT_SCAN_SECONDS - silent)
        except (BleakError, OSError) as error:
            raise AdapterError(AdapterProblem.NO_BLUETOOTH, _said(error)) from error
        raise AdapterError(AdapterProblem.SILENT)

    async def connect(self, seen: Seen, *, on_frame: OnFrame, on_lost: Callable[[], None], timeout: float) -> Connection:  # noqa: ASYNC109 - bleak takes it
        device: BLEDevice = seen.handle
        # One at a time: adapters refuse a second connection attempt while the first is under way.
        async with self._connecting:
            try:
                async with asyncio.timeout(timeout):
                    client = await self._establish(device, on_lost)
            except (BleakError, TimeoutError, OSError) as error:
                raise Silent(f"no connection: {_said(error)}") from error
        return BleakConnection(client, on_frame)

    async def _establish(self, device: BLEDevice, on_lost: Callable[[], None]) -> BleakClient:
        extra: dict[str, Any] = {"backend": self._client} if self._client else {}
        return await establish_connection(BleakClient, device, device.address, lambda _client: on_lost(), max_attempts=2, **extra)


class BleakConnection:
    def __init__(self, client: BleakClient, on_frame: OnFrame) -> None:
        self._client, self._on_frame = client, on_frame
        self._by_id: dict[int, BleakGATTCharacteristic] = {}
        for characteristic in client.services.characteristics.values():
            try:
                self._by_id.setdefault(short_uuid(characteristic.uuid), characteristic)
            except ValueError:
                continue  # a vendor's own: no driver here asks for it by a SIG identifier

    @property
    def characteristics(self) -> frozenset[int]:
        return frozenset(self._by_id)

    async def read(self, characteristic: int) -> bytes:
        return bytes(await self._secured(lambda: self._client.read_gatt_char(self._by_id[characteristic])))

    async def write(self, characteristic: int, data: bytes) -> None:
        await self._secured(lambda: self._client.write_gatt_char(self._by_id[characteristic], data, response=True))

    async def subscribe(self, characteristic: int) -> None:
        def arrived(_sender: BleakGATTCharacteristic, data: bytearray) -> None:
            self._on_frame(characteristic, bytes(data))

        await self._secured(lambda: self._client.start_notify(self._by_id[characteristic], arrived))

    async def close(self) -> None:
        try:
            await self._client.disconnect()
        except (BleakError, OSError, EOFError):
            return  # it was gone already

    async def _secured(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Try; if the device wants security first, pair once and try again."""
        try:
            return await self._told(operation)
        except _Insecure:
            await self._pair()
        try:
            return await self._told(operation)
        except _Insecure as error:
            raise Refused(Why.PAIRING) from error

    async def _pair(self) -> None:
        try:
            await self._client.pair()
        except (BleakError, OSError) as error:
            raise Refused(_pairing_problem(error)) from error

    async def _told(self, operation: Callable[[], Awaitable[T]]) -> T:
        try:
            return await operation()
        except BleakGATTProtocolError as error:
            code = error.code
            if code in _INSECURE:
                raise _Insecure from error
            if code == BleakGATTProtocolErrorCode.PROCEDURE_ALREADY_IN_PROGRESS:
                raise Busy from error
            if code in _PASSING:
                raise Silent(_PASSING[code]) from error
            if (
                code
                in (
                    BleakGATTProtocolErrorCode.READ_NOT_PERMITTED,
                    BleakGATTProtocolErrorCode.WRITE_NOT_PERMITTED,
                    BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHORIZATION,
                    BleakGATTProtocolErrorCode.REQUEST_NOT_SUPPORTED,
                    BleakGATTProtocolErrorCode.VALUE_NOT_ALLOWED,
                    BleakGATTProtocolErrorCode.WRITE_REQUEST_REJECTED,
                )
                or int(code) in _APPLICATION_ERRORS
            ):
                raise Refused(Why.NOT_PERMITTED) from error
            raise Confused(f"the device answered with error {int(code):#04x}") from error
        except BleakDBusError as error:
            if error.dbus_error.endswith((".NotAuthorized", ".NotPermitted")):
                raise _Insecure from error
            raise Silent(_said(error)) from error
        except (BleakError, TimeoutError, OSError, EOFError) as error:
            raise Silent(_said(error)) from error


class _Insecure(DeviceError):
    """The device wants an encrypted or authenticated link for this."""


def _pairing_problem(error: Exception) -> Why:
    text = str(error).lower()
    if "key_missing" in text or "key missing" in text:
        return Why.BOND_LOST
    if "confirm" in text or "authenticationfailed" in text or "passkey" in text:
        return Why.PASSKEY
    return Why.PAIRING


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__

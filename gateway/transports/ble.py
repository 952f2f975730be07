"""Bluetooth Low Energy through bleak: one long-running scan, connections made from what it saw.

Pairing, and what becomes of bluetoothd and its adapters, are bluetoothd's own business where there is one (`bluez/`); the virtual radio
pairs by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Any

import structlog
from bleak import BleakClient, BleakScanner
from bleak.args.bluez import BlueZScannerArgs
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason, BleakError
from bleak_retry_connector import close_stale_connections_by_address, establish_connection

from drivers import Advertisement, Silent
from gateway.errors import AdapterError, AdapterProblem
from gateway.recovery import Step
from gateway.transports.connection import BleakConnection, said
from gateway.transports.radio import Connection, OnFrame, Seen

if TYPE_CHECKING:
    from gateway.transports.bluez.bonds import Bonds  # Linux alone has their library
    from gateway.transports.bluez.stack import Stack

log = structlog.get_logger()

RELEASE_SECONDS = 10.0
"""For all of them together: a bus that does not answer must not hold up the scan, which tells of it."""
START_SECONDS = 30.0
STOP_SECONDS = 5.0
"""A bluetoothd that hangs must not take the gateway with it."""
WEAK_DBM = -85
"""A link to a device that is heard no louder goes without a word for no other reason."""
SILENT_SCAN_SECONDS = 90.0
"""A scan that brings nothing for so long is started anew; some adapters stop without a word."""


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
    """`scanner` and `client` replace bleak's backends: then there is no bluetoothd, and `stack` and `bonds` are left out."""

    def __init__(
        self,
        scanner: type[BaseBleakScanner] | None = None,
        client: type[BaseBleakClient] | None = None,
        *,
        stack: Stack | None = None,
        bonds: Bonds | None = None,
    ) -> None:
        self._scanner, self._client, self._stack, self._bonds = scanner, client, stack, bonds
        self._connecting = asyncio.Lock()

    async def release(self, addresses: Collection[str]) -> None:
        """BlueZ keeps a connection whose owner was killed, and a device that is connected does not advertise."""
        if self._client is not None:
            return
        try:
            async with asyncio.timeout(RELEASE_SECONDS):
                for address in self._with_others(addresses):
                    await close_stale_connections_by_address(address)
        except Exception as error:  # noqa: BLE001 - whatever the bus says, the scan must begin, and it tells of what is wrong
            log.warning("connections of an earlier life may be left over", problem=said(error))

    async def scan(self, on_seen: Callable[[Seen], None]) -> None:
        loop = asyncio.get_running_loop()
        heard = loop.time()
        known_as = self._bonds.known_as if self._bonds is not None else str

        def found(device: BLEDevice, data: AdvertisementData) -> None:
            nonlocal heard
            heard = loop.time()
            on_seen(
                Seen(
                    Advertisement(
                        address=known_as(device.address.upper()),
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

        trouble = await self._stack.begin() if self._stack is not None else loop.create_future()
        scanner = BleakScanner(found, backend=self._scanner, bluez=self._scanner_arguments())
        try:
            async with asyncio.timeout(START_SECONDS):
                await scanner.start()
            # Looked at now and then: to be woken by every advertisement would cost more than all else that is done with it.
            while not trouble.done() and (silent := loop.time() - heard) < SILENT_SCAN_SECONDS:
                await asyncio.wait({trouble}, timeout=SILENT_SCAN_SECONDS - silent)
        except (BleakError, OSError, EOFError, TimeoutError) as error:
            if not trouble.done():
                raise AdapterError(_adapter_problem(error), said(error)) from error
        finally:
            with suppress(BleakError, OSError, EOFError, TimeoutError):  # the next start tells what is wrong
                async with asyncio.timeout(STOP_SECONDS):
                    await scanner.stop()
            if self._stack is not None:
                self._stack.end()
        raise AdapterError(trouble.result() if trouble.done() else AdapterProblem.SILENT)

    async def rest(self, seconds: float) -> None:
        if self._stack is None:
            await asyncio.sleep(seconds)
        else:
            await self._stack.rest(seconds)

    async def recover(self, step: Step) -> None:
        if self._stack is not None:
            await self._stack.recover(step)

    async def forget(self, address: str) -> bool:
        return self._bonds is not None and await self._bonds.forget(address)

    async def close(self) -> None:
        if self._stack is not None:
            await self._stack.close()

    async def connect(self, seen: Seen, *, on_frame: OnFrame, on_lost: Callable[[], None], timeout: float) -> Connection:  # noqa: ASYNC109 - bleak takes it
        device: BLEDevice = seen.handle
        path = _path(device)
        near = seen.rssi is None or seen.rssi >= WEAK_DBM
        bond = self._bonds.of(seen.advertisement.address, path, near=near) if self._bonds is not None and path is not None else None
        # One at a time: adapters refuse a second connection attempt while the first is under way.
        async with self._connecting:
            try:
                async with asyncio.timeout(timeout):
                    client = await self._establish(device, on_lost)
                    if self._stack is not None and path is not None:
                        await self._stack.all_shown(client, path)
            except (BleakError, TimeoutError, OSError, EOFError) as error:
                if bond is not None and "disconnected" in said(error):  # it was there, and went while its services were asked for
                    await bond.ended(answered=False)
                raise Silent(f"no connection: {said(error)}") from error
        connection = BleakConnection(client, on_frame, bond)
        if not connection.characteristics:
            await connection.close()
            raise Silent("no connection: it went before it had shown its services")
        return connection

    async def _establish(self, device: BLEDevice, on_lost: Callable[[], None]) -> BleakClient:
        extra: dict[str, Any] = {"backend": self._client} if self._client else {}
        return await establish_connection(BleakClient, device, device.address, lambda _client: on_lost(), max_attempts=2, **extra)

    def _with_others(self, addresses: Collection[str]) -> list[str]:
        others = (self._bonds.others(address) for address in addresses) if self._bonds is not None else ()
        return [*addresses, *chain.from_iterable(others)]

    def _scanner_arguments(self) -> BlueZScannerArgs:
        """Two weighings may be the same octets: bleak asks bluetoothd to keep the second one to itself, unless it is told otherwise."""
        wanted: BlueZScannerArgs = {"filters": {"DuplicateData": True}}
        if self._stack is not None and self._stack.adapter is not None:
            wanted["adapter"] = self._stack.adapter
        return wanted


def _path(device: BLEDevice) -> str | None:
    """Of BlueZ; other backends have none."""
    details = device.details
    return details.get("path") if isinstance(details, dict) else None


def _adapter_problem(error: BaseException) -> AdapterProblem:
    text = str(error)
    if isinstance(error, BleakBluetoothNotAvailableError):
        off = error.reason is BleakBluetoothNotAvailableReason.POWERED_OFF
        return AdapterProblem.OFF if off else AdapterProblem.NO_ADAPTER
    if "NotReady" in text:
        return AdapterProblem.OFF
    if isinstance(error, TimeoutError):
        return AdapterProblem.STUCK
    nobody = not isinstance(error, BleakError) or "ServiceUnknown" in text or "NameHasNoOwner" in text
    return AdapterProblem.NO_SERVICE if nobody else AdapterProblem.STUCK

"""A connection through bleak. What bleak raises is told apart here, so that the rest knows `DeviceError` only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol, TypeVar

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.exc import BleakDBusError, BleakError, BleakGATTProtocolError, BleakGATTProtocolErrorCode

from drivers import Busy, Confused, DeviceError, Refused, Silent, Why
from gateway.transports.radio import OnFrame
from profiles.gatt import identifier

T = TypeVar("T")

_INSECURE = {
    BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHENTICATION,
    BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION,
    BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION_KEY_SIZE,
}
_APPLICATION_ERRORS = range(0x80, 0xA0)
"""Errors that a service defines for itself."""
_PASSING = {
    BleakGATTProtocolErrorCode.CCCD_IMPROPERLY_CONFIGURED: "it says that its notifications are not switched on",
    BleakGATTProtocolErrorCode.UNLIKELY_ERROR: "it failed, or the link has gone (0x0E)",
    BleakGATTProtocolErrorCode.INSUFFICIENT_RESOURCE: "it is short of resources",
}
"""Refusals that a new connection may cure."""


class Security(Protocol):
    """What a radio knows of bonds, for one connection."""

    async def secure(self) -> None:
        """The device has refused something for want of an encrypted link. Raises `DeviceError`."""

    async def pair(self) -> None:
        """Whether it wants that or not; a bond that is there stays. Raises `DeviceError`."""

    async def wants_pairing(self) -> bool: ...

    async def ended(self, *, answered: bool) -> None:
        """The device has answered something over this connection, or it went before a word."""


class BleakConnection:
    """Without `security`, a bond is the business of bleak's backend."""

    def __init__(
        self,
        client: BleakClient,
        on_frame: OnFrame,
        security: Security | None = None,
    ) -> None:
        self._client, self._on_frame = client, on_frame
        self._security = security
        self._answered = False
        self._by_id: dict[int, BleakGATTCharacteristic] = {}
        for characteristic in client.services.characteristics.values():
            self._by_id.setdefault(identifier(characteristic.uuid), characteristic)

    @property
    def characteristics(self) -> frozenset[int]:
        return frozenset(self._by_id)

    async def read(self, characteristic: int) -> bytes:
        said = bytes(await self._secured(lambda: self._client.read_gatt_char(self._by_id[characteristic])))
        self._answered = True
        return said

    async def write(self, characteristic: int, data: bytes) -> None:
        await self._secured(lambda: self._client.write_gatt_char(self._by_id[characteristic], data, response=True))
        self._answered = True

    async def subscribe(self, characteristic: int) -> None:
        """That this succeeds says nothing of the device: bluetoothd keeps it in mind for a link that has gone already."""

        def arrived(_sender: BleakGATTCharacteristic, data: bytearray) -> None:
            self._answered = True
            self._on_frame(characteristic, bytes(data))

        await self._secured(lambda: self._client.start_notify(self._by_id[characteristic], arrived))

    async def wants_pairing(self) -> bool:
        return self._security is not None and await self._security.wants_pairing()

    async def pair(self) -> None:
        """Raises `DeviceError`."""
        if self._security is not None:
            await self._security.pair()
        else:
            await self._pair_by_itself()

    async def _become_secure(self) -> None:
        if self._security is not None:
            await self._security.secure()
        else:
            await self._pair_by_itself()

    async def _pair_by_itself(self) -> None:
        try:
            await self._client.pair()  # by the platform's own means: the virtual radio's, or whatever bleak finds
        except (BleakError, OSError) as error:
            raise Refused(_pairing_problem(error)) from error

    async def close(self) -> None:
        went = not self._client.is_connected  # by itself: what we end says nothing of the device
        # It was gone already; or went while its services were looked up, of which bleak asserts that they are forgotten then.
        with suppress(BleakError, OSError, EOFError, AssertionError):
            await self._client.disconnect()
        if self._security is not None and (self._answered or went):
            await self._security.ended(answered=self._answered)

    async def _secured(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Try; if the device wants security first, pair once and try again."""
        try:
            return await self._told(operation)
        except _Insecure:
            await self._become_secure()
        try:
            return await self._told(operation)
        except _Insecure as error:
            raise Refused(Why.PAIRING) from error

    async def _told(self, operation: Callable[[], Awaitable[T]]) -> T:
        try:
            return await operation()
        except BleakGATTProtocolError as error:
            code = error.code
            self._answered |= code != BleakGATTProtocolErrorCode.UNLIKELY_ERROR  # a refusal is an answer; this may be bluetoothd's own word
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
            raise Silent(said(error)) from error
        except (BleakError, TimeoutError, OSError, EOFError) as error:
            raise Silent(said(error)) from error


class _Insecure(DeviceError):
    """The device wants an encrypted or authenticated link for this."""


def _pairing_problem(error: Exception) -> Why:
    text = str(error).lower()
    if "key_missing" in text or "key missing" in text:
        return Why.BOND_LOST
    if "confirm" in text or "authenticationfailed" in text or "passkey" in text:
        return Why.PASSKEY
    return Why.PAIRING


def said(error: BaseException) -> str:
    return str(error) or type(error).__name__

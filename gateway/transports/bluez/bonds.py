"""Pairing, and the bonds that come of it, with bluetoothd; what is decided about them stands in `gateway.bonds`."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from dbus_fast import DBusError, Variant

from drivers import Refused, Silent, Why
from gateway.bonds import Act, Bond, BondFile, Event, State
from gateway.errors import AdapterError, AdapterProblem
from gateway.pairing import Desk
from gateway.transports.bluez.bus import ADAPTER, DEVICE, FAILURES, address_of, call, managed, set_property
from gateway.transports.bluez.stack import Stack, said

log = structlog.get_logger()

PAIR_SECONDS = 75.0
"""bluetoothd waits 60 s for its agent; then this is for the radio alone."""

_REASONS = {
    "AuthenticationRejected": Event.REJECTED,
    "AuthenticationTimeout": Event.UNANSWERED,
    "AuthenticationCanceled": Event.WRONG,
    "AuthenticationFailed": Event.WRONG,
}


class Bonds:
    """`remembered`: the states of bonds as they outlive the daemon."""

    def __init__(self, stack: Stack, desk: Desk, remembered: BondFile) -> None:
        self._stack, self._desk, self._remembered = stack, desk, remembered
        self._bonds: dict[str, Bond] = {}

    async def secure(self, address: str, path: str) -> None:
        """The device wants an encrypted link for what was asked. Returns when it has one. Raises `DeviceError`."""
        await self._happens(address, path, Event.WANTS_SECURITY)

    async def key_is_missing(self, address: str, path: str) -> None:
        """The device could not be encrypted with: it has forgotten the bond. Raises `DeviceError` in any case."""
        await self._happens(address, path, Event.KEY_MISSING)
        raise Refused(Why.BOND_LOST)

    async def pair(self, address: str, path: str) -> None:
        """Raises `Refused`, with what the owner can do, or `Silent`."""
        self._desk.tell(address, {"event": "pairing"})
        await self._paired(address, path)
        self._desk.tell(address, {"event": "paired"})

    async def forget(self, address: str) -> bool:
        """Remove the device from bluetoothd, bond and all. Whether it was there. Raises `AdapterError`."""
        try:
            bus = await self._stack.bus()
            paths = [path for path, interfaces in (await managed(bus)).items() if DEVICE in interfaces and address_of(path) == address]
            for path in paths:
                await call(bus, path.rpartition("/")[0], ADAPTER, "RemoveDevice", "o", [path])
        except FAILURES as error:
            raise AdapterError(AdapterProblem.NO_SERVICE, said(error)) from error
        self._bonds.pop(address, None)
        self._remembered[address] = State.UNPAIRED
        return bool(paths)

    # -- within --------------------------------------------------------------------------------------------------

    async def _paired(self, address: str, path: str) -> None:
        try:
            async with asyncio.timeout(PAIR_SECONDS):
                bus = await self._stack.bus()
                try:
                    await call(bus, path, DEVICE, "Pair")
                except DBusError as error:
                    if not error.type.endswith(".AlreadyExists"):
                        raise
                # A device may then ask for its own what it has been given once, without anybody being asked again.
                await set_property(bus, path, DEVICE, "Trusted", Variant("b", value=True))
        except TimeoutError as error:
            await self._cancel(path)
            raise Refused(await self._failed(address, path, Event.UNANSWERED)) from error
        except DBusError as error:
            event = _REASONS.get(error.type.rpartition(".")[2])
            if event is None:
                raise Silent(f"pairing did not come about: {said(error)}") from error
            if self._desk.was_unanswered(address):
                event = Event.UNANSWERED
            raise Refused(await self._failed(address, path, event)) from error
        except (OSError, EOFError) as error:
            raise Silent(f"pairing did not come about: {said(error)}") from error
        self._note(address, Event.PAIRED, at_hub=True)
        log.info("paired", device=address)

    async def _failed(self, address: str, path: str, event: Event) -> Why:
        self._note(address, event, at_hub=await self._is_bonded(path))
        return _WHY[event]

    async def _happens(self, address: str, path: str, event: Event) -> None:
        act = self._note(address, event, at_hub=await self._is_bonded(path))
        if act is Act.PAIR:
            await self.pair(address, path)
        elif act is Act.FORGET:
            log.warning("a bond fits no more and is removed from the hub", device=address, because=event.value)
            await self._remove(path)
            raise Silent(f"its bond was of no use ({event.value}) and has been removed; it is paired anew when it is heard again")

    def _note(self, address: str, event: Event, *, at_hub: bool) -> Act:
        bond = self._bonds.setdefault(address, Bond(self._remembered[address]))
        before = bond.state
        step = bond.happens(event, at_hub=at_hub)
        if step.state is not before:
            self._remembered[address] = step.state
        return step.act

    async def _is_bonded(self, path: str) -> bool:
        try:
            properties: dict[str, Any] = (await managed(await self._stack.bus())).get(path, {}).get(DEVICE, {})
        except FAILURES as error:
            raise Silent(f"bluetoothd does not answer: {said(error)}") from error
        return bool(properties.get("Bonded", properties.get("Paired")))

    async def _remove(self, path: str) -> None:
        try:
            await call(await self._stack.bus(), path.rpartition("/")[0], ADAPTER, "RemoveDevice", "o", [path])
        except FAILURES as error:
            raise Silent(f"a bond that is of no use could not be removed: {said(error)}") from error

    async def _cancel(self, path: str) -> None:
        try:
            await call(await self._stack.bus(), path, DEVICE, "CancelPairing")
        except FAILURES:
            return  # it has ended by itself


_WHY = {Event.WRONG: Why.PASSKEY, Event.REJECTED: Why.TAKEN, Event.UNANSWERED: Why.NO_ANSWER}

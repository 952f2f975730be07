"""Pairing, and the bonds that come of it, with bluetoothd; what is decided about them stands in `gateway.bonds`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog
from dbus_fast import DBusError, Variant

from drivers import Refused, Silent, Why
from gateway.bonds import Act, Bond, BondFile, Event, State
from gateway.errors import AdapterError, AdapterProblem
from gateway.pairing import Desk
from gateway.transports.bluez.bus import ADAPTER, DEVICE, FAILURES, PROPERTIES, address_of, call, managed, plain, said, set_property
from gateway.transports.bluez.stack import Stack

log = structlog.get_logger()

PAIR_SECONDS = 75.0
"""bluetoothd waits 60 s for its agent; then this is for the radio alone."""

_REASONS = {
    "AuthenticationRejected": Event.REJECTED,
    "AuthenticationTimeout": Event.UNANSWERED,
    "AuthenticationFailed": Event.WRONG,
}
"""Not "AuthenticationCanceled": bluetoothd says that of a link that has gone meanwhile, which is nobody's fault."""


_NO_SUCH_DEVICE = {f"org.freedesktop.DBus.Error.Unknown{what}" for what in ("Object", "Method", "Interface")}
"""As bluetoothd answers for a path at which it has nothing (any more), by its version."""


class Bonds:
    """`remembered`: the states of bonds as they outlive the daemon."""

    def __init__(self, stack: Stack, desk: Desk, remembered: BondFile) -> None:
        self._stack, self._desk, self._remembered = stack, desk, remembered
        self._bonds: dict[str, Bond] = {}

    def known_as(self, address: str) -> str:
        """The address by which the owner has named the device that shows this one."""
        return self._desk.known_as(address)

    def others(self, address: str) -> set[str]:
        """Those that it has shown since."""
        return self._remembered.others(address)

    def of(self, address: str, path: str, *, near: bool) -> OneBond:
        """`near`: it is heard well enough for a link that goes to mean something."""
        return OneBond(self, address, path, near=near)

    async def secure(self, address: str, path: str) -> None:
        """The device wants an encrypted link for what was asked. Returns when it has one. Raises `DeviceError`."""
        await self._happens(address, path, Event.WANTS_SECURITY)

    async def wants_pairing(self, address: str, path: str) -> bool:
        """Whether to pair before anything else is asked: the device had a bond with this hub, and the hub has none with it.

        bluetoothd pairs by itself when a device refuses something, but 5.66 does not always repeat what was refused.
        """
        return self._bond(address).is_lost and not await self._is_bonded(address, path)

    async def ended(self, address: str, path: str, *, answered: bool) -> None:
        """A connection is over: it brought an answer, or it went before a word. Nothing is raised: the session is over."""
        bond = self._bond(address)
        if answered and bond.state is State.PAIRED and not bond.drops:
            return
        try:
            at_hub = await self._is_bonded(address, path)
            if self._note(address, Event.ANSWERED if answered else Event.DROPPED, at_hub=at_hub) is Act.FORGET:
                await self._remove(address, path, Event.DROPPED)
        except Silent as error:
            log.warning("a bond could not be looked after", device=address, problem=str(error))

    async def pair(self, address: str, path: str) -> None:
        """Raises `Refused`, with what the owner can do, or `Silent`."""
        self._desk.tell(address, {"event": "pairing"})
        await self._paired(address, path)
        self._desk.tell(address, {"event": "paired"})

    async def forget(self, address: str) -> bool:
        """Remove the device from bluetoothd, bond and all. Whether it was there. Raises `AdapterError`."""
        addresses = {address, *self._remembered.others(address)}
        try:
            bus = await self._stack.bus()
            devices = {path: interfaces[DEVICE] for path, interfaces in (await managed(bus)).items() if DEVICE in interfaces}
            paths = [path for path, device in devices.items() if {address_of(path), device.get("Address")} & addresses]
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
                    await call(bus, path, DEVICE, "Pair", seconds=PAIR_SECONDS)
                except DBusError as error:
                    if not error.type.endswith(".AlreadyExists"):
                        raise
        except TimeoutError as error:
            await self._cancel(path)
            raise Refused(await self._failed(address, path, Event.UNANSWERED)) from error
        except DBusError as error:
            event = self._desk.was_declined(address) or _REASONS.get(error.type.rpartition(".")[2])
            if event is None:
                raise Silent(f"pairing did not come about: {said(error)}") from error
            raise Refused(await self._failed(address, path, event)) from error
        except (OSError, EOFError) as error:
            raise Silent(f"pairing did not come about: {said(error)}") from error
        with suppress(*FAILURES):
            # It may then ask on its own for what it has been given once, without anybody being asked again; it can do without.
            await set_property(bus, path, DEVICE, "Trusted", Variant("b", value=True))
        self._note(address, Event.PAIRED, at_hub=await self._is_bonded(address, path))
        log.info("paired", device=address)

    async def _failed(self, address: str, path: str, event: Event) -> Why:
        self._note(address, event, at_hub=await self._is_bonded(address, path))
        return _WHY[event]

    async def _happens(self, address: str, path: str, event: Event) -> None:
        act = self._note(address, event, at_hub=await self._is_bonded(address, path))
        if act is Act.PAIR:
            await self.pair(address, path)
        elif act is Act.FORGET:
            await self._remove(address, path, event)
            raise Silent(f"its bond was of no use ({event.value}) and has been removed; it is paired anew when it is heard again")

    def _note(self, address: str, event: Event, *, at_hub: bool) -> Act:
        bond = self._bond(address)
        before = bond.state
        step = bond.happens(event, at_hub=at_hub)
        if step.state is not before:
            self._write(lambda: self._remembered.__setitem__(address, step.state))
        return step.act

    @staticmethod
    def _write(write: Callable[[], None]) -> None:
        """A full disk costs words later, not this session."""
        try:
            write()
        except OSError as error:
            log.warning("what became of a bond could not be written down", problem=str(error))

    def _bond(self, address: str) -> Bond:
        return self._bonds.setdefault(address, Bond(self._remembered[address]))

    async def _is_bonded(self, address: str, path: str) -> bool:
        """A device that bluetoothd does not know (any more) is not. One that is may show its lasting address from here on."""
        try:
            properties = plain(await call(await self._stack.bus(), path, PROPERTIES, "GetAll", "s", [DEVICE]))
        except FAILURES as error:
            if isinstance(error, DBusError) and error.type in _NO_SUCH_DEVICE:
                return False
            raise Silent(f"bluetoothd does not answer: {said(error)}") from error
        bonded = bool(properties.get("Bonded", properties.get("Paired")))
        now = str(properties.get("Address", address)).upper()
        if bonded and self._desk.known_as(now) != address:
            log.info("a device shows its lasting address since it is bonded; it stays known by the one you listed", device=address, now=now)
            self._write(lambda: self._remembered.moved(address, now))
        return bonded

    async def _remove(self, address: str, path: str, event: Event) -> None:
        log.warning("a bond fits no more and is removed from the hub", device=address, because=event.value)
        try:
            await call(await self._stack.bus(), path.rpartition("/")[0], ADAPTER, "RemoveDevice", "o", [path])
        except FAILURES as error:
            raise Silent(f"a bond that is of no use could not be removed: {said(error)}") from error

    async def _cancel(self, path: str) -> None:
        try:
            await call(await self._stack.bus(), path, DEVICE, "CancelPairing")
        except FAILURES:
            return  # it has ended by itself


class OneBond:
    """The bond with one device, as its connection needs it."""

    def __init__(self, bonds: Bonds, address: str, path: str, *, near: bool) -> None:
        self._bonds, self._of, self._near = bonds, (address, path), near

    async def secure(self) -> None:
        await self._bonds.secure(*self._of)

    async def pair(self) -> None:
        await self._bonds.pair(*self._of)

    async def wants_pairing(self) -> bool:
        return await self._bonds.wants_pairing(*self._of)

    async def ended(self, *, answered: bool) -> None:
        if answered or self._near:
            await self._bonds.ended(*self._of, answered=answered)


_WHY = {Event.WRONG: Why.PASSKEY, Event.REJECTED: Why.TAKEN, Event.UNANSWERED: Why.NO_ANSWER}

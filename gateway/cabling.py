"""Watches what is plugged in and reads it: finds the driver by the plug and by what the device says, and lets go of it.

A device is read when it is plugged in, again after a while if it stays, and once more, later and later, if it failed. Which device is
behind a plug that may be anybody's, only the device can say: drivers are tried in turn, and one that finds a stranger says so before it
has read anything.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from drivers import DeviceError, Files, NotAllowed, Plug, Refused, Silent, Stranger
from gateway import sessions
from gateway.clock import Clock
from gateway.config import Config, DeviceSection
from gateway.errors import JournalError
from gateway.filing import Filing, SessionFacts
from gateway.intake import Intake
from gateway.journal import Journal
from gateway.known import free_enough, policy_of, slower
from gateway.loading import LoadedCable
from gateway.registry import Registry
from gateway.transports.cables.plugs import Plugged
from gateway.transports.cables.ports import Ports
from gateway.unfiled import Unfiled

log = structlog.get_logger()

SLOWEST_RETRY_SECONDS = 600.0
MOST_TRIES = 6
"""In a row without anything new; after that only when it is plugged in again, or after `again_seconds`."""
FULL_SECONDS = 60.0
LISTEN_AGAIN_SECONDS, LISTEN_LATER_SECONDS = 1.0, 60.0
"""After a device that streams has been silent for a while; and after it did not speak at all, or not as it should."""


@dataclass(slots=True)
class Attached:
    """What is plugged in at this moment."""

    plugged: Plugged
    settings: DeviceSection | None
    candidates: list[LoadedCable]
    task: asyncio.Task[None] | None = None
    driver: str | None = None
    identity: str | None = None
    running: bool = False
    is_stranger: bool = False
    """It has spoken, and no driver knows its language."""
    sessions: int = 0
    things: int = 0
    problem: str | None = None
    notices: dict[str, str] = field(default_factory=dict)


class Cabling:
    def __init__(
        self,
        config: Config,
        registry: Registry,
        ports: Ports,
        intake: Intake,
        journal: Journal,
        filing: Filing,
        clock: Clock,
        unfiled: Unfiled,
        *,
        simulated: bool = False,
    ) -> None:
        self._config, self._registry, self._ports = config, registry, ports
        self._intake, self._journal, self._filing, self._clock, self._unfiled = intake, journal, filing, clock, unfiled
        self._simulated = simulated
        self._attached: dict[str, Attached] = {}
        self._group: asyncio.TaskGroup | None = None
        self._stopping = False
        self.problem: str | None = None

    def reload(self, config: Config) -> None:
        """Take over a new configuration, and look anew at what is plugged in."""
        self._config = config
        for attached in [one for one in self._attached.values() if not one.running]:
            self.on_unplugged(attached.plugged.location)
            self.on_plugged(attached.plugged)

    async def watch(self) -> None:
        """For as long as the daemon runs. A machine without udev has no cables: that is told, and everything else goes on."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for device in self._config.cable_devices:
                if device.port is not None and device.port.startswith("/") and not device.port.startswith("/dev/"):
                    self.on_plugged(Plugged(device.port, nodes=(("directory", device.port),)))
            group.create_task(self._watched(self._ports.listen, "nobody can connect by TCP"))
            if self._config.cables.accept != "off":
                await self._watched(self._ports.watch, "what is plugged in cannot be watched")
            await asyncio.get_running_loop().create_future()  # directories and connections go on

    async def _watched(self, watch: Callable[..., Awaitable[None]], problem: str) -> None:
        try:
            await watch(self.on_plugged, self.on_unplugged)
        except (OSError, ImportError) as error:
            self.problem = f"{problem}: {error}"
            log.error("cables do not work", problem=self.problem)

    def on_plugged(self, plugged: Plugged) -> None:
        settings = next((one for one in self._config.cable_devices if one.port and self._is_port(plugged, one.port)), None)
        if settings is None and self._config.cables.accept != "any" and not plugged.location.startswith("tcp:"):
            return
        if settings is not None and settings.driver is not None:
            pinned = self._registry.cable_by_name.get(settings.driver)
            candidates = [pinned] if pinned is not None else []
        elif plugged.node("directory") is not None:
            candidates = [item for item in self._registry.cables if isinstance(item.driver.wire, Files)]
        else:
            candidates = self._registry.plugged(partial(_holds, plugged), is_named=settings is not None)
        if not candidates or self._stopping or self._group is None or plugged.location in self._attached:
            return
        attached = Attached(plugged, settings, candidates)
        self._attached[plugged.location] = attached
        log.info("plugged in", port=plugged.address, drivers=len(candidates))
        attached.task = self._group.create_task(self._attend(attached), name=f"cable {plugged.location}")

    @staticmethod
    def _is_port(plugged: Plugged, port: str) -> bool:
        return plugged.location == port or plugged.is_port(port)

    def on_unplugged(self, location: str) -> None:
        """Its link ends by itself: a session that is under way finishes with what it has."""
        attached = self._attached.pop(location, None)
        if attached is not None and attached.task is not None and not attached.running:
            attached.task.cancel()

    async def _attend(self, attached: Attached) -> None:
        tries = 0
        while self._is_attached(attached):
            while not free_enough(self._config.state, self._config.disk.reserve_mb):
                attached.problem = "the disk is nearly full: no new sessions until there is room"
                await asyncio.sleep(FULL_SECONDS)
            things = await self._read_once(attached)
            tries = 0 if attached.problem is None or things else tries + 1
            if not self._is_attached(attached):
                return
            again = self._config.cables.again_seconds
            if attached.problem is None and attached.candidates[0].driver.once:
                return
            if attached.problem is not None and tries < MOST_TRIES and attached.candidates and not attached.is_stranger:
                await asyncio.sleep(slower(max(tries, 1), SLOWEST_RETRY_SECONDS))
            elif all(one.driver.live for one in attached.candidates):
                # What is measured while nobody listens is lost, for such a device keeps nothing.
                tries = 0
                await asyncio.sleep(LISTEN_AGAIN_SECONDS if attached.problem is None else LISTEN_LATER_SECONDS)
            elif not again:
                return
            else:
                tries = 0
                await asyncio.sleep(again)

    def _is_attached(self, attached: Attached) -> bool:
        return not self._stopping and self._attached.get(attached.plugged.location) is attached

    async def _read_once(self, attached: Attached) -> int:
        """With each driver in turn, until one knows the device. How many things were new."""
        attached.is_stranger = False
        strangers: list[LoadedCable] = []
        problems: list[str] = []
        for loaded in list(attached.candidates):
            if not self._is_attached(attached):
                return 0
            facts = self._facts(attached, loaded)
            attached.problem, attached.running = None, True
            try:
                known = await self._read(attached, loaded, facts)
            finally:
                attached.running = False
            attached.sessions += 1
            attached.things += facts.things
            if known:
                attached.driver, attached.identity = loaded.driver.name, facts.identity
                attached.candidates = [loaded]
                return facts.things
            strangers.append(loaded)
            problems += [attached.problem] if attached.problem is not None else []
        attached.problem = problems[-1] if problems else None
        if attached.problem is None:
            attached.is_stranger = True
            attached.problem = f"it is none of {', '.join(one.driver.label for one in strangers)}"
        return 0

    async def _read(self, attached: Attached, loaded: LoadedCable, facts: SessionFacts) -> bool:
        """Whether the device is this driver's."""
        whole = False
        cables, driver = self._config.cables, loaded.driver
        try:
            await sessions.run(
                partial(self._ports.connect, attached.plugged, driver.wire),
                driver,
                facts,
                self._intake,
                self._filing,
                self._clock,
                mark=self._journal.mark(facts.address),
                policy=policy_of(attached.settings),
                idle_seconds=cables.idle_seconds,
                session_seconds=cables.session_seconds,
                pair=False,
                opened=lambda position: self._unfiled.opened(facts.session, position),
                late=self._unfiled.left,
            )
            whole = True
        except Stranger:
            whole = True
            return False
        except (Refused, NotAllowed) as error:
            attached.problem = str(error)
            attached.candidates = []
            log.error("a device cannot be read", port=attached.plugged.address, driver=driver.name, problem=str(error))
        except (DeviceError, JournalError, OSError) as error:
            attached.problem = str(error)
            if isinstance(error, Silent) and facts.identity is None and len(attached.candidates) > 1:
                return False
            log.warning("a session ended early", port=attached.plugged.address, driver=driver.name, problem=str(error))
        except Exception as error:
            attached.problem = f"{type(error).__name__} in {driver.name}"
            attached.candidates = []
            log.exception("a driver failed", port=attached.plugged.address, driver=driver.name, file=loaded.source)
            self._unfiled.failed(facts.session)
        finally:
            if whole:
                self._unfiled.filed(facts.session)
            else:
                self._unfiled.cut_off(facts.session)
            if self._unfiled.has(facts.session):
                facts.things += await self._refiled()
            await self._unfiled.note_progress()
            self._filing.ended(facts)
        return True

    async def _refiled(self) -> int:
        try:
            return await self._unfiled.refile(free_enough(self._config.state, self._config.disk.reserve_mb))
        except (JournalError, OSError):
            return 0  # the next round of `refile` tries again

    def _facts(self, attached: Attached, loaded: LoadedCable) -> SessionFacts:
        def noticed(code: str, text: str) -> None:
            if attached.notices.get(code) != text:
                log.warning("a device needs attention", port=attached.plugged.address, notice=text)
            attached.notices[code] = text

        return SessionFacts(
            session=secrets.token_hex(8),
            address=attached.plugged.address,
            driver=loaded.driver.name,
            label=loaded.driver.label,
            boot_id=self._clock.boot_id(),
            clock_trusted=self._clock.synchronized(),
            simulated=self._simulated,
            settings=attached.settings,
            is_cable=True,
            noticed=noticed,
        )

    async def drain(self, seconds: float) -> None:
        """Begin nothing new; let what is running finish for a while, then cut it off."""
        self._stopping = True
        tasks = {one.task for one in self._attached.values() if one.task is not None and not one.task.done()}
        for one in self._attached.values():
            if one.task is not None and not one.running:
                one.task.cancel()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    def status(self) -> dict[str, Any]:
        return {
            "cables": self.problem or "ok",
            "plugged": [
                {
                    "port": one.plugged.address,
                    "name": one.settings.name if one.settings else one.plugged.model or None,
                    "driver": one.driver,
                    "identity": one.identity,
                    "state": "reading" if one.running else "waiting",
                    "sessions": one.sessions,
                    "things": one.things,
                    "problem": one.problem,
                    "notices": list(one.notices.values()),
                }
                for one in self._attached.values()
            ],
        }


def _holds(plugged: Plugged, plug: Plug) -> bool:
    return plugged.holds(plug)

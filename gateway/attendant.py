"""Watches what advertises and decides when to read whom.

A device is read at once when it appears (cuffs advertise for seconds only), again after a pause while it stays, more
and more slowly while it fails, and not at all after a refusal until its owner has changed something.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

import structlog

from drivers import Advertisement, DeviceError, NotAllowed, Refused
from gateway import sessions
from gateway.clock import Clock
from gateway.config import Config, DeviceSection
from gateway.errors import AmbiguousMatch, JournalError
from gateway.filing import Filing, SessionFacts
from gateway.hearing import Hearing
from gateway.intake import Intake
from gateway.journal import Journal
from gateway.known import Known, free_enough, name_of, policy_of, slower
from gateway.matching import Loaded
from gateway.quiet import Quiet
from gateway.registry import Registry
from gateway.scanning import Scanning
from gateway.transports.radio import Radio, Seen
from gateway.unfiled import Unfiled

log = structlog.get_logger()

AWAY_SECONDS = 10.0
"""Not heard for so long and heard again: it has come back."""
LONG_AWAY_SECONDS = 60.0
"""For one whose last sessions failed, so that one at the edge of the radio's reach is not tried all the time."""
SLOWEST_RETRY_SECONDS = 600.0
MOST_KNOWN = 4096
"""Addresses remembered; the air around a house is full of passers-by with changing ones."""


class Attendant:
    def __init__(
        self,
        config: Config,
        registry: Registry,
        radio: Radio,
        intake: Intake,
        journal: Journal,
        filing: Filing,
        clock: Clock,
        *,
        simulated: bool = False,
        left: Collection[str] = (),
        tell: Callable[[str, dict[str, Any]], None] = lambda _address, _event: None,
        quiet: Quiet | None = None,
        unfiled: Unfiled | None = None,
    ) -> None:
        """`left`: addresses of devices to which an earlier life of the gateway may still be connected. `tell`: how a pairing fares."""
        self._registry, self._radio, self._intake, self._journal = registry, radio, intake, journal
        self._filing, self._clock, self._simulated = filing, clock, simulated
        self._hearing = Hearing(intake, filing, clock)
        self._known: dict[str, Known] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._unfiled = unfiled or Unfiled(intake, journal, registry, filing)
        self._group: asyncio.TaskGroup | None = None
        self._stopping = False
        self._left, self._tell, self._quiet = set(left), tell, quiet or Quiet(journal, clock)
        self._generation = 0
        self.disk_low = False
        self._scanning = Scanning(radio, clock, config.bluetooth.recover)
        self.reload(config)

    def reload(self, config: Config) -> None:
        """Take over a new configuration. Refusals are forgotten: their owner may have mended the cause."""
        self._config = config
        self._scanning.reach = config.bluetooth.recover
        self._generation += 1
        self._listed = {device.address: device for device in config.radio_devices}
        self._known = {address: known for address, known in self._known.items() if known.running}

    # -- watching ------------------------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Scan for as long as the daemon runs."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            await self._radio.release(self._left | {device.address for device in self._config.radio_devices})
            await self._scanning.run(self.on_seen, lambda: any(known.running for known in self._known.values()))

    def on_seen(self, seen: Seen) -> None:
        """Called for every advertisement; most belong to nobody we know, and cost a look into a table."""
        self._scanning.heard()
        address = seen.advertisement.address
        known = self._known.get(address)
        if known is None:
            known = self._meet(seen.advertisement)
        known.advertisement, known.rssi, known.heard = seen.advertisement, seen.rssi, self._clock.now()
        if known.loaded is None:
            if known.settings is not None or self._config.bluetooth.accept == "any":
                known.loaded = self._driver_for(seen.advertisement, known.settings)
            if known.loaded is None:
                return
        elif known.loaded.driver.hears is None and not known.running and (known.settings is None or known.settings.driver is None):
            # Its first advertisement may have held its services alone: a scale that says its reading is not to be connected to.
            heard = self._registry.heard(seen.advertisement)
            if heard is not None:
                known.loaded, known.refused = heard, None
        if known.loaded.driver.hears is not None:
            if not known.refused:
                self._hear(seen, known, known.loaded)
            return
        now = self._clock.boottime()
        came_back = now - known.last_seen > (AWAY_SECONDS if known.failures == 0 else LONG_AWAY_SECONDS)
        known.last_seen = now
        if known.running or known.refused or self._stopping or (now < known.not_before and not came_back):
            return
        if self._is_full():
            return
        self._start(seen, known)

    def _is_full(self) -> bool:
        """Whether the disk has no room for another session; told once."""
        full = not free_enough(self._config.state, self._config.disk.reserve_mb)
        if full and not self.disk_low:
            log.error("the disk is nearly full: no new sessions until there is room", reserve_mb=self._config.disk.reserve_mb)
        self.disk_low = full
        return full

    def _meet(self, advertisement: Advertisement) -> Known:
        if len(self._known) >= MOST_KNOWN:
            idle = [a for a, k in self._known.items() if not k.running and k.loaded is None]
            for address in idle or [a for a, k in self._known.items() if not k.running]:
                del self._known[address]
        known = Known(settings=self._listed.get(advertisement.address), generation=self._generation)
        self._known[advertisement.address] = known
        return known

    def _driver_for(self, advertisement: Advertisement, settings: DeviceSection | None) -> Loaded | None:
        if settings is not None and settings.driver is not None:
            return self._registry.radio_by_name.get(settings.driver)
        try:
            return self._registry.match(advertisement)
        except AmbiguousMatch as error:
            known = self._known[advertisement.address]
            if known.last_problem != str(error):
                log.error("two drivers match", device=advertisement.address, problem=str(error))
                known.last_problem = str(error)
            return None

    # -- reading -------------------------------------------------------------------------------------------------

    def pair(self, address: str) -> str | None:
        """At its owner's word: pair with this device when it is heard next. Returns what stands in the way, if anything."""
        if address not in self._listed and self._config.bluetooth.accept != "any":
            return f'it is not in the configuration: add [[device]] with address = "{address}", and reload'
        known = self._known.get(address)
        if known is None:
            known = self._known[address] = Known(settings=self._listed.get(address), generation=self._generation)
        known.refused, known.failures, known.not_before, known.pair = None, 0, 0.0, True
        if known.running:
            self._tell(address, {"event": "found"})  # and it may be asked for its bond at this moment
        return None

    def _start(self, seen: Seen, known: Known) -> None:
        if self._group is None:
            return
        known.running = True
        task = self._group.create_task(self._attend(seen, known), name=f"session {seen.advertisement.address}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _attend(self, seen: Seen, known: Known) -> None:
        address, loaded = seen.advertisement.address, known.loaded
        if loaded is None:
            return
        driver, bluetooth = loaded.driver, self._config.bluetooth
        told: dict[str, str] = {}
        facts = self._facts(address, known, loaded, told)
        pause = bluetooth.reconnect_seconds
        whole, pair = False, known.pair
        known.pair = False  # once: what comes of it is told
        if pair:
            self._tell(address, {"event": "found"})
        try:
            await sessions.run(
                partial(self._radio.connect, seen, timeout=bluetooth.connect_seconds),
                driver,
                facts,
                self._intake,
                self._filing,
                self._clock,
                mark=self._journal.mark(address),
                policy=policy_of(known.settings),
                idle_seconds=bluetooth.idle_seconds,
                session_seconds=bluetooth.session_seconds,
                pair=pair,
                opened=lambda position: self._unfiled.opened(facts.session, position),
                late=self._unfiled.left,
            )
            known.failures, known.last_problem = 0, None
            known.notices = told
            whole = True
        except Refused as error:
            known.refused = known.last_problem = str(error)
            self._tell(address, {"event": "failed", "why": str(error)})
            log.error("a device refuses", device=address, driver=driver.name, problem=str(error))
        except NotAllowed as error:
            known.refused = known.last_problem = str(error)
            log.error("a driver broke its own rules", driver=driver.name, file=loaded.source, problem=str(error))
        except (DeviceError, JournalError, OSError) as error:
            # One that brought something new is no failure: what is left comes with the next.
            known.failures = 1 if facts.things else known.failures + 1
            known.pair = pair
            self._tell(address, {"event": "trying", "why": str(error)})
            pause = slower(known.failures, SLOWEST_RETRY_SECONDS)
            known.last_problem = str(error)
            log.warning("a session ended early", device=address, driver=driver.name, problem=str(error), again_in=pause)
        except Exception as error:
            # Whatever a driver does wrong, the others' sessions go on.
            known.refused = known.last_problem = f"{type(error).__name__} in {driver.name}"
            log.exception("a driver failed", device=address, driver=driver.name, file=loaded.source)
            # What it had taken is replayed at the next start: perhaps by a mended driver.
            self._unfiled.failed(facts.session)
        finally:
            known.running, known.sessions, known.things = False, known.sessions + 1, known.things + facts.things
            known.not_before = self._clock.boottime() + pause
            if whole:
                self._unfiled.filed(facts.session)
            else:
                # Cut off: what the driver had taken but not given out yet comes out of a replay of this session.
                self._unfiled.cut_off(facts.session)
            if known.generation != self._generation:
                self._known.pop(address, None)  # met anew, with the configuration as it is now
            if self._unfiled.has(facts.session):
                known.things += await self._refile_at_once()
            await self._unfiled.note_progress()
            self._filing.ended(facts)
            self._learn(known, facts)
            await self._note_arrival(facts)

    def _learn(self, known: Known, facts: SessionFacts) -> None:
        """What a session has shown of the device itself."""
        if facts.info is not None and facts.info.battery is not None:
            known.battery = facts.info.battery
        if facts.pair is not None:
            known.drift = facts.pair.behind(self._clock.zone())

    def _facts(self, address: str, known: Known, loaded: Loaded, told: dict[str, str]) -> SessionFacts:
        """`told`: where to put what the owner should know; what is new is logged."""

        def noticed(code: str, text: str) -> None:
            if known.notices.get(code) != text:
                log.warning("a device needs attention", device=address, notice=text)
            told[code] = known.notices[code] = text

        return SessionFacts(
            session=secrets.token_hex(8),
            address=address,
            driver=loaded.driver.name,
            label=loaded.driver.label,
            boot_id=self._clock.boot_id(),
            clock_trusted=self._clock.synchronized(),
            simulated=self._simulated,
            settings=known.settings,
            noticed=noticed,
        )

    # -- listening -----------------------------------------------------------------------------------------------

    def _hear(self, seen: Seen, known: Known, loaded: Loaded) -> None:
        """The advertisement is the reading."""
        sighting, now = seen.advertisement.sighting, self._clock.boottime()
        pace = loaded.driver.hears.seconds(sighting) if loaded.driver.hears else None
        known.last_seen = now
        if pace is None or self._stopping or self._group is None or not known.ear.is_news(octets := sighting.octets, now):
            return
        if self._is_full():
            return  # and it is news still, when there is room
        known.ear.heard(octets, now, self._hearing.heard(octets))
        if not known.running:
            known.running = True
            task = self._group.create_task(self._listen(seen.advertisement.address, known, loaded, pace))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _listen(self, address: str, known: Known, loaded: Loaded, pace: float) -> None:
        told: dict[str, str] = {}
        facts = self._facts(address, known, loaded, told)
        try:
            while known.ear.waiting:
                told.clear()
                things, was_reading = await self._hearing.take(
                    loaded, facts, policy_of(known.settings), known.ear.waiting.popleft(), self._unfiled.opened
                )
                self._unfiled.filed(facts.session)
                if was_reading:
                    known.sessions, known.things, known.last_problem, known.notices = (
                        known.sessions + 1,
                        known.things + things,
                        None,
                        dict(told),
                    )
                    known.ear.not_before = self._clock.boottime() + pace
                    self._filing.ended(facts)
                    await self._note_arrival(facts)
        except (JournalError, OSError) as error:
            known.last_problem, known.ear.last = str(error), b""  # if it is said again, it is heard again
            log.warning("what was heard could not be filed yet", device=address, problem=str(error))
        except Exception as error:
            known.refused = known.last_problem = f"{type(error).__name__} in {loaded.driver.name}"
            log.exception("a driver failed", device=address, driver=loaded.driver.name, file=loaded.source)
            self._unfiled.failed(facts.session)
        finally:
            known.running = False
            self._unfiled.cut_off(facts.session)
            if known.generation != self._generation:
                self._known.pop(address, None)
            await self._unfiled.note_progress()

    async def _note_arrival(self, facts: SessionFacts) -> None:
        if facts.things:
            with contextlib.suppress(JournalError):  # the next reading notes it
                await self._quiet.came(facts.address)

    async def refile(self) -> int:
        """Try again to file what the journal could not take while it lasted; how many things that were."""
        return await self._unfiled.refile(free_enough(self._config.state, self._config.disk.reserve_mb))

    async def _refile_at_once(self) -> int:
        with contextlib.suppress(JournalError, OSError):  # the next round of `refile` tries again
            return await self.refile()
        return 0

    async def drain(self, seconds: float) -> None:
        """Begin nothing new; let what is running finish for a while, then cut it off."""
        self._stopping = True
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=seconds)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    def met(self) -> Mapping[str, Known]:
        """All that were heard, by address; the oldest are forgotten."""
        return self._known

    def last_advertisement(self, address: str) -> Advertisement | None:
        known = self._known.get(address)
        return known.advertisement if known else None

    def driver_of(self, address: str) -> str | None:
        known = self._known.get(address)
        return known.loaded.driver.name if known and known.loaded else None

    def status(self) -> dict[str, Any]:
        return {
            "adapter": self._scanning.problem or "ok",
            "disk": "nearly full: no new sessions" if self.disk_low else "ok",
            "devices": [
                {
                    "address": address,
                    "name": name_of(known),
                    "driver": known.loaded.driver.name,
                    "state": "refused" if known.refused else "reading" if known.running else "waiting",
                    "sessions": known.sessions,
                    "things": known.things,
                    "problem": known.last_problem,
                    "notices": list(known.notices.values()),
                    "signal": known.rssi,
                    "heard": known.heard,
                    "battery": known.battery,
                    "clock_behind": known.drift,
                }
                for address, known in self._known.items()
                if known.loaded is not None
            ],
        }

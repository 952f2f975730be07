"""The composition root: builds the street from left to right, and takes it down again.

radio -> attendant -> sessions -> intake -> driver -> filing -> journal -> outlets -> sinks
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import secrets
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import structlog

from gateway import __version__, pending, service
from gateway.api import door, metrics
from gateway.api.consent import Consent
from gateway.api.pairing import Pairing
from gateway.api.people import People
from gateway.attendant import Attendant
from gateway.audit import Audit
from gateway.cabling import Cabling
from gateway.catching_up import catch_up, scrub_later
from gateway.claiming import claimed
from gateway.clock import Clock
from gateway.config import RELOADED, Config, load
from gateway.consent import FILE, Consents
from gateway.daily import Daily
from gateway.errors import ConfigError, JournalError, StateError
from gateway.filing import Filing
from gateway.inbox import keeper
from gateway.intake import Intake
from gateway.journal import Committed, Journal, repair
from gateway.lately import LATELY
from gateway.machine import recognise
from gateway.naming import gateway_id
from gateway.opening import journal_of, keys_of
from gateway.pairing import Desk
from gateway.quiet import CHECK_SECONDS, Quiet
from gateway.registry import Registry
from gateway.rekeying import bring_under
from gateway.retention import Retention
from gateway.sinks.base import Sink
from gateway.sinks.make import made
from gateway.sinks.outlet import Outlet
from gateway.transports.cables.ports import Ports
from gateway.transports.radio import Radio
from gateway.unfiled import Unfiled
from gateway.web.house import Page
from gateway.weighing import Band

log = structlog.get_logger()

DRAIN_SECONDS = 10.0
PENDING_CHECK_SECONDS = 10.0
REFILE_SECONDS = 30.0


class Gateway:
    """One daemon on one state directory. `run` returns when `stop` has been called and everything is put away."""

    def __init__(
        self,
        config: Config,
        registry: Registry,
        radio: Radio,
        clock: Clock,
        *,
        config_path: Path | None = None,
        sinks: Mapping[str, Sink] | None = None,
        simulated: bool = False,
        desk: Desk | None = None,
        ports: Ports | None = None,
    ) -> None:
        """`desk`: where the radio takes a pairing device's questions. `ports`: the cables; none if left out."""
        self._ports = ports
        self._desk = desk or Desk(config)
        self._config, self._registry, self._radio, self._clock = config, registry, radio, clock
        self._config_path, self._simulated = config_path, simulated
        self._given_sinks = sinks
        self._stop = asyncio.Event()
        self._outlets: list[Outlet] = []
        self._started = clock.boottime()
        self.ready = asyncio.Event()
        self.config_problem: str | None = None
        self.journal: Journal
        self._intake: Intake
        self._quiet: Quiet
        self._retention: Retention
        self._daily: Daily
        self._consents: Consents
        self._audit: Audit
        self.attendant: Attendant
        self.cabling: Cabling | None = None
        self.page: Page | None = None

    def stop(self) -> None:
        self._stop.set()

    async def run(self) -> None:
        """Raises `StateError` when the state directory cannot be used."""
        with ExitStack() as stack:
            stack.enter_context(claimed(self._config.state))
            path = self._config.state / "journal.db"
            findings = await asyncio.to_thread(repair.check, path)
            for sentence in findings.sentences():
                log.error("the journal was damaged", detail=sentence)
            keys = keys_of(self._config)
            rekeyed = await asyncio.to_thread(bring_under, self._config.state, keys)
            self.journal = journal_of(self._config, keys)
            stack.callback(self.journal.close)
            self._audit = Audit(self.journal, self._clock.now)
            filing = Filing(self.journal, self._clock.zone(), self._on_committed, self._bands, self._audit.read)
            try:
                intake = Intake(self._config.state / "intake", keys=keys)
                stack.callback(intake.close)
                replay_all = findings.replay_all or bool(rekeyed and rekeyed.damaged)
                left = await catch_up(self._registry, self.journal, filing, intake, replay_all=replay_all)
                if not await recognise(self.journal):
                    self._audit.note("another machine")
                if rekeyed is not None:
                    self._audit.note("encrypted", key=rekeyed.after or None, before=rekeyed.before or None)
                name = await gateway_id(self._config.state, self.journal)
                sinks = self._given_sinks if self._given_sinks is not None else made(self._config, name)
            except (JournalError, OSError) as error:
                raise StateError(f"{self._config.state}: {error}; make room and start again, nothing is lost") from error
            self._consents = Consents(self._config.state / FILE, self._config.grant, self._clock.now)
            self._outlets = [
                Outlet(
                    name,
                    sink,
                    self.journal,
                    randomness=random.Random(secrets.randbits(64)),  # noqa: S311 - jitter
                    allow=self._consents.gate(name, self._config.sink.get(name)),
                )
                for name, sink in sinks.items()
            ]
            self._intake, self._quiet, self._keep = intake, Quiet(self.journal, self._clock), keeper(intake, self._clock.now)
            self._retention = Retention(self.journal, intake, list(sinks), self._clock.now, self._on_thinned)
            self._daily = Daily(
                *(self.journal, self._audit, self._clock, self._retention),
                gateway_id=name,
                delivered=self._delivered,
                committed=self._on_committed,
            )
            unfiled = Unfiled(intake, self.journal, self._registry, filing)
            if self._ports is not None:
                self.cabling = Cabling(
                    self._config,
                    self._registry,
                    self._ports,
                    intake,
                    self.journal,
                    filing,
                    self._clock,
                    unfiled,
                    simulated=self._simulated,
                )
            self.attendant = Attendant(
                self._config,
                self._registry,
                self._radio,
                intake,
                self.journal,
                filing,
                self._clock,
                simulated=self._simulated,
                left=left,
                tell=self._desk.tell,
                quiet=self._quiet,
                unfiled=unfiled,
            )
            await self._serve()

    async def _serve(self) -> None:
        def works() -> bool:
            return self.journal.writer.alive

        consent = Consent(self._consents, lambda: self._config, lambda: self.retry(None), self._audit.note)
        people = People(self.journal, self._persons, self._on_committed, self._audit.note, self._keep)
        self.page = page = Page(
            *(lambda: self._config, self.journal, self._registry, self._desk, self._clock, LATELY, people, consent),
            status=self.status,
            works=works,
            met=self.attendant.met,
            pair=self._pair,
            forget=self._forget,
            retry=self.retry,
            release_time=self._release_time,
            note=self._audit.note,
            simulated=self._simulated,
        )
        app = door.application(
            self.journal,
            status=self.status,
            why=self._why,
            release_time=self._release_time,
            retry=self.retry,
            note=self._audit.note,
            pairing=Pairing(self._desk, self._pair, self._forget),
            consent=consent,
            people=people,
            more=page.routes(),
        )
        background: list[asyncio.Task[Any]] = []

        try:
            async with asyncio.TaskGroup() as group:
                outlets = [group.create_task(outlet.run(), name=f"sink {outlet.name}") for outlet in self._outlets]
                watching = group.create_task(self.attendant.watch(), name="radio")
                cables = [group.create_task(self.cabling.watch(), name="cables")] if self.cabling is not None else []
                background = [
                    group.create_task(door.serve(app, self._config.socket), name="control socket"),
                    group.create_task(metrics.serve(metrics.application(self.status, works), self._config.metrics.listen), name="metrics"),
                    group.create_task(self._release_when_synchronized(), name="pending times"),
                    group.create_task(page.run(), name="page"),
                    group.create_task(service.keep_watchdog(works), name="watchdog"),
                    group.create_task(self._intake.keep_durable(), name="intake"),
                    group.create_task(scrub_later(self._config.state / "journal.db"), name="scrub"),
                    group.create_task(self._refile(), name="refile"),
                    group.create_task(self._watch_days(), name="days"),
                ]
                self.ready.set()
                service.notify(f"READY=1\nSTATUS=listening; {len(self._registry.loaded)} drivers")
                self._desk.heard = self._on_pairing
                self._audit.note("started", version=__version__)
                self._audit.configured(self._config_path)
                log.info("started", version=__version__, state=str(self._config.state), drivers=len(self._registry.loaded))
                await self._stop.wait()
                service.notify("STOPPING=1")
                page.close()
                await asyncio.gather(
                    self.attendant.drain(DRAIN_SECONDS), *([self.cabling.drain(DRAIN_SECONDS)] if self.cabling is not None else [])
                )
                await self._empty_outlets()
                self._delivered()
                self._audit.note("stopped")
                for task in (watching, *cables, *outlets, *background):
                    task.cancel()
        finally:
            for outlet in self._outlets:
                await outlet.close()
            await self._radio.close()
            await self._audit.settle()
            log.info("stopped")

    async def _empty_outlets(self) -> None:
        """Give sinks that can be reached a moment to take what is left; the rest keeps."""
        for outlet in self._outlets:
            outlet.wake()
        with suppress(TimeoutError):
            async with asyncio.timeout(2.0):
                for outlet in self._outlets:
                    await outlet.idle.wait()

    def everything_settled(self) -> bool:
        """Every sink has everything for good."""
        return all(outlet.idle.is_set() and outlet.settled and outlet.problem is None for outlet in self._outlets)

    def _on_committed(self, _new: Sequence[Committed]) -> None:
        for outlet in self._outlets:
            outlet.wake()
        if self.page is not None:
            self.page.committed()

    def _on_pairing(self, address: str, event: dict[str, Any]) -> None:
        self._audit.pairing(address, event)
        if self.page is not None:
            self.page.changed("pairing")

    def _on_thinned(self) -> None:
        if self.page is not None:
            self.page.thinned()

    async def _release_when_synchronized(self) -> None:
        while True:
            with suppress(JournalError):  # a full disk: again in the next round
                if released := await pending.release_synchronized(self.journal, self._clock):
                    log.info("the clock is synchronized: pending things have their time", things=len(released))
                    self._on_committed(released)
            await asyncio.sleep(PENDING_CHECK_SECONDS)

    async def _release_time(self) -> int:
        released = await pending.release_as_they_are(self.journal, self._clock)
        self._audit.note("time released", things=len(released))
        self._on_committed(released)
        return len(released)

    def retry(self, name: str | None) -> list[str]:
        chosen = [outlet for outlet in self._outlets if name in (None, outlet.name)]
        for outlet in chosen:
            outlet.retry()
        return [outlet.name for outlet in chosen]

    def _bands(self) -> list[Band]:
        return [(person.id, *person.weight_kg) for person in self._config.person if person.weight_kg is not None]

    def _persons(self) -> list[str]:
        return [person.id for person in self._config.person]

    def _pair(self, address: str) -> str | None:
        problem = self.attendant.pair(address)
        if problem is None:
            self._desk.invite(address)
        return problem

    async def _forget(self, address: str) -> bool:
        self._audit.note("bond removed", device=address)
        return await self._radio.forget(address)

    def _delivered(self) -> None:
        self._audit.delivered({outlet.name: self.journal.cursor(outlet.name) for outlet in self._outlets})

    async def _refile(self) -> None:
        while True:
            await asyncio.sleep(REFILE_SECONDS)
            with suppress(JournalError, OSError):
                if things := await self.attendant.refile():
                    log.info("filed what the journal could not take before", things=things)

    async def _watch_days(self) -> None:
        while True:
            with suppress(JournalError, OSError):  # a full disk: again in an hour
                listed = {device.address: device.name for device in self._config.radio_devices}
                await self._quiet.check(listed, self._config.bluetooth.quiet_days)
                await self._daily.check(self._config.disk.keep_days, self._config.disk.keep_mb)
            await asyncio.sleep(CHECK_SECONDS)

    def reload(self) -> None:
        """SIGHUP: a valid configuration is taken over, an invalid one is told and the old one kept."""
        if self._config_path is None:
            return
        try:
            new = load(self._config_path)
        except ConfigError as error:
            self.config_problem = str(error)
            log.error("the configuration is not valid; the old one is kept", problems=str(error))
            return
        self.config_problem = None
        taken = {name: getattr(new, name) for name in RELOADED}
        later = [name for name in Config.model_fields if name not in RELOADED and getattr(new, name) != getattr(self._config, name)]
        if new.bluetooth.adapter != self._config.bluetooth.adapter:
            later.append("bluetooth.adapter")
        self._config = self._config.model_copy(update=taken)
        self._desk.reload(self._config)
        self.attendant.reload(self._config)
        self._consents.reload(self._config.grant)
        self.retry(None)
        if self.cabling is not None:
            self.cabling.reload(self._config)
        self._audit.configured(self._config_path)
        log.info("configuration reloaded")
        if later:
            log.warning("these need a restart", sections=", ".join(later))

    def status(self) -> dict[str, Any]:
        waiting = pending.pending(self.journal)
        return {
            "version": __version__,
            "pid": os.getpid(),
            "simulated": self._simulated,
            "tasks": len(asyncio.all_tasks()),
            "up_seconds": round(self._clock.boottime() - self._started),
            "clock": {
                "synchronized": self._clock.synchronized(),
                "pending_things": len(waiting),
                "pending_since": json.loads(waiting[0].body)["provenance"]["received"] if waiting else None,
            },
            "head": self.journal.head(),
            "journal": {**self.journal.counts(), "kept": dict(self._retention.kept)},
            "sinks": {
                outlet.name: {**self.journal.sinks().get(outlet.name, {"cursor": 0, "deferred": 0, "held": 0}), "problem": outlet.problem}
                for outlet in self._outlets
            },
            "quiet": {
                device.address: days for device in self._config.radio_devices if (days := self._quiet.days.get(device.address)) is not None
            },
            "config_problem": self.config_problem,
            "page_problem": self.page.problem if self.page is not None else None,
            "driver_problems": [str(problem) for problem in self._registry.problems],
            **self.attendant.status(),
            **(self.cabling.status() if self.cabling is not None else {}),
        }

    def _why(self, address: str) -> list[dict[str, Any]] | None:
        seen = self.attendant.last_advertisement(address)
        if seen is None:
            return None
        return [
            {"driver": item.driver.name, "file": item.source, "match": held, "wins": self._wins(item.driver.name, address)}
            for item, held in self._registry.why(seen)
        ]

    def _wins(self, name: str, address: str) -> bool:
        return self.attendant.driver_of(address) == name

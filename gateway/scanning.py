"""One scan for as long as the daemon runs, and what is done when it ends."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from gateway.clock import Clock
from gateway.errors import AdapterError, AdapterProblem
from gateway.recovery import Reach, Recovery, Step
from gateway.transports.radio import Radio, Seen

log = structlog.get_logger()


class Scanning:
    def __init__(self, radio: Radio, clock: Clock, reach: Reach) -> None:
        self._radio, self._clock = radio, clock
        self._recovery = Recovery(reach)
        self._told_beyond = False
        self.problem: str | None = None

    @property
    def reach(self) -> Reach:
        return self._recovery.reach

    @reach.setter
    def reach(self, reach: Reach) -> None:
        self._recovery.reach = reach

    def heard(self) -> None:
        """An advertisement, of whomever."""
        if self.problem is not None:
            log.info("bluetooth works")
            self.problem, self._told_beyond = None, False
        self._recovery.heard()

    async def run(self, on_seen: Callable[[Seen], None], is_reading: Callable[[], bool]) -> None:
        while True:
            try:
                await self._radio.scan(on_seen)
            except AdapterError as error:
                await self._recover(error, reading=is_reading())
            await self._radio.rest(self._recovery.pause)

    async def _recover(self, error: AdapterError, *, reading: bool) -> None:
        step = self._recovery.failed(error.problem, self._clock.boottime(), reading=reading)
        if error.problem is AdapterProblem.SILENT and step is Step.RESCAN:
            return  # nobody is there, as far as anybody can tell
        if self.problem != str(error):
            log.warning("bluetooth does not work", problem=str(error))
        self.problem = str(error)
        if step is not Step.RESCAN:
            log.warning("trying to mend bluetooth", step=step.value)
            try:
                await self._radio.recover(step)
            except AdapterError as hindrance:
                log.error("bluetooth could not be mended", step=step.value, problem=str(hindrance))
        if self._recovery.is_beyond_us and not self._told_beyond:
            self._told_beyond = True
            log.error("bluetooth stays out of order; it is tried again once a minute", problem=str(error))

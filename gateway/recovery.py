"""What to do about an adapter that does not work, step by step, and about one that is only quiet: nothing.

Sans-IO: told what has failed and when, it names the next step. The order is that of the harm which each step does: begin the scan anew,
switch the adapter off and on, have bluetoothd started anew, and at last tell the owner and go on trying at leisure. What nobody has heard
is no fault while nobody stands on the scale: silence alone never costs more than a new scan, and one power cycle where the air had been
full before.
"""

from __future__ import annotations

import enum
from collections import Counter
from typing import Literal

from gateway.errors import AdapterProblem

Reach = Literal["scan", "adapter", "service"]

POWER_CYCLE_PAUSE = 600.0
RESTART_PAUSE = 3600.0
"""Between two of them at least: what a restart does not cure, ten restarts will not."""
SLOWEST_RETRY_SECONDS = 60.0
PATIENCE = 6
"""Failures in a row after which the owner is told that it is beyond us."""


class Step(enum.Enum):
    RESCAN = "begin the scan anew"
    POWER_ON = "switch the adapter on"
    POWER_CYCLE = "switch the adapter off and on"
    RESTART_SERVICE = "have bluetoothd started anew"


_LADDER = {
    AdapterProblem.NO_SERVICE: {4: Step.RESTART_SERVICE},  # systemd and the bus start it by themselves, as a rule
    AdapterProblem.NO_ADAPTER: {},
    AdapterProblem.OFF: {1: Step.POWER_ON, 2: Step.POWER_ON, 4: Step.RESTART_SERVICE},
    AdapterProblem.STUCK: {3: Step.POWER_CYCLE, 6: Step.RESTART_SERVICE},
    AdapterProblem.SILENT: {3: Step.POWER_CYCLE},
}
"""After so many failures of the kind; else the scan is only begun anew."""


class Recovery:
    def __init__(self, reach: Reach = "service") -> None:
        self.reach = reach
        self._failures: Counter[AdapterProblem] = Counter()
        self._was_lively = False
        self._cycled = self._restarted = float("-inf")

    @property
    def pause(self) -> float:
        """Seconds before the next attempt."""
        return min(2.0 ** max(self._failures.total() - 1, 0), SLOWEST_RETRY_SECONDS)

    @property
    def is_beyond_us(self) -> bool:
        return self._failures.total() > PATIENCE

    def heard(self) -> None:
        """An advertisement, of whomever: the adapter works."""
        self._was_lively = True
        if self._failures:
            self._failures.clear()

    def failed(self, problem: AdapterProblem, now: float, *, reading: bool = False) -> Step:
        """The step for this failure. `reading`: a session is under way, which a power cycle would cut off."""
        if problem is AdapterProblem.SILENT and (reading or not self._was_lively):
            return Step.RESCAN
        self._failures[problem] += 1
        step = _LADDER[problem].get(self._failures[problem], Step.RESCAN)
        if step is Step.POWER_ON and self.reach == "scan":
            return Step.RESCAN
        if step is Step.POWER_CYCLE:
            if problem is AdapterProblem.SILENT:
                self._was_lively = False  # if it is silent still afterwards, nobody is there
            if reading or self.reach == "scan" or now - self._cycled < POWER_CYCLE_PAUSE:
                return Step.RESCAN
            self._cycled = now
        if step is Step.RESTART_SERVICE:
            if self.reach != "service" or now - self._restarted < RESTART_PAUSE:
                return Step.RESCAN
            self._restarted = now
        return step

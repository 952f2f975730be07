"""Errors of the gateway, named by who is at fault and what happens next. Those of devices stand in `drivers.kit.errors`."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    line: int | None
    key: str
    said: str

    def text(self, path: Path) -> str:
        where = f"{path}:{self.line}" if self.line else str(path)
        return f"{where}: {self.key}: {self.said}" if self.key else f"{where}: {self.said}"


class ConfigError(Exception):
    """The technician's: every problem of the file at once, each with its line. Exit status 2."""

    def __init__(self, path: Path, problems: list[ConfigProblem]) -> None:
        super().__init__("\n".join(problem.text(path) for problem in problems))
        self.path, self.problems = path, problems


class DriverError(Exception):
    """The device maker's: that driver is left out, the daemon runs."""


class AmbiguousMatch(Exception):
    """Two drivers claim a device with equal right: it is left alone until one of the files says more."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second} match the same device and neither says more than the other")


class StateError(Exception):
    """The state directory cannot be used: held by another daemon, not writable, from a newer version. Exit status 1."""


class JournalError(Exception):
    """The journal could not take something (a full disk, say). Nothing of it was taken; intake still has it."""


class AdapterProblem(enum.Enum):
    NO_SERVICE = "bluetoothd does not answer"
    NO_ADAPTER = "there is no Bluetooth adapter"
    OFF = "the adapter is switched off"
    STUCK = "the adapter does not scan"
    SILENT = "the scan brings nothing"


class AdapterError(Exception):
    """The hub's: tried again with growing pauses."""

    def __init__(self, problem: AdapterProblem, detail: str = "") -> None:
        super().__init__(f"{problem.value}{': ' + detail if detail else ''}")
        self.problem = problem

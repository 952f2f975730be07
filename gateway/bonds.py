"""The life of a bond, as a table: what is known and what happens lead to a state and to what is done about it.

Bonds belong to bluetoothd, which keeps them in root's files; what stands here is what the gateway remembers beside that, so that a bond
which was there once and is gone is told from one that never was. Three can lose a bond: the device (a battery change, its own reset, its
maker's app), the hub (a new SD card, `bluetoothctl remove`), or both sides keep one that fits no more.
"""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gateway.whole import write_whole

DROPS_UNTIL_STALE = 3
"""A link that comes and is gone before a word, so often in a row: the old key no longer opens it. BlueZ before 5.82 does not tell why a
link went, and a bond that is removed by mistake costs its owner a walk to the device.
"""


class State(enum.StrEnum):
    UNPAIRED = "unpaired"
    PAIRED = "paired"
    STALE = "stale"
    """Both sides may have a key, but they do not fit."""
    LOST_ON_DEVICE = "lost on the device"
    LOST_ON_HUB = "lost on the hub"
    TAKEN = "taken by another"
    """It takes nobody else while its maker's app, a phone or another hub has it."""


class Event(enum.Enum):
    WANTS_SECURITY = "it wants an encrypted link"
    KEY_MISSING = "it says that it has no such key"
    DROPPED = "its link goes, time after time, before a word is said"
    ANSWERED = "it has answered over the link"
    PAIRED = "pairing succeeded"
    WRONG = "the passkey was wrong"
    REJECTED = "it does not let itself be paired"
    UNANSWERED = "nobody answered its question"


class Act(enum.Enum):
    NOTHING = "nothing"
    PAIR = "pair"
    FORGET = "remove the old bond from the hub; it is paired anew when it is heard again"
    TELL = "leave it alone and tell its owner"


class Step(NamedTuple):
    state: State
    act: Act


@dataclass(slots=True)
class Bond:
    """`state` is what is remembered; `drops` counts `DROPPED` in a row."""

    state: State = State.UNPAIRED
    drops: int = 0

    def happens(self, event: Event, *, at_hub: bool) -> Step:
        """`at_hub`: bluetoothd has a bond with it at this moment."""
        self.drops = self.drops + 1 if event is Event.DROPPED and at_hub else 0
        step = self._step(event, at_hub=at_hub)
        if step.act is Act.FORGET:
            self.drops = 0  # what comes is another bond
        self.state = step.state
        return step

    @property
    def is_lost(self) -> bool:
        """There was one, so there has to be one again before the device will talk."""
        return self.state not in (State.UNPAIRED, State.TAKEN)

    def _step(self, event: Event, *, at_hub: bool) -> Step:
        if event is Event.ANSWERED:
            return Step(State.PAIRED if at_hub else self.state, Act.NOTHING)
        if event is Event.DROPPED:
            if not at_hub:
                return Step(self.state, Act.NOTHING)
            return Step(State.STALE, Act.FORGET) if self.drops >= DROPS_UNTIL_STALE else Step(self.state, Act.NOTHING)
        if event is Event.WANTS_SECURITY and not at_hub:
            return Step(State.UNPAIRED if self.state in (State.UNPAIRED, State.TAKEN) else _lost(self.state), Act.PAIR)
        return _TABLE[event]


def _lost(before: State) -> State:
    """Of a bond that the hub does not have: it removed it itself where it was found to be of no use."""
    return before if before in (State.STALE, State.LOST_ON_DEVICE) else State.LOST_ON_HUB


_TABLE = {
    Event.WANTS_SECURITY: Step(State.STALE, Act.FORGET),  # with a bond at the hub, the link would be encrypted by now
    Event.KEY_MISSING: Step(State.LOST_ON_DEVICE, Act.FORGET),
    Event.PAIRED: Step(State.PAIRED, Act.NOTHING),
    Event.WRONG: Step(State.UNPAIRED, Act.TELL),
    Event.REJECTED: Step(State.TAKEN, Act.TELL),
    Event.UNANSWERED: Step(State.UNPAIRED, Act.TELL),
}


class BondFile:
    """What outlives the daemon: the states by address, and under which address a device was named that has another since it is bonded.

    A device with a private address shows its lasting one to those that it is bonded with; the owner has named it by the one that `scan`
    showed. A file that cannot be read is begun anew: it costs words, or a look at `scan`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: tuple[dict[str, State], dict[str, str]] | None = None

    def __getitem__(self, address: str) -> State:
        return self._read()[0].get(address, State.UNPAIRED)

    def __setitem__(self, address: str, state: State) -> None:
        states, aliases = self._read()
        states[address] = state
        if state is State.UNPAIRED:
            for one in [one for one, named in aliases.items() if named == address]:
                del aliases[one]
        self._write()

    def known_as(self, address: str) -> str:
        """The address by which its owner has named it."""
        return self._read()[1].get(address, address)

    def others(self, address: str) -> set[str]:
        """The addresses that it has had since."""
        return {one for one, named in self._read()[1].items() if named == address}

    def moved(self, address: str, now: str) -> None:
        self._read()[1][now] = address
        self._write()

    def _write(self) -> None:
        states, aliases = self._read()
        kept = {one: state.value for one, state in sorted(states.items()) if state is not State.UNPAIRED}
        write_whole(self._path, json.dumps({"states": kept, "named": aliases}, indent=1).encode())

    def _read(self) -> tuple[dict[str, State], dict[str, str]]:
        if self._known is None:
            try:
                found = json.loads(self._path.read_text(encoding="utf-8"))
                states = {str(one): State(state) for one, state in found["states"].items()}
                self._known = states, {str(one): str(named) for one, named in found["named"].items()}
            except (OSError, ValueError, AttributeError, TypeError, KeyError):
                self._known = {}, {}
        return self._known

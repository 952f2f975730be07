"""Kill -9 at a named point, start again, and compare with what the devices know."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from gateway.crashpoints import Point
from gateway.journal.store import read_all
from gateway.simulator.memory import Verdict, compare, truths

ROOT = Path(__file__).parents[2]
POINTS: tuple[Point, ...] = get_args(Point)
HIGHEST: dict[str, int] = {
    "frame-received": 40,
    "intake-flushed": 1,
    "thing-committed": 30,
    "device-told-to-forget": 1,
    "sink-written": 4,
    "cursor-moved": 4,
}
"""Up to which time each point is surely reached in one life of the devices."""


@dataclass
class Round:
    kills: list[str] = field(default_factory=list)
    verdict: Verdict | None = None
    twice: list[tuple[str, int]] = field(default_factory=list)
    unsent: int = 0

    @property
    def good(self) -> bool:
        return self.verdict is not None and self.verdict.good and not self.twice and not self.unsent

    def __str__(self) -> str:
        return f"{', '.join(self.kills) or 'no kill'}: {self.verdict}; lines doubled {len(self.twice)}, unsent {self.unsent}"


def _life(state: Path, spec: str | None) -> int:
    command = [sys.executable, "-m", "tests.support.rig", str(state), *([spec] if spec else [])]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=60)
    if done.returncode not in (0, 1, -signal.SIGKILL):
        raise RuntimeError(f"{spec}: exit status {done.returncode}\n{done.stderr}")
    return done.returncode


def crash(state: Path, *specs: str) -> Round:
    """One life for each spec (`POINT:N`), killed there if it gets so far, and one that is left in peace."""
    result = Round([spec for spec in specs if _life(state, spec) == -signal.SIGKILL])
    _life(state, None)
    things = [json.loads(row.body) for row in read_all(state / "journal.db")]
    result.verdict = compare(truths(state / "simulator"), things)
    sent = [json.loads(line) for line in (state / "things.ndjson").read_text().splitlines()]
    keys = [(thing["id"], thing["version"]) for thing in sent]
    result.twice = sorted({key for key in keys if keys.count(key) > 1})
    result.unsent = len({(thing["id"], thing["version"]) for thing in things} - set(keys))
    return result

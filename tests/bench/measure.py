"""How the figures are taken."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from pathlib import Path

RUNS = 5


def per_call(function: Callable[[], object], calls: int) -> float:
    """Microseconds for one call, garbage collection off."""
    gc.disable()
    began = time.perf_counter()
    for _ in range(calls):
        function()
    spent = time.perf_counter() - began
    gc.enable()
    return spent / calls * 1e6


def interleaved(cases: dict[str, Callable[[], float]], runs: int = RUNS) -> dict[str, float]:
    """Medians of `runs`, each case once per round, so that the machine's moods hit all alike."""
    seen: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(runs):
        for name, case in cases.items():
            seen[name].append(case())
    return {name: statistics.median(values) for name, values in seen.items()}


def resident() -> float:
    """MiB of this process, at most so far. The `ru_maxrss` of a child would be its parent's."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))

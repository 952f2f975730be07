"""The loss windows of docs/guarantees.md: from a frame in our hands to its line in the file, and to the medium."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from drivers import Policy
from drivers.standard import blood_pressure
from gateway.clock import SystemClock
from gateway.intake import Intake
from gateway.sessions import RecordingLink

FRAMES = 1000
CUFF = bytes.fromhex("167c0056006100e807060f11111b33000000")


async def _measure(place: Path) -> tuple[list[float], list[float]]:
    intake = Intake(place)
    link = RecordingLink("s", blood_pressure.DRIVER, intake, SystemClock("manual"), mark={}, policy=Policy(), idle_seconds=1)
    keeping = asyncio.create_task(intake.keep_durable())
    written, durable, waiting = [], [], list[tuple[int, float]]()
    for _ in range(FRAMES):
        began = time.perf_counter()
        link.on_frame(0x2A35, CUFF)
        written.append((time.perf_counter() - began) * 1e6)
        waiting.append((intake.position, began))
        await asyncio.sleep(0.003)
        now = time.perf_counter()
        durable += [(now - began) * 1e3 for position, began in waiting if position <= intake.durable]
        waiting = [(position, began) for position, began in waiting if position > intake.durable]
    keeping.cancel()
    return written, durable


def run() -> None:
    with tempfile.TemporaryDirectory(dir=".") as place:
        written, durable = asyncio.run(_measure(Path(place)))
    for name, values, unit in (("frame to file", written, "us"), ("frame to medium", durable, "ms")):
        ordered = sorted(values)
        print(
            f"{name:<16} median {statistics.median(ordered):7.1f} {unit}, 99 % {ordered[int(len(ordered) * 0.99)]:7.1f} {unit}, "
            f"longest {ordered[-1]:7.1f} {unit}  ({FRAMES} frames)"
        )

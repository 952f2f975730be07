"""`make soak`, or `python -m tests.soak [--minutes 30] [--seed S]`: the daemon as a process of its own, twenty devices that wake at random,
and a bluetoothd (the stand-in) that fails at random.

At the end the faults cease, everything is read, and the daemon's journal is held against what the devices know. Exit status 1 if anything
is lost, doubled or merged, or if the daemon has grown: its open files, tasks or memory in the last quarter, beside the second.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import sys
import tempfile
import time
from pathlib import Path

from tests.soak.world import MOST_FILES, MOST_MEGABYTES, MOST_TASKS, Sample, Soak
from tests.support.bluez.bus import private_bus

SAMPLE_SECONDS, FEWEST_SAMPLES = 5.0, 40
"""A short soak looks more often: a quarter of it is to be more than the one moment at which a session happens to run."""
QUIET_SAMPLES = 6
"""One a second when all has been read: on a busy machine a short soak has no quiet moment of its own."""


def grown(samples: list[Sample]) -> list[str]:
    """Sentences for what has grown. What a daemon needs it has by the end of the first quarter."""
    quarter = max(len(samples) // 4, 1)
    before, after = samples[quarter : 2 * quarter] or samples[:1], samples[-quarter:]
    found = []
    for name, most in (("files", MOST_FILES), ("tasks", MOST_TASKS), ("megabytes", MOST_MEGABYTES)):
        # Files and tasks come and go with each session: what leaks is there at the quietest moment, too.
        at = len(before) // 2 if name == "megabytes" else 0
        first, last = (sorted(getattr(sample, name) for sample in part)[min(at, len(part) - 1)] for part in (before, after))
        print(f"{name:<10} {first:8.1f} -> {last:8.1f} (at most {most} more)")
        if last > first + most:
            found.append(f"{name} grew from {first:.1f} to {last:.1f}")
    return found


async def main(place: Path, minutes: float, seed: int) -> int:
    soak = Soak(place, seed)
    await soak.start()
    until = time.monotonic() + minutes * 60
    samples = []
    disturbing = asyncio.create_task(soak.disturb())
    try:
        while time.monotonic() < until:
            await asyncio.sleep(min(SAMPLE_SECONDS, minutes * 60 / FEWEST_SAMPLES, max(until - time.monotonic(), 0)))
            if disturbing.done():
                disturbing.result()
            if (sample := await soak.sample()) is not None:
                samples.append(sample)
                with (place / "samples").open("a") as curve:
                    print(*sample, file=curve)
        soak.is_over = True
        await disturbing
        verdict = await soak.calm()
        waiting = soak.waiting()
        for _ in range(QUIET_SAMPLES):
            await asyncio.sleep(1)
            samples += [sample] if (sample := await soak.sample()) is not None else []
    finally:
        status = await soak.stop()
    print(f"seed {seed}: {minutes:g} minutes, {soak.wakes} wakes, faults: {dict(sorted(soak.faults.items()))}")
    print(f"{verdict.truths} truths, {verdict.things} things; {verdict}; the daemon ended with {status}")
    problems = grown(samples)
    if not verdict.good:
        problems.append(str(verdict))
    if status != 0:
        problems.append(f"the daemon ended with {status}")
    problems += [f"records wait in {device}" for device in waiting]
    for problem in problems:
        print(f"FAILED: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    options = argparse.ArgumentParser(prog="python -m tests.soak")
    options.add_argument("--minutes", type=float, default=30)
    options.add_argument("--seed", type=int, default=secrets.randbits(32))
    options.add_argument("--keep", type=Path, help="a directory for everything, kept")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        directory = given.keep or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        with private_bus(directory) as bus:
            os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = bus.address
            sys.exit(asyncio.run(main(directory, given.minutes, given.seed)))

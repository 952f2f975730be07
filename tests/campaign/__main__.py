"""`make campaign ROUNDS=500 SEED=1`: the last line is `lost 0, doubled 0, merged 0`, or names the seed that failed."""

from __future__ import annotations

import asyncio
import secrets
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.campaign.plan import POINTS, Plan, rounds
from tests.campaign.round import Result, Round

TOGETHER = 6
"""Rounds at a time: they wait more than they work."""


async def play(plans: list[Plan], place: Path, together: int = TOGETHER) -> list[Result]:
    """Run them all; what went well is cleared away, what went wrong stays to be looked at."""
    slots = asyncio.Semaphore(together)

    async def one(plan: Plan) -> Result:
        async with slots:
            played = Round(plan, place / str(plan.number))
            result = await played.run()
            if result.good:
                played.clear()
            else:
                print(result, flush=True)
            return result

    return list(await asyncio.gather(*(one(plan) for plan in plans)))


def summary(results: list[Result], seed: int) -> tuple[list[str], bool]:
    """The lines that are printed, and whether all is well."""
    hit = Counter(result.plan.point for result in results if result.killed)
    faults = Counter(fault for result in results for fault in result.faults)
    verdicts = [result.verdict for result in results if result.verdict]
    records, deleting = sum(v.truths for v in verdicts), sum(result.deleting for result in results)
    lost = sum(result.lost for result in results)
    doubled = sum(len(v.doubled) + len(v.invented) for v in verdicts)
    merged = sum(len(v.merged) for v in verdicts)
    bad = [result.plan.number for result in results if not result.good]
    lines = [
        f"{len(results)} rounds, {sum(r.lives for r in results)} lives, {records} records, {deleting} on devices that delete once read",
        "killed at: " + ", ".join(f"{point} {hit[point]}" for point in POINTS),
        "faults: " + ", ".join(f"{fault} {count}" for fault, count in sorted(faults.items())),
        f"lost in the window before intake (docs/guarantees.md): {sum(result.window for result in results)}",
    ]
    if bad:
        lines.append(f"rounds that failed: {', '.join(map(str, bad))}; their directories are kept")
        lines.append(f"seed {seed} failed: lost {lost}, doubled {doubled}, merged {merged}")
    else:
        lines.append(f"lost {lost}, doubled {doubled}, merged {merged}")
    return lines, not bad


def main(count: int, seed: int) -> int:
    began = time.monotonic()
    place = Path(tempfile.mkdtemp(prefix="health-gateway-campaign-"))
    print(f"seed {seed}, {count} rounds, in {place}", flush=True)
    results = asyncio.run(play(rounds(count, seed), place))
    lines, good = summary(results, seed)
    print(f"{time.monotonic() - began:.0f} s", *lines, sep="\n")
    if good:
        place.rmdir()
    return 0 if good else 1


if __name__ == "__main__":
    chosen = int(sys.argv[2]) if len(sys.argv) > 2 else secrets.randbits(32)
    sys.exit(main(int(sys.argv[1]), chosen))

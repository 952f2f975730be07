"""The long form of the crash tests: `make crash ROUNDS=20 SEED=1` kills each point that often and counts."""

from __future__ import annotations

import random
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.crashing import HIGHEST, POINTS, Round, crash


def main(rounds: int, seed: int) -> int:
    randomness = random.Random(seed)
    plan = [(point, randomness.randint(1, HIGHEST[point])) for point in POINTS for _ in range(rounds)]
    hit: Counter[str] = Counter()
    bad: list[Round] = []
    truths = 0

    def one(spec: tuple[str, int]) -> Round:
        with tempfile.TemporaryDirectory(prefix="health-gateway-crash-") as place:
            return crash(Path(place) / "state", f"{spec[0]}:{spec[1]}")

    with ThreadPoolExecutor(2) as pool:
        for result in pool.map(one, plan):
            hit.update(spec.split(":")[0] for spec in result.kills)
            truths += result.verdict.truths if result.verdict else 0
            if not result.good:
                bad.append(result)
                print(result, flush=True)
    print(f"seed {seed}; kills: {', '.join(f'{point} {hit[point]}' for point in POINTS)}; {truths} records")
    lost = sum(len(r.verdict.lost) for r in bad if r.verdict)
    doubled = sum(len(r.verdict.doubled) for r in bad if r.verdict)
    merged = sum(len(r.verdict.merged) for r in bad if r.verdict)
    print(f"lost {lost}, doubled {doubled}, merged {merged}" + (f"; {len(bad)} rounds failed" if bad else ""))
    missed = [point for point in POINTS if hit[point] < rounds]
    if missed:
        print(f"not reached often enough: {', '.join(missed)}")
    return 1 if bad or missed else 0


if __name__ == "__main__":
    chosen = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().getrandbits(32)
    sys.exit(main(int(sys.argv[1]), chosen))

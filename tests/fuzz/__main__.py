"""`make fuzz`, or `python -m tests.fuzz [--seconds 600] [--inputs 1000000] [--seed S] [FAMILY …]`.

The planted faults are found first, then comes each family. What reached something new is kept in tests/fuzz/corpus and begins the
next run. Exit status 1 and the octets, if anything but a value or a refusal comes out.
"""

from __future__ import annotations

import argparse
import random
import secrets
import sys

from tests.fuzz import planted
from tests.fuzz.engine import fuzz
from tests.fuzz.families import CORPUS, families, kept

MOST_KEPT = 150


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    parser.add_argument("family", nargs="*")
    asked = parser.parse_args()
    found = fuzz(planted.decode, (), (ValueError,), random.Random(asked.seed), inputs=2_000_000, wanted=planted.CRASHES)
    print(f"planted: {len(found.crashes)} of {planted.CRASHES} found in {found.inputs:,} inputs, seed {asked.seed}", flush=True)
    if len(found.crashes) < planted.CRASHES:
        return 1
    status = 0
    known = families()
    for name in asked.family or known:
        family, randomness = known[name], random.Random(f"{asked.seed} {name}")
        done = fuzz(family.target, (*family.seeds, *kept(name)), family.allowed, randomness, inputs=asked.inputs, seconds=asked.seconds)
        print(
            f"{name}: {done.inputs:,} inputs in {done.seconds:.0f} s, {len(done.edges)} edges, corpus {len(done.corpus)}, "
            f"crashes {len(done.crashes)}, seed {asked.seed}",
            flush=True,
        )
        for where, data in done.crashes.items():
            print(f"  {where}: {data.hex()}", flush=True)
            status = 1
        CORPUS.mkdir(exist_ok=True)
        (CORPUS / f"{name}.txt").write_text("".join(data.hex() + "\n" for data in done.corpus[:MOST_KEPT] if data))
    return status


if __name__ == "__main__":
    sys.exit(main())

"""A loop that is guided by coverage: what reaches a new edge between two lines of the code under test is kept, and changed further."""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

ROOT = Path(__file__).parents[2]
SCOPE = (str(ROOT / "profiles"), str(Path(__file__).with_name("planted.py")), "<string>")
"""The decoders, those that were compiled from field tables, and the planted ones."""
INTERESTING = (0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF)
LONGEST = 300

Target = Callable[[bytes], object]
Edge = tuple[CodeType, int, int]
"""From one line of a function to another."""


@dataclass(slots=True)
class Result:
    inputs: int = 0
    seconds: float = 0.0
    edges: set[Edge] = field(default_factory=set)
    corpus: list[bytes] = field(default_factory=list)
    crashes: dict[str, bytes] = field(default_factory=dict)
    """Each kind of error that is none of those allowed, by where it was raised, with the first octets that raised it."""


class _Tracer:
    """Counts how often each edge is passed."""

    def __init__(self) -> None:
        self.edges: Counter[Edge] = Counter()

    def __call__(self, frame: FrameType, event: str, _arg: Any) -> Any:
        code = frame.f_code
        if event != "call" or not code.co_filename.startswith(SCOPE):
            return None
        last, edges = 0, self.edges

        def line(inner: FrameType, what: str, _arg: Any) -> Any:
            nonlocal last
            if what == "line":
                edges[code, last, inner.f_lineno] += 1
                last = inner.f_lineno
            return line

        return line


def mutated(data: bytes, corpus: list[bytes], randomness: random.Random) -> bytes:
    octets = bytearray(data)
    for _ in range(1 << randomness.randrange(4)):
        at = randomness.randrange(len(octets) + 1)
        match randomness.randrange(7):
            case 0 if at < len(octets):
                octets[at] ^= 1 << randomness.randrange(8)
            case 1 if at < len(octets):
                octets[at] = randomness.choice(INTERESTING)
            case 2 if at < len(octets):
                octets[at] = randomness.randrange(256)
            case 3:
                octets[at:at] = randomness.randbytes(randomness.randrange(1, 5))
            case 4:
                del octets[at : at + randomness.randrange(1, 5)]
            case 5:
                octets[at:] = randomness.choice(corpus)[at:]
            case _:
                octets += octets[at : at + 8]
    return bytes(octets[:LONGEST])


def fuzz(
    target: Target,
    seeds: Iterable[bytes],
    allowed: tuple[type[Exception], ...],
    randomness: random.Random,
    *,
    inputs: int,
    seconds: float = 0.0,
    wanted: int = 0,
) -> Result:
    """At least so many inputs and seconds; or until `wanted` different crashes are found."""
    result, tracer = Result(), _Tracer()
    began, before = time.monotonic(), sys.gettrace()
    seen: set[tuple[Edge, int]] = set()

    def attempt(data: bytes) -> None:
        tracer.edges = Counter()
        sys.settrace(tracer)
        try:
            target(data)
        except allowed:
            pass
        except Exception as error:  # noqa: BLE001 - whatever it is, that is the finding
            result.crashes.setdefault(_where(error), data)
        finally:
            sys.settrace(before)
        result.inputs += 1
        # Once, twice, three times, and then by powers of two: a loop that goes on for longer is news, too.
        passed = {(edge, count.bit_length() if count > 3 else count) for edge, count in tracer.edges.items()}
        if not passed <= seen:
            seen.update(passed)
            result.edges |= tracer.edges.keys()
            result.corpus.append(data)

    for data in (*seeds, b""):
        attempt(data)
    while result.inputs < inputs or time.monotonic() - began < seconds:
        if wanted and len(result.crashes) >= wanted:
            break
        # What was found last leads furthest.
        recent = result.corpus[-20:] if randomness.random() < 0.5 else result.corpus
        attempt(mutated(randomness.choice(recent), result.corpus, randomness))
    result.seconds = time.monotonic() - began
    return result


def _where(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None and trace.tb_next.tb_frame.f_code.co_filename.startswith(SCOPE):
        trace = trace.tb_next
    line = "?" if trace is None else f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
    return f"{type(error).__name__} at {line}"

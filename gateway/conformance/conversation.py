"""Laws of the conversation: captures whole and cut, devices that are absent or silent, octets that nobody would send."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from drivers import Files, Match
from drivers.kit.capture import Record
from gateway.conformance.case import Case, Replayed, seen
from gateway.errors import AmbiguousMatch
from gateway.matching import Loaded

HOSTILE, LONGEST = 300, 80
MANY, MANY_OCTETS, MOST_OCTETS = 1000, 40_000, 24 << 20
SHORTENED = 64
"""A long frame, one of hundreds of values, is cut at so many places."""
CUTS = 600
"""A capture is cut at each of its records, or at so many of them if it is longer; the first are all among them."""
SEED, LONG_SECONDS = 20260301, 600.0


def recognized(case: Case) -> Iterator[str]:
    """Some advertisement leads to the driver, and each of its catalog entries to no other; or the configuration names it."""
    if not isinstance(case.loaded, Loaded):
        if not case.loaded.driver.plugs and not isinstance(case.loaded.driver.wire, Files):
            yield "it declares no plug: nothing leads to it"
        return
    if not case.catalog:
        yield "no catalog entry: an advertisement of the device, by which the driver is found"
    for entry in case.catalog:
        said = entry.get("advertisement")
        if said is None:
            if case.loaded.driver.match != Match() or case.loaded.driver.hears is not None:
                yield "its catalog entry has no advertisement, but its match asks for one"
            continue
        try:
            won = case.registry.match(seen(said))
        except AmbiguousMatch as error:
            yield f"{entry.get('device', 'an entry')}: {error}"
        except (ValueError, KeyError, TypeError) as error:
            yield f"{entry.get('device', 'an entry')}: no advertisement: {error!r}"
        else:
            if won is None or won.driver.name != case.name:
                got = won.driver.name if won else "no driver"
                yield f"{entry.get('device', 'an entry')}: its advertisement leads to {got}{_why_not(case, said)}"


def _why_not(case: Case, said: dict[str, Any]) -> str:
    """What of the driver's match does not hold."""
    if not isinstance(case.loaded, Loaded):
        return ""
    held = case.loaded.driver.match.explain(seen(said))
    match = case.loaded.driver.match
    return "".join(f"; {name} is not {getattr(match, name)!r}" for name, holds in held.items() if not holds)


def _set_aside(done: Replayed) -> str:
    """The first frame that the driver set aside, if that is why."""
    if not done.link.rejected:
        return f"; it ended: {done.error}" if done.error else ""
    return f"; {len(done.link.rejected)} frames were set aside, the first because of {done.link.rejected[0][1]}"


def whole(case: Case) -> Iterator[str]:
    """A capture gives readings, and the same ones each time."""
    if not case.captures:
        yield "no capture: `health-gateway capture` records one"
    for capture in case.captures:
        if not capture[0].extra.get("source"):
            yield f"{capture.name} does not say where it comes from: `source` in its first line"
        first, second = case.replay(capture), case.replay(capture)
        if first.fault:
            yield f"{capture.name} ends in {first.fault}"
        elif not first.readings:
            yield f"{capture.name} gives no reading{_set_aside(first)}"
        if first.batches != second.batches:
            yield f"{capture.name}, replayed twice, gives other readings: something is remembered outside of `read`"


def distinct(case: Case) -> Iterator[str]:
    """Two readings of a conversation have two keys, or the later one would take the place of the other."""
    for capture in case.captures:
        known: dict[object, object] = {}
        for item in case.replay(capture).readings:
            said = replace(item, frame=capture[0])  # type: ignore[arg-type]  # whatever it came in
            name = (type(item), getattr(item, "observed", None) and item.observed.code, item.key)  # type: ignore[attr-defined]
            if known.setdefault(name, said) != said:
                yield f"{capture.name}: two readings have the same key"
                return


def _lengths(capture: Sequence[Record]) -> list[int]:
    lengths = range(1, len(capture))
    if len(lengths) <= CUTS:
        return list(lengths)
    return sorted({*lengths[: CUTS // 2], *random.Random(SEED).sample(lengths, CUTS // 2)})  # noqa: S311 - no secret


def cut(case: Case) -> Iterator[str]:
    """A link that ends early gives what was complete: never a reading that the whole would not have."""
    for capture in case.captures:
        known = {(item.key, item.frame) for item in case.replay(capture).readings}
        for length in _lengths(capture):
            done = case.replay(capture[:length])
            if done.fault:
                yield f"{capture.name}, cut off behind record {length} of {len(capture)}: {done.fault}"
                return
            if any((item.key, item.frame) not in known for item in done.readings):
                yield f"{capture.name}, cut off behind record {length} of {len(capture)}, gives a reading that the whole has not"
                return


def absent(case: Case) -> Iterator[str]:
    """A device that has nothing of what is asked for, and says nothing."""
    opening = case.captures[0][0] if case.captures else Record(kind="open", session="1", time=1.7e9)
    done = case.replay([replace(opening, extra={**opening.extra, "chars": []})])
    yield from _nothing(done, "a device that is not there")


def silent(case: Case) -> Iterator[str]:
    """A device that has everything, and says nothing."""
    for capture in case.captures:
        yield from _nothing(case.replay(capture[:1]), "a device that is silent")


def _nothing(done: Replayed, what: str) -> Iterator[str]:
    if done.fault:
        yield f"with {what}: {done.fault}"
    if done.readings:
        yield f"with {what} it gives a reading"


def prefixes(case: Case) -> Iterator[str]:
    """Each frame cut short at each octet, and with octets behind it: set aside or understood, never an exception."""
    for capture in case.captures:
        spoken = [at for at, record in enumerate(capture) if record.kind in ("rx", "rd")][:12]
        for at in spoken:
            data = capture[at].data
            for other in (*(data[:length] for length in range(0, len(data), 1 + len(data) // SHORTENED)), data + b"\x00\xff"):
                done = case.replay([*capture[:at], replace(capture[at], data=other), *capture[at + 1 : at + 3]])
                if done.fault:
                    yield f"{capture.name}: frame {at} with {len(other)} octets in place of {len(data)}: {done.fault}"
                    return


def hostile(case: Case) -> Iterator[str]:
    """Random octets on every characteristic: no exception but a device's own, and nothing without bound."""
    randomness = random.Random(SEED)  # noqa: S311 - no secret
    for capture in case.captures:
        for _ in range(3):
            done = case.replay(list(_noise(capture, randomness, HOSTILE)))
            if done.fault:
                yield f"random frames (seed {SEED}): {done.fault}"
                return
            if len(done.readings) + len(done.link.rejected) > 4 * HOSTILE:
                yield "random frames give more readings than there were frames"
                return


def _noise(capture: Sequence[Record], randomness: random.Random, count: int) -> Iterator[Record]:
    yield capture[0]
    places = [int(text, 16) for text in capture[0].extra.get("chars", ())] or [0]
    heard = [record.data for record in capture if record.kind in ("rx", "rd")] or [b""]
    for number in range(count):
        data = bytearray(randomness.choice((randomness.choice(heard), randomness.randbytes(randomness.randrange(LONGEST)))))
        if data:
            data[randomness.randrange(len(data))] = randomness.randrange(256)
        kind = randomness.choice(("rx", "rx", "rx", "rd"))
        yield Record(
            kind=kind, session="1", position=number, characteristic=randomness.choice(places), data=bytes(data), time=1.7e9 + number
        )


def bounds(case: Case) -> Iterator[str]:
    """A device that says the same for ever costs no memory for ever."""
    for capture in case.captures[:1]:
        spoken = [record for record in capture if record.kind == "rx"][:50]
        if not spoken:
            continue
        rounds = max(1, min(MANY // len(spoken), MANY_OCTETS // (1 + sum(len(one.data) for one in spoken))))
        long = [capture[0], *(replace(one, position=at * 100 + n, time=1.7e9 + at) for at in range(rounds) for n, one in enumerate(spoken))]
        tracemalloc.start()
        try:
            done = case.replay(long, LONG_SECONDS)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        if done.fault:
            yield f"a device that repeats itself {rounds} times: {done.fault}"
        if peak > MOST_OCTETS:
            yield f"a device that repeats itself {rounds} times costs {peak >> 20} MiB"


def commands(case: Case) -> Iterator[str]:
    """What is sent is on the allow-list; without the owner's word nothing forgets, changes or registers."""
    for capture in case.captures:
        opening = replace(capture[0], extra={**capture[0].extra, "policy": {"bindkey": key} if (key := _key(capture[0])) else {}})
        for given in ([opening, *capture[1:]], capture):
            may = (given is capture and capture[0].extra.get("policy")) or {}
            for characteristic, data, command in case.replay(given).link.commands:
                shown = f"{data[:4].hex()}… to {characteristic:04X}"
                if command is None:
                    yield f"it sends {shown}, which is on no allow-list"
                    return
                forbidden = {
                    "forgets": command.forgets and not may.get("forget"),
                    "changes": command.changes and not may.get("set_clock"),
                    "registers": command.registers and may.get("register") is None,
                }
                for what in (name for name, is_so in forbidden.items() if is_so):
                    yield f"it sends {shown}, which {what}, without the owner's word"
                    return


def _key(opening: Record) -> str | None:
    key = (opening.extra.get("policy") or {}).get("bindkey")
    return str(key) if key else None


LAWS = (recognized, whole, distinct, cut, absent, silent, prefixes, hostile, bounds, commands)

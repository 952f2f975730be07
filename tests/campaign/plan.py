"""What happens in each round, drawn from the seed: nothing here runs anything."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

from gateway.crashpoints import Point

T = TypeVar("T")

Fault = Literal[
    "broker-killed",
    "broker-restarted",
    "broker-refuses",
    "connection-refused",
    "partitioned",
    "slow",
    "consumer-away",
    "disk-full",
    "clock-stepped",
    "reloaded",
    "journal-damaged",
]
Kind = Literal["broker", "stream", "clinic"]
"""Of far end: an MQTT broker; a JetStream cluster, workers and a database; FHIR, HealthVault and webhook servers."""
KINDS: tuple[Kind, ...] = ("broker", "broker", "stream", "clinic")
POINTS: tuple[Point, ...] = get_args(Point)
FAULTS: tuple[Fault, ...] = get_args(Fault)

HIGHEST: dict[Point, int] = {
    "frame-received": 40,
    "intake-flushed": 1,
    "thing-committed": 30,
    "device-told-to-forget": 1,
    "message-sent": 20,
    "message-acknowledged": 15,
    "sink-written": 4,
    "cursor-moved": 4,
}
"""Up to which time each point is as good as surely reached in one life of the devices, when nothing else goes wrong."""

FAULTS_A_ROUND = 2
BULK_EVERY, BULK_RECORDS = 25, 2000
LATEST_START, LONGEST = 1.5, 2.0


@dataclass(frozen=True)
class Event:
    fault: Fault
    at: float
    lasts: float


@dataclass(frozen=True)
class Plan:
    """One round: the daemon is killed at `point` the `count`th time it gets there, while `events` go on around it."""

    number: int
    seed: int
    point: Point
    count: int
    ack: Literal["broker", "receiver"]
    events: tuple[Event, ...]
    bulk: bool
    far: Kind

    def __str__(self) -> str:
        events = ", ".join(f"{event.fault} at {event.at:.1f} s for {event.lasts:.1f} s" for event in self.events)
        return (
            f"round {self.number} ({self.far}; kill at {self.point}:{self.count}, ack {self.ack}{', bulk' if self.bulk else ''}; {events})"
        )


def rounds(count: int, seed: int) -> list[Plan]:
    """Crash points and faults are dealt like cards, so that each comes as often as any other."""
    randomness = random.Random(seed)
    points = _dealt(POINTS, count, randomness)
    faults = _dealt(FAULTS, count * FAULTS_A_ROUND, randomness)
    return [_round(number, points[number], faults, randomness) for number in range(count)]


def _round(number: int, point: Point, faults: list[Fault], randomness: random.Random) -> Plan:
    bulk = number % BULK_EVERY == BULK_EVERY - 2
    mine = {faults[number * FAULTS_A_ROUND + k] for k in range(FAULTS_A_ROUND)}
    if bulk:
        # Thousands drain while nobody takes them.
        mine = (mine - {"disk-full"}) | {FAULTS[FAULTS.index("consumer-away")]}
    events = [Event(fault, randomness.uniform(0, LATEST_START), randomness.uniform(0.3, LONGEST)) for fault in sorted(mine)]
    return Plan(
        number,
        randomness.getrandbits(32),
        point,
        randomness.randint(1, HIGHEST[point]),
        randomness.choice(("broker", "broker", "receiver")),
        tuple(sorted(events, key=lambda event: event.at)),
        bulk,
        # Thousands of things are the broker's: what they show there they show anywhere, and quicker.
        "broker" if bulk else KINDS[number % len(KINDS)],
    )


def _dealt(cards: tuple[T, ...], count: int, randomness: random.Random) -> list[T]:
    dealt: list[T] = []
    while len(dealt) < count:
        deck = list(cards)
        randomness.shuffle(deck)
        dealt += deck
    return dealt[:count]

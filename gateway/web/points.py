"""What the page shows of all things, in memory: three numbers for each value, in arrays, so that a million of them fit on a Pi.

Of each thing the latest version counts. Where it is to be shown in full, its number leads to the journal.
"""

from __future__ import annotations

import json
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

import structlog

from gateway.quantities import Entity, said

log = structlog.get_logger()


class Point(NamedTuple):
    quantity: Entity
    value: float


class Told(NamedTuple):
    """A thing as this page needs it. `time`: seconds since 1970."""

    n: int
    person: str | None
    time: float
    points: tuple[Point, ...]


def told(n: int, body: str) -> Told | None:
    """None for what is not a reading of anybody, or no longer said; nor for one that cannot be placed: it keeps nobody else from it."""
    try:
        thing = json.loads(body)
        if thing["type"] == "device" or thing.get("retracted"):
            return None
        values = tuple(Point(one.entity, float(one.value)) for one in said(thing))
        return Told(n, thing.get("person"), time_of(thing), values)
    except (ArithmeticError, KeyError, TypeError, ValueError) as error:
        log.warning("the page cannot show a thing", number=n, problem=type(error).__name__)
        return None


def time_of(thing: dict[str, Any]) -> float:
    return datetime.fromisoformat(thing["when"]["time"]).timestamp()


class Series:
    """Values by their time."""

    __slots__ = ("numbers", "times", "values")

    def __init__(self) -> None:
        self.times, self.values, self.numbers = array("d"), array("d"), array("q")

    def __len__(self) -> int:
        return len(self.times)

    def add(self, time: float, value: float, number: int) -> None:
        at = bisect_right(self.times, time)
        self.times.insert(at, time)
        self.values.insert(at, value)
        self.numbers.insert(at, number)

    def remove(self, time: float, number: int) -> None:
        """Does nothing if it is not there."""
        for at in range(bisect_left(self.times, time), bisect_right(self.times, time)):
            if self.numbers[at] == number:
                for column in (self.times, self.values, self.numbers):
                    del column[at]
                return

    def between(self, since: float, until: float) -> tuple[int, int]:
        """Where they begin, and where they are over."""
        return bisect_left(self.times, since), bisect_right(self.times, until)


class Columns(NamedTuple):
    """Of a chart. For single values `low`, `high` and `counts` are None, and `values` what was measured; else means."""

    times: list[float]
    values: list[float]
    numbers: list[int]
    low: list[float] | None = None
    high: list[float] | None = None
    counts: list[int] | None = None


def columns(series: Series, since: float, until: float, most: int) -> Columns:
    """At most about `most` points: single values if they are that few, else what lies in equal spans of time, with its extremes."""
    first, last = series.between(since, until)
    if last - first <= most:
        return Columns(series.times[first:last].tolist(), series.values[first:last].tolist(), series.numbers[first:last].tolist())
    made = Columns([], [], [], [], [], [])
    times, values, numbers = series.times, series.values, series.numbers
    begin = times[first]
    width = max((times[last - 1] - begin) / most, 1e-3)
    at = first
    while at < last:
        # The span that holds the next value: empty ones cost nothing.
        end = begin + (int((times[at] - begin) / width) + 1) * width
        behind = max(bisect_left(times, end, at, last), at + 1)
        part = values[at:behind]
        made.times.append((times[at] + times[behind - 1]) / 2)
        made.values.append(sum(part) / len(part))
        made.numbers.append(numbers[behind - 1])
        assert made.low is not None and made.high is not None and made.counts is not None  # noqa: S101, PT018 - made above
        made.low.append(min(part))
        made.high.append(max(part))
        made.counts.append(behind - at)
        at = behind
    return made


class Points:
    """All of them, by person and quantity."""

    def __init__(self) -> None:
        self._series: dict[tuple[str | None, str], Series] = {}
        self._things: dict[str | None, Series] = {}
        self.quantities: dict[str, Entity] = {}

    def clear(self) -> None:
        self._series.clear()
        self._things.clear()

    def add(self, thing: Told) -> None:
        self._things.setdefault(thing.person, Series()).add(thing.time, 0.0, thing.n)
        for point in thing.points:
            self.quantities.setdefault(point.quantity.key, point.quantity)
            self._series.setdefault((thing.person, point.quantity.key), Series()).add(thing.time, point.value, thing.n)

    def remove(self, thing: Told) -> None:
        for series in (self._things.get(thing.person), *(self._series.get((thing.person, one.quantity.key)) for one in thing.points)):
            if series is not None:
                series.remove(thing.time, thing.n)

    def persons(self) -> list[str]:
        return [person for person, series in self._things.items() if person is not None and len(series)]

    def of(self, person: str) -> dict[str, Series]:
        """By quantity; none is empty."""
        return {key: series for (whose, key), series in self._series.items() if whose == person and len(series)}

    def things(self, person: str | None) -> Series:
        """Numbers of all that is theirs; of what is nobody's for None."""
        return self._things.get(person, Series())

    def whose(self, things: Iterable[Told]) -> set[str | None]:
        return {thing.person for thing in things}

"""What devices that stream while somebody moves have in common: a session is summed up when it is over.

They store nothing and have no clock. A session begins with the first value that shows movement. It ends when nothing has moved for five
minutes, when the device falls silent or goes, and after so many values that a thing holds no more: the next one goes on from there.
Counters may begin anywhere and wrap around; a jump that nobody could have made is a device switched on anew, and counts for nothing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from drivers.kit import steps
from drivers.kit.links import Frame, GattLink
from drivers.kit.readings import Batch, Exercise, Key, Quantity, Series
from profiles.gatt.speed_cadence import since

PAUSE_SECONDS = 300.0
MOST_VALUES = 4096
"""Of one quantity in one session: more than an hour, at one a second."""
GAP_SECONDS = 5.0
"""What a value stands for at most, until the next: who is out of reach of the radio is not taken to have gone on."""


class Rate(NamedTuple):
    """How fast something is at this moment. Its mean and its maximum go into the session, and all values as a series."""

    name: str
    unit: str
    moves: bool = True
    """Whether somebody moves who shows it: a heart beats at rest, too."""


class Total(NamedTuple):
    """A counter of so many bits, `scale` counts to a unit. `most`: units in a second that nobody exceeds."""

    name: str
    unit: str
    bits: int
    most: int
    scale: int = 1


class Sum(NamedTuple):
    """A derived total: a rate, times the time it was kept up, divided by `per`. Left out where the device counts itself."""

    name: str
    unit: str
    rate: str
    per: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a kind of device tells."""

    rates: tuple[Rate, ...] = ()
    totals: tuple[Total, ...] = ()
    sums: tuple[Sum, ...] = ()


@dataclass(slots=True)
class _Counter:
    total: Total
    last: Decimal
    at: float
    sum: Decimal = Decimal(0)

    def add(self, value: Decimal, at: float) -> bool:
        """Whether it has advanced."""
        scale = self.total.scale
        advanced = Decimal(since(int(self.last * scale), int(value * scale), self.total.bits)) / scale
        possible = advanced <= self.total.most * max(1.0, at - self.at)
        self.last, self.at = value, at
        if possible:
            self.sum += advanced
        return possible and advanced > 0


@dataclass(slots=True)
class _Kept:
    """What one session holds so far."""

    first: Frame
    activities: dict[str, int] = field(default_factory=dict)
    values: dict[str, list[tuple[float, Decimal]]] = field(default_factory=dict)
    counters: dict[str, _Counter] = field(default_factory=dict)
    last_moved: float = 0.0

    @property
    def is_full(self) -> bool:
        return any(len(values) >= MOST_VALUES for values in self.values.values())


class Session:
    """Sums up. `take` gives out the session before, if this value shows that it is over."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._rates = {rate.name: rate for rate in plan.rates}
        self._totals = {total.name: total for total in plan.totals}
        self._kept: _Kept | None = None
        self._before: dict[str, tuple[Decimal, float]] = {}
        """Where each counter stood last: a session begins with what brought it about."""

    def take(self, frame: Frame, activity: str, said: Mapping[str, Decimal]) -> Exercise | None:
        at, over = frame.received, None
        kept = self._kept
        if kept is not None and (kept.is_full or at - kept.last_moved > PAUSE_SECONDS):
            over, kept = self.end(), None
        moved = any(said[name] > 0 for name, rate in self._rates.items() if rate.moves and name in said)
        if kept is None:
            fresh = _Kept(frame)
            for name, (value, when) in self._before.items():
                fresh.counters[name] = _Counter(self._totals[name], value, when)
            moved = self._count(fresh, said, at) or moved
            if not moved:
                return over
            self._kept = kept = fresh
        else:
            moved = self._count(kept, said, at) or moved
        if moved:
            kept.last_moved = at
        kept.activities[activity] = kept.activities.get(activity, 0) + 1
        for name in self._rates:
            if name in said:
                kept.values.setdefault(name, []).append((at, said[name]))
        return over

    def _count(self, kept: _Kept, said: Mapping[str, Decimal], at: float) -> bool:
        moved = False
        for name, total in self._totals.items():
            if name not in said:
                continue
            counter = kept.counters.get(name)
            if counter is None:
                kept.counters[name] = _Counter(total, said[name], at)
            else:
                moved = counter.add(said[name], at) or moved
            self._before[name] = (said[name], at)
        return moved

    def end(self) -> Exercise | None:
        """The session as it stands, up to the last movement; None if there was none."""
        kept, self._kept = self._kept, None
        if kept is None:
            return None
        began = kept.first.received
        values = {name: [one for one in found if one[0] <= kept.last_moved] for name, found in kept.values.items()}
        details: dict[str, Quantity] = {name: Quantity(c.sum, c.total.unit) for name, c in kept.counters.items()}
        derived = []
        for name, unit, rate, per in self._plan.sums:
            if name not in details and values.get(rate):
                details[name] = Quantity(_integral(values[rate], per), unit)
                derived.append(name)
        series = []
        for name, found in values.items():
            if found:
                plain, unit = [value for _, value in found], self._rates[name].unit
                details[name] = Quantity(steps.mean(plain), unit)
                details[f"highest-{name}"] = Quantity(max(plain), unit)
                series.append(Series(name, unit, tuple(Decimal(f"{at - began:.2f}") for at, _ in found), tuple(plain)))
        return Exercise(
            frame=kept.first,
            # Where it begins is what tells it from others; the device gives nothing else.
            key=Key.episode(str(kept.first.position).encode(), 0),
            activity=max(kept.activities, key=lambda activity: kept.activities[activity]),
            seconds=Decimal(f"{kept.last_moved - began:.1f}"),
            details=details,
            derived=tuple(derived),
            series=tuple(series),
        )


def _integral(values: Iterable[tuple[float, Decimal]], per: int) -> Decimal:
    """Each value stands until the next one, or for as long as the radio may miss one."""
    sum_, before = Decimal(0), None
    for at, value in values:
        if before is not None:
            sum_ += before[1] * Decimal(f"{min(at - before[0], GAP_SECONDS):.3f}")
        before = (at, value)
    return (sum_ / per).quantize(Decimal(1))


Understand = Callable[[GattLink, Frame], tuple[str, Mapping[str, Decimal]] | None]
"""An activity and what is said of it, by name; None while a record is not complete, or cannot be read."""


def stream(plan: Plan, understand: Callable[[], Understand], *alternatives: tuple[int, ...]) -> Callable[[GattLink], AsyncGenerator[Batch]]:
    """The conversation. Of `alternatives` the first is listened to of which the device has anything: the others say the same again."""

    async def read(link: GattLink) -> AsyncGenerator[Batch]:
        await link.subscribe(*next((group for group in alternatives if any(map(link.has, group))), ()))
        yield Batch(await steps.about(link))
        session, told = Session(plan), understand()
        while (frame := await link.receive()) is not None:
            said = told(link, frame)
            over = session.take(frame, *said) if said is not None else None
            if over is not None:
                yield Batch((over,))
        last = session.end()
        if last is not None:
            yield Batch((last,))

    return read

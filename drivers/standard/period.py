"""A minute of values from a device that streams: one reading, with what it was made of as its samples."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from drivers.kit import steps
from drivers.kit.links import Frame
from drivers.kit.readings import Key, Quantity, Series

PERIOD_SECONDS = 60.0
MOST_VALUES = 1024
"""In one period; a device that sends faster gets shorter ones."""


@dataclass(slots=True)
class Period:
    """Begins with the frame of its first value."""

    first: Frame
    _last: float = 0.0
    _values: dict[str, list[tuple[float, Decimal]]] = field(default_factory=dict)

    def is_over(self, frame: Frame) -> bool:
        return frame.received - self.first.received >= PERIOD_SECONDS or max(map(len, self._values.values()), default=0) >= MOST_VALUES

    def add(self, frame: Frame, name: str, *values: Decimal) -> None:
        self._values.setdefault(name, []).extend((frame.received, value) for value in values)
        self._last = frame.received

    def values(self, name: str) -> list[Decimal]:
        return [value for _, value in self._values.get(name, ())]

    def mean(self, name: str, unit: str) -> Quantity:
        return Quantity(steps.mean(self.values(name)), unit)

    def extremes(self, name: str, unit: str) -> tuple[Quantity, Quantity]:
        values = self.values(name)
        return Quantity(min(values), unit), Quantity(max(values), unit)

    def series(self, **units: str) -> tuple[Series, ...]:
        """Of those that have values, each in its unit."""
        return tuple(
            Series(
                name.replace("_", "-"), unit, tuple(Decimal(f"{at - self.first.received:.2f}") for at, _ in found), tuple(self.values(name))
            )
            for name, unit in units.items()
            if (found := self._values.get(name))
        )

    @property
    def seconds(self) -> Decimal:
        return Decimal(f"{self._last - self.first.received:.1f}")

    @property
    def key(self) -> Key:
        """Where the period begins is what tells it from others; the device gives nothing else."""
        return Key.episode(str(self.first.position).encode(), 0)

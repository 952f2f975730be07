"""Whose a weight is by what it is, where nobody has said so: on scales that do not know who stands on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from drivers import BodyComposition, Reading, Weight
from gateway.normalize.codes import canonical

Band = tuple[str, float, float]
"""A person, and from and to which weight in kg they are looked for."""
Bands = Callable[[], Sequence[Band]]
TOGETHER_SECONDS = 60.0
"""What a scale without a clock says so soon after a weight belongs to it."""


def in_one_band(kilograms: Decimal, bands: Sequence[Band]) -> str | None:
    """The one person in whose band it lies; None for nobody's, and for two persons'."""
    found = {person for person, lowest, highest in bands if lowest <= kilograms <= highest}
    return found.pop() if len(found) == 1 else None


class Weighings:
    """The weights of one session, and whose they were."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, str | None]] = {}

    def persons(self, readings: Sequence[Reading], bands: Sequence[Band]) -> list[str | None]:
        """Of each of these. What comes without a weight belongs to the weight of the same moment."""
        for reading in readings:
            weight = reading.weight if isinstance(reading, Weight | BodyComposition) else None
            if weight is not None:
                person = in_one_band(canonical(weight.value, weight.unit, "kg"), bands)
                self._known[_moment(reading)] = (reading.frame.received, person)
        return [self._person(reading) for reading in readings]

    def _person(self, reading: Reading) -> str | None:
        received, person = self._known.get(_moment(reading), (0.0, None))
        return person if abs(reading.frame.received - received) <= TOGETHER_SECONDS else None


def _moment(reading: Reading) -> str:
    return str(reading.device_time or "")

"""Beurer BF720, BF105, BF500, BF600, BF850, BF950: the Weight Scale, Body Composition and User Data profiles, with a list of users beside
them.

Flow: as the profiles have it (`drivers.standard.weight_scale`): it shows a user's data for his consent code. On FFF2 it lists its users,
which is not asked for. The impedance is in the body composition.
Source: frames: KristianP26/ble-scale-sync@3cce0090 tests/scales/beurer-bf720.test.ts; names are from memory of openScale
(oliexdev/openScale).
"""

from __future__ import annotations

from functools import partial

from drivers import BodyComposition, Match, Reading
from drivers.standard import weight_scale


def unless_empty(said: Reading) -> Reading | None:
    """Before it has measured, it indicates a composition of zeros."""
    return None if isinstance(said, BodyComposition) and said.fat is not None and not said.fat.value else said


DRIVER = weight_scale.DRIVER.variant(
    name="beurer-bf720",
    label="Beurer BF720, BF105, BF500, BF600, BF850, BF950",
    match=Match(service=weight_scale.DRIVER.match.service, local_name="BF[1-9][0-9][05]*"),
    read=partial(weight_scale.read, mend=unless_empty),
)

"""Renpho scales that call themselves renpho-scale: the Weight Scale and Body Composition profiles, but for the weight's scale.

Flow: as the profiles have it (`drivers.standard.weight_scale`). Its steps are ten times the profile's: 50 g, or a tenth of a pound.
Source: frames, the first of a real scale: KristianP26/ble-scale-sync@3cce0090 tests/scales/renpho.test.ts; the name is from memory of
openScale (oliexdev/openScale).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from drivers import Match, Quantity, Reading, Weight
from drivers.standard import weight_scale

SERVICES = weight_scale.DRIVER.match.service


def in_its_steps(said: Reading) -> Reading:
    return replace(said, weight=Quantity(said.weight.value * 10, said.weight.unit)) if isinstance(said, Weight) else said


DRIVER = weight_scale.DRIVER.variant(
    name="renpho",
    label="Renpho scale (renpho-scale)",
    match=Match(service=SERVICES, local_name="[Rr]enpho-[Ss]cale*"),
    read=partial(weight_scale.read, mend=in_its_steps),
)

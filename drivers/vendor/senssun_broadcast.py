"""Senssun scales whose names begin with IF_B.

Flow: nobody connects. The scale says its weight and impedance in manufacturer data under a borrowed company identifier (0100). A weight
that moves is passed over.
Source: see the form's layout in `profiles/adv`.
"""

from __future__ import annotations

from drivers.standard.advertised import DRIVER as ADVERTISED
from drivers.standard.advertised import hearing

DRIVER = ADVERTISED.variant(
    name="senssun-broadcast",
    label="Senssun scale that advertises",
    hears=hearing("Senssun scale", companies=(0x0100,)),
)

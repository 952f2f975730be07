"""Amazfit Smart Scale (A2003).

Flow: nobody connects. The scale says its weight, impedance and time as service data of FEE0. A weight that moves is passed over.
Source: see the form's layout in `profiles/adv`.
"""

from __future__ import annotations

from drivers.standard.advertised import DRIVER as ADVERTISED
from drivers.standard.advertised import hearing

DRIVER = ADVERTISED.variant(
    name="amazfit-scale",
    label="Amazfit Smart Scale",
    hears=hearing("Amazfit Smart Scale", services=(0xFEE0,)),
)

"""Xiaomi Mi Smart Scale (XMTZC01HM, XMTZC04HM).

Flow: nobody connects. The scale says its weight and time as service data of 181D, which is the SIG's for something else. One that moves,
or a thing on it, is passed over.
Source: see the form's layout in `profiles/adv`.
"""

from __future__ import annotations

from drivers.standard.advertised import DRIVER as ADVERTISED
from drivers.standard.advertised import hearing

DRIVER = ADVERTISED.variant(
    name="xiaomi-scale",
    label="Xiaomi Mi Smart Scale",
    hears=hearing("Mi Smart Scale", services=(0x181D,)),
)

"""Xiaomi Mi Body Composition Scale and Scale 2 (XMTZC02HM, XMTZC05HM).

Flow: nobody connects. The scale says its weight, its time and, some seconds later, the impedance as service data of 181B, which is the
SIG's for something else. The later one is the next version of the same reading; a weight that moves is passed over.
Source: see the form's layout in `profiles/adv`.
"""

from __future__ import annotations

from drivers.standard.advertised import DRIVER as ADVERTISED
from drivers.standard.advertised import hearing

DRIVER = ADVERTISED.variant(
    name="xiaomi-body-scale",
    label="Xiaomi Mi Body Composition Scale",
    hears=hearing("Mi Body Composition Scale", services=(0x181B,)),
)

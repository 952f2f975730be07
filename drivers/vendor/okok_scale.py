"""Scales of the OKOK app (Chipsea boards, many names).

Flow: nobody connects. The scale says its weight, unit and impedance in manufacturer data under a company identifier that is none: its
lower octet is C0, and the device's own address ends it. A weight that moves is passed over.
Source: see the form's layout in `profiles/adv`.
"""

from __future__ import annotations

from drivers.standard.advertised import DRIVER as ADVERTISED
from drivers.standard.advertised import hearing

DRIVER = ADVERTISED.variant(
    name="okok-scale",
    label="OKOK scale",
    hears=hearing("OKOK scale", companies=tuple(range(0xC0, 0x10000, 0x100))),
)

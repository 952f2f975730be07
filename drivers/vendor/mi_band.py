"""Xiaomi Mi Band, as far as it advertises.

Flow: nobody connects. A band that lets everyone see its pulse has it in its manufacturer data; it is taken once a minute. Nobody connects,
and its steps are not read.
Source: see the form's layout in `profiles/adv`.
"""

from __future__ import annotations

from drivers.standard.advertised import DRIVER as ADVERTISED
from drivers.standard.advertised import PULSE_SECONDS, hearing

DRIVER = ADVERTISED.variant(
    name="mi-band",
    label="Mi Band (pulse)",
    hears=hearing("Mi Band", seconds=PULSE_SECONDS, companies=(0x0157,)),
)

"""XOSS heart-rate belt, as far as it advertises.

Flow: nobody connects. The belt says its pulse in manufacturer data under a company identifier that is none (FF04); it is taken once a
minute.
Source: see the form's layout in `profiles/adv`.
"""

from __future__ import annotations

from drivers.standard.advertised import DRIVER as ADVERTISED
from drivers.standard.advertised import PULSE_SECONDS, hearing

DRIVER = ADVERTISED.variant(
    name="xoss-belt",
    label="XOSS belt (pulse)",
    hears=hearing("XOSS belt", seconds=PULSE_SECONDS, companies=(0xFF04,)),
)

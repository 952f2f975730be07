"""Xiaomi S400 (MJTZC01YM) and Miaomiaoce thermometer (MMC-T201), which speak MiBeacon.

Flow: nobody connects. The device says what it measured as encrypted service data of FE95, opened with its `bindkey`: weight, impedance and
pulse of the scale, temperature of the thermometer. What belongs to a home's other things is not read.
Source: see the form's layout in `profiles/adv`.
"""

from __future__ import annotations

from drivers.standard.advertised import DRIVER as ADVERTISED
from drivers.standard.advertised import hearing

DRIVER = ADVERTISED.variant(
    name="xiaomi-mibeacon",
    label="Xiaomi S400, thermometers and other MiBeacon devices",
    hears=hearing("MiBeacon", services=(0xFE95,)),
)

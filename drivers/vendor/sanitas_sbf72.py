"""Sanitas SBF72, SBF73 and SBF75: Beurer's BF720 under another name.

Flow: as the profiles have it (`drivers.standard.weight_scale`): it shows a user's data for his consent code.
Source: a frame that is none: KristianP26/ble-scale-sync@3cce0090 tests/scales/sanitas-sbf72.test.ts; names, and that it is like the BF720,
are from memory of openScale (oliexdev/openScale).
"""

from __future__ import annotations

from drivers import Match
from drivers.vendor import beurer_bf720

DRIVER = beurer_bf720.DRIVER.variant(
    name="sanitas-sbf72",
    label="Sanitas SBF72, SBF73, SBF75",
    match=Match(service=beurer_bf720.DRIVER.match.service, local_name="SBF7[235]*"),
)

"""Omron HEM-7600T (Evolv). All of Omron's cuffs have the same name in the air: it is read where the configuration names this driver.

Flow: it is unlocked with the key that it got when it was paired; its memory is read block by block, its one user in turn, and which
records are new is the journal's question. Nothing is written into it, and its clock stays as it is. No recording of one was at hand.
Source: see `drivers.vendor.omron_memory`; where its records lie is from memory of userx14/omblepy.
"""

from __future__ import annotations

from drivers.vendor.omron_memory import Memory, cuff

DRIVER = cuff("omron-hem-7600t", "Omron HEM-7600T", Memory(users=(0x02AC,), records=100, size=14, block=56, is_locked=True))

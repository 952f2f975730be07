"""Omron HEM-6232T (RS7 Intelli IT). All of Omron's cuffs have the same name in the air: it is read where the configuration names this
driver.

Flow: it is unlocked with the key that it got when it was paired; its memory is read block by block, both users in turn, and which records
are new is the journal's question. Nothing is written into it, and its clock stays as it is. No recording of one was at hand.
Source: see `drivers.vendor.omron_memory`; where its records lie is from memory of userx14/omblepy.
"""

from __future__ import annotations

from drivers.vendor.omron_memory import Memory, big, cuff

MEMORY = Memory(users=(0x02E8, 0x0860), records=100, size=14, block=56, parse=big, is_locked=True)
DRIVER = cuff("omron-hem-6232t", "Omron HEM-6232T", MEMORY)

"""Omron HEM-7361T (M7 Intelli IT, X7 Smart). All of Omron's cuffs have the same name in the air: it is read where the configuration names
this driver.

Flow: its bond is that of Bluetooth; its memory is read block by block, both users in turn, and which records are new is the journal's
question. Nothing is written into it, and its clock stays as it is. No recording of one was at hand.
Source: see `drivers.vendor.omron_memory`; where its records lie is from memory of userx14/omblepy.
"""

from __future__ import annotations

from drivers.vendor.omron_memory import Memory, cuff

DRIVER = cuff("omron-hem-7361t", "Omron HEM-7361T", Memory(users=(0x0098, 0x06D8), records=100, size=16, block=16))

"""Any device that connects by TCP and keeps to IEEE 11073-20601: agents of the Antidote library, and gateways of others.

Flow: it connects to the address and port that the configuration lets it; from then on as over USB (`drivers.cable.phd`).
Source: signove/antidote, whose agents send one APDU behind the other.
"""

from __future__ import annotations

from drivers import Plug, Stream
from drivers.cable import phd

DRIVER = phd.DRIVER.variant(name="phd-tcp", label="IEEE 11073-20601 device (TCP)", plugs=(Plug(network=True),), wire=Stream())

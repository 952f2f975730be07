"""Nonin Xpod, 3012LP, 3150 and 9550 in data format 2, over their cable.

Flow: at 9,600 baud the oximeter sends a frame of five octets seventy-five times a second, each with its sum; twenty-five make a packet that
says everything. Values are taken once a second and summed up by the minute; without a finger there are none. Nothing is sent: other data
formats, and the memory of the 3150, would have to be asked for.
Source: Nonin 7970-000 OEM specification.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from drivers import GENERIC_CABLES, Batch, CableDriver, CableLink, DeviceInfo, Serial, Stranger
from drivers.cable.oximeter_stream import PATIENCE_SECONDS, Minutes
from profiles.framing import nonin

A_SECOND = 3


async def read(link: CableLink) -> AsyncGenerator[Batch]:
    framer, minutes = nonin.Framer(), Minutes(A_SECOND)
    has_begun = False
    while (frame := await link.receive(PATIENCE_SECONDS if has_begun else 0.0)) is not None:
        for packet in framer.feed(frame.data):
            if not has_begun:
                has_begun = True
                yield Batch((DeviceInfo(frame=frame, manufacturer="Nonin", model="data format 2"),))
            over = minutes.take(frame, *((packet.spo2, packet.pulse_rate) if packet.is_valid else (None, None)))
            if over is not None:
                yield Batch((over,))
    if not has_begun:
        raise Stranger("no oximeter of this kind")
    if (last := minutes.end()) is not None:
        yield Batch((last,))


DRIVER = CableDriver(
    name="nonin",
    label="Nonin Xpod, 3012LP, 3150, 9550 in data format 2 (serial cable)",
    plugs=GENERIC_CABLES,
    wire=Serial(baud=9600, gather=1.0),
    read=read,
    streams=True,
)

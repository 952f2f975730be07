"""Nonin Xpod, 3012LP, 3150 and 9550 in data formats 2, 7 and 8, over their cable.

Flow: at 9,600 baud the oximeter sends a frame of five octets seventy-five times a second, each with its sum, of which twenty-five make a
packet that says everything; in format 8 four octets once a second, which are believed when nothing else came for some seconds. Values are
taken once a second and summed up by the minute; without a finger there are none. Nothing is sent: other data formats, and the memory of the
3150, would have to be asked for.
Source: Nonin 7970-000 OEM specification.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from drivers import GENERIC_CABLES, Batch, CableDriver, CableLink, DeviceInfo, Serial, Stranger
from drivers.standard.minutes import PATIENCE_SECONDS, Minutes
from profiles.framing import nonin

A_SECOND = 3
SLOW_PROOF = 4
"""So many packets of format 8 without an octet between them: they have no sum."""


async def read(link: CableLink) -> AsyncGenerator[Batch]:
    framer, slow, minutes = nonin.Framer(), nonin.SlowFramer(), Minutes(A_SECOND)
    proof, data_format = 0, None
    while (frame := await link.receive(PATIENCE_SECONDS if proof or data_format else 0.0)) is not None:
        packets = list(framer.feed(frame.data)) if data_format != nonin.SLOW_FORMAT else []
        if data_format in (None, nonin.SLOW_FORMAT):
            damaged = slow.damaged
            told = list(slow.feed(frame.data))
            proof = proof + len(told) if slow.damaged == damaged else 0
            if data_format is None and framer.data_format is None and proof >= SLOW_PROOF:
                data_format, minutes = nonin.SLOW_FORMAT, Minutes(1)
                yield Batch((DeviceInfo(frame=frame, manufacturer="Nonin", model="data format 8"),))
            if data_format == nonin.SLOW_FORMAT:
                packets = told
        if data_format is None and framer.data_format is not None:
            data_format = framer.data_format
            yield Batch((DeviceInfo(frame=frame, manufacturer="Nonin", model=f"data format {data_format}"),))
        for packet in packets:
            over = minutes.take(frame, *((packet.spo2, packet.pulse_rate) if packet.is_valid else (None, None)))
            if over is not None:
                yield Batch((over,))
    if data_format is None:
        raise Stranger("no oximeter of this kind")
    if (last := minutes.end()) is not None:
        yield Batch((last,))


DRIVER = CableDriver(
    name="nonin",
    label="Nonin Xpod, 3012LP, 3150, 9550 in data formats 2, 7 and 8 (serial cable)",
    plugs=GENERIC_CABLES,
    wire=Serial(baud=9600, gather=1.0),
    read=read,
    streams=True,
    live=True,
)

"""Contec CMS50D+ and CMS50E/F with the older firmware, over their cable: what is stored, and what is measured now.

Flow: at 19,200 baud with odd parity the oximeter sends five octets sixty times a second. Live values are summed up by the minute. Its
memory, of one value a second and without a time, is not asked for: the same recording would come again at every visit, and nothing tells
it from another; it is left to its owner.
Source: atbrask/CMS50Dplus and its tests; the measurements of XON and XOFF in this project's own tests.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from drivers import GENERIC_CABLES, Batch, CableDriver, CableLink, DeviceInfo, Serial, Stranger
from drivers.standard.minutes import PATIENCE_SECONDS, Minutes
from profiles.framing import contec
from profiles.wire import DecodeError

A_SECOND = 60
MOST_DAMAGED = 50
"""Packets in a row: another baud rate, another parity or another device."""


def values(said: contec.Live) -> tuple[int | None, int | None]:
    return (said.spo2_pct, said.pulse_rate_bpm) if said.is_valid else (None, None)


async def read(link: CableLink) -> AsyncGenerator[Batch]:
    framer, minutes = contec.Framer(), Minutes(A_SECOND)
    has_begun = False
    while (frame := await link.receive(PATIENCE_SECONDS if has_begun else 0.0)) is not None:
        for packet in framer.feed(frame.data):
            try:
                said = contec.live(packet)
            except DecodeError as error:
                link.reject(frame, error)
                continue
            if not has_begun:
                has_begun = True
                yield Batch((DeviceInfo(frame=frame, manufacturer="Contec", model="CMS50"),))
            if (over := minutes.take(frame, *values(said))) is not None:
                yield Batch((over,))
        if not has_begun and framer.damaged > MOST_DAMAGED:
            raise Stranger("no oximeter of this kind")
    if not has_begun:
        raise Stranger("no oximeter of this kind")
    if (last := minutes.end()) is not None:
        yield Batch((last,))


DRIVER = CableDriver(
    name="contec-cms50",
    label="Contec CMS50D+, CMS50E, CMS50F with older firmware (serial cable)",
    plugs=GENERIC_CABLES,
    wire=Serial(baud=19200, parity="O", gather=1.0),
    read=read,
    streams=True,
    live=True,
)

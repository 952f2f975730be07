"""Contec CMS50D+ (firmware 4.6 and later), CMS50E, CMS50F, CMS50I and CMS60 with the newer firmware, over their cable: live values.

Flow: at 115,200 baud ask for live values (7D 81 A1), which come sixty times a second for as long as they are asked for again (7D 81 AF);
stop them (7D 81 A2) when the oximeter says nothing any more. Live values are summed up by the minute. What is stored is not asked for: the
sources at hand do not tell how a recording says when it began.
Source: timegrid/CMS50Dplus7, tobac/cms50ew. No recording of such an oximeter was at hand.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from drivers import GENERIC_CABLES, MAIN, Batch, CableDriver, CableLink, Command, DeviceInfo, Serial, Stranger
from drivers.standard.minutes import PATIENCE_SECONDS, Minutes
from profiles.framing import contec_wide
from profiles.framing.contec_wide import LIVE, START, STAY, STOP, written

A_SECOND = 60
STAY_EVERY = 2
"""Frames, of a second each, between two requests to go on."""


async def read(link: CableLink) -> AsyncGenerator[Batch]:
    framer, minutes = contec_wide.Framer(), Minutes(A_SECOND)
    await link.send(written(START))
    has_begun, frames = False, 0
    while (frame := await link.receive(PATIENCE_SECONDS if has_begun else 0.0)) is not None:
        frames += 1
        for packet in framer.feed(frame.data):
            said = contec_wide.live(packet.data) if packet.kind == LIVE else None
            if said is None:
                continue
            if not has_begun:
                has_begun = True
                yield Batch((DeviceInfo(frame=frame, manufacturer="Contec", model="CMS50"),))
            if (over := minutes.take(frame, *((said.spo2, said.pulse_rate) if said.is_valid else (None, None)))) is not None:
                yield Batch((over,))
        if not has_begun and framer.damaged:
            raise Stranger("no oximeter of this kind")
        if has_begun and frames % STAY_EVERY == 0:
            await link.send(written(STAY))
    if not has_begun:
        raise Stranger("no oximeter of this kind")
    if (last := minutes.end()) is not None:
        yield Batch((last,))
    await link.send(written(STOP))


DRIVER = CableDriver(
    name="contec-cms50-new",
    label="Contec CMS50D+, CMS50E, CMS50F, CMS50I, CMS60 with newer firmware (serial cable)",
    plugs=GENERIC_CABLES,
    wire=Serial(baud=115200, gather=1.0),
    read=read,
    commands=tuple(Command(MAIN, written(command)) for command in (START, STOP, STAY)),
    streams=True,
    live=True,
)

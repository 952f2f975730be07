"""Abbott FreeStyle Lite and Freedom Lite, with their serial cable.

Flow: `mem` has the meter tell everything at once: its serial number, version, clock, how many results there are, then each, newest first;
and the sum of it all. An answer whose sum is wrong is asked for again, and nothing of it is filed. HI and LO are no numbers, and no
readings.
Source: glucometers-tech/glucometer-protocols, tidepool-org/uploader; glucometerutils' tests for the time.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable
from decimal import Decimal

from drivers import (
    GENERIC_CABLES,
    MAIN,
    Batch,
    CableDriver,
    CableLink,
    Command,
    Confused,
    DeviceClock,
    DeviceInfo,
    Frame,
    Glucose,
    Key,
    Ordinals,
    Plug,
    Quantity,
    Reading,
    Serial,
    Silent,
    Stranger,
    Talk,
)
from profiles.framing import freestyle_text
from profiles.wire import DecodeError

MEMORY, RETRIES, AT_ONCE = b"mem", 3, 64
HEAD = 4
_RECORD = re.compile(r"(\d{3}|HI|LO)\s+([A-Z][a-z]{2,3}\s+\d{1,2} \d{4} \d\d:\d\d) (\d\d) (0x[0-9A-Fa-f]{2})")


Line = Callable[[CableLink, str, Frame, Ordinals], Reading | None]


async def download(link: CableLink, command: bytes, model: str, line: Line) -> AsyncGenerator[Batch]:
    """All that a meter tells at once. `line`: what one of its results is, or None."""
    talk = Talk(link, freestyle_text.Framer())
    answer = None
    for _ in range(RETRIES):
        await link.send(command)
        answer = await talk.next()
        if answer is not None:
            break
    if answer is None:
        if talk.said_anything and not talk.damaged:
            raise Stranger("no meter of this kind")
        raise Silent("the meter does not answer: wake it up")
    said, frame = answer
    if len(said.lines) < HEAD - said.is_empty:
        raise Stranger("no meter of this kind")
    serial, version, clock = said.lines[:3]
    try:
        now = freestyle_text.moment(clock)
    except DecodeError as error:
        raise Stranger("no meter of this kind") from error
    info = DeviceInfo(frame=frame, manufacturer="Abbott", model=model, firmware=version or None, serial_number=serial or None)
    yield Batch((info, DeviceClock(frame, now)))
    if said.is_empty:
        return
    count, ordinals = said.lines[3], Ordinals()
    records = said.lines[HEAD:]
    if not count.isdecimal() or int(count) != len(records):
        raise Confused("it does not tell as many results as it says")
    found = [item for item in (line(link, text, frame, ordinals) for text in records) if item is not None]
    for at in range(0, len(found), AT_ONCE):
        yield Batch(tuple(found[at : at + AT_ONCE]))


async def read(link: CableLink) -> AsyncGenerator[Batch]:
    async for batch in download(link, MEMORY, "FreeStyle Lite", reading):
        yield batch


def reading(link: CableLink, text: str, frame: Frame, ordinals: Ordinals) -> Glucose | None:
    said = _RECORD.fullmatch(text)
    if said is None:
        link.reject(frame, DecodeError("freestyle result", "line", 0, "is none", text.encode()))
        return None
    if not said[1].isdecimal():
        return None
    time = freestyle_text.moment(said[2])
    measured = said[1].encode()
    return Glucose(
        frame=frame,
        key=Key.content(time, None, measured, ordinals.next(time, measured)),
        device_time=time,
        concentration=Quantity(Decimal(said[1]), "mg/dL"),
        sample_type="capillary_plasma",
    )


DRIVER = CableDriver(
    name="freestyle-lite",
    label="FreeStyle Lite, Freedom Lite (serial cable)",
    plugs=(Plug(usb=(0x1A61, 0x3410)), *GENERIC_CABLES),
    wire=Serial(baud=19200),
    read=read,
    commands=(Command(MAIN, MEMORY),),
)

"""Abbott FreeStyle Optium, Optium Xceed and Precision Xtra, with their serial cable.

Flow: `$xmem` has the meter tell everything at once, in the form of the FreeStyle Lite (`drivers.cable.freestyle_lite`); it may pass over
the first command, which is then repeated. Each result says whether it is glucose or ketone; ketone is filed as an observation.
Source: glucometers-tech/glucometer-protocols; glucometerutils' tests for the time.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from decimal import Decimal

from drivers import GENERIC_CABLES, MAIN, Batch, CableDriver, CableLink, Command, Frame, Ordinals, Plug, Reading, Serial
from drivers.cable.freestyle_hid import blood_glucose, ketone
from drivers.cable.freestyle_lite import download
from profiles.framing import freestyle_text
from profiles.wire import DecodeError

MEMORY = b"$xmem\r\n"
_RECORD = re.compile(r"(\d{3}|HI|LO)\s+([A-Z][a-z]{2,3}\s+\d{1,2} \d{4} \d\d:\d\d)\s+([GK]) (0x[0-9A-Fa-f]{2})")


async def read(link: CableLink) -> AsyncGenerator[Batch]:
    async for batch in download(link, MEMORY, "FreeStyle Optium", reading):
        yield batch


def reading(link: CableLink, text: str, frame: Frame, ordinals: Ordinals) -> Reading | None:
    said = _RECORD.fullmatch(text)
    if said is None:
        link.reject(frame, DecodeError("freestyle result", "line", 0, "is none", text.encode()))
        return None
    if not said[1].isdecimal():
        return None
    time, value = freestyle_text.moment(said[2]), Decimal(said[1])
    if said[3] == "K":
        return ketone(time, value, frame, ordinals)
    return blood_glucose(time, value, frame, ordinals)


DRIVER = CableDriver(
    name="freestyle-optium",
    label="FreeStyle Optium, Optium Xceed, Precision Xtra (serial cable)",
    plugs=(Plug(usb=(0x1A61, 0x3420)), *GENERIC_CABLES),
    wire=Serial(baud=19200),
    read=read,
    commands=(Command(MAIN, MEMORY),),
)

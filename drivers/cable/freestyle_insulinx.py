"""Abbott FreeStyle InsuLinx, with a USB cable.

Flow: as the Precision Neo's (`drivers.cable.freestyle_neo`); what the meter knows of insulin doses stands in its list in a form that no
source tells, and is left there.
Source: glucometers-tech/glucometer-protocols and glucometerutils' driver (which fields a result has), tidepool-org/uploader (the greeting).
No recording of such a meter was at hand.
"""

from __future__ import annotations

from drivers import Frame, Ordinals, Plug, Reading
from drivers.cable.freestyle_hid import blood_glucose, driver, moment, number

GLUCOSE = "0"
TIME_AT, VALUE_AT = 2, 13


def result(fields: list[str], frame: Frame, ordinals: Ordinals) -> Reading | None:
    if fields[0] != GLUCOSE or (value := number(fields, VALUE_AT)) is None:
        return None
    return blood_glucose(moment(fields, TIME_AT), value, frame, ordinals)


DRIVER = driver(
    name="freestyle-insulinx",
    label="FreeStyle InsuLinx (USB)",
    plugs=(Plug(usb=(0x1A61, 0x3460)),),
    serial="$serlnum?",
    model="FreeStyle InsuLinx",
    lists={"$result?": result},
)

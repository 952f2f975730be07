"""Abbott FreeStyle Precision Neo and Optium Neo, with a USB cable.

Flow: greet it; ask its serial number, version and clock; then `$result?` has it list every result, with their number and sum. A list whose
sum is wrong is asked for again at the next visit, and nothing of it is filed. HI and LO are no numbers, and no readings. Ketone is filed as
an observation. The clock is set at the owner's word, after that.
Source: glucometers-tech/glucometer-protocols and glucometerutils' driver (which fields a result has), tidepool-org/uploader (the greeting).
No recording of such a meter was at hand.
"""

from __future__ import annotations

from drivers import Frame, Ordinals, Plug, Reading
from drivers.cable.freestyle_hid import blood_glucose, driver, ketone, moment, number

GLUCOSE, KETONE = "7", "9"
TIME_AT, VALUE_AT = 2, 8


def result(fields: list[str], frame: Frame, ordinals: Ordinals) -> Reading | None:
    if fields[0] not in (GLUCOSE, KETONE) or (value := number(fields, VALUE_AT)) is None:
        return None
    time = moment(fields, TIME_AT)
    if fields[0] == KETONE:
        return ketone(time, value, frame, ordinals)
    return blood_glucose(time, value, frame, ordinals)


DRIVER = driver(
    name="freestyle-neo",
    label="FreeStyle Precision Neo, Optium Neo (USB)",
    plugs=(Plug(usb=(0x1A61, 0x3850)),),
    serial="$serlnum?",
    model="FreeStyle Precision Neo",
    lists={"$result?": result},
)

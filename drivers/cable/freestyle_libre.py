"""Abbott FreeStyle Libre and Libre Pro, the first of them, by the reader's USB cable.

Flow: greet the reader; ask its serial number, version and clock; `$history?` lists what the sensor measured every quarter of an hour,
`$arresult?` what its owner scanned, and strips of blood glucose and ketone. What a scan says of food, insulin and sport is not read, nor
are changes of the reader's clock. Libre 2 encrypts what it says, and is not read.
Source: glucometers-tech/glucometer-protocols and glucometerutils' driver (which fields a result has), tidepool-org/uploader and its tests.
No recording of such a reader was at hand.
"""

from __future__ import annotations

from drivers import Frame, Glucose, Ordinals, Plug, Reading
from drivers.cable.freestyle_hid import driver, ketone, key, milligrams, moment, number
from profiles.wire import DecodeError

RESULT = "2"
TYPE_AT, TIME_AT = 1, 2
STRIP_GLUCOSE, STRIP_KETONE, SCAN = "0", "1", "2"
KIND_AT, VALUE_AT, ERRORS_AT = 9, 12, 28
HISTORY_VALUE_AT, HISTORY_ERRORS_AT = 13, 15
_SAMPLES = {STRIP_GLUCOSE: "capillary_plasma", SCAN: "interstitial_fluid"}


def history(fields: list[str], frame: Frame, ordinals: Ordinals) -> Reading | None:
    if (value := number(fields, HISTORY_VALUE_AT)) is None or _has_errors(fields, HISTORY_ERRORS_AT):
        return None
    time = moment(fields, TIME_AT, seconds=True)
    return Glucose(
        frame=frame,
        key=key("history", time, value, ordinals),
        device_time=time,
        sequence_number=_record(fields),
        concentration=milligrams(value),
        sample_type="interstitial_fluid",
    )


def scanned(fields: list[str], frame: Frame, ordinals: Ordinals) -> Reading | None:
    if fields[TYPE_AT : TYPE_AT + 1] != [RESULT] or _has_errors(fields, ERRORS_AT) or (value := number(fields, VALUE_AT)) is None:
        return None
    time, kind = moment(fields, TIME_AT, seconds=True), fields[KIND_AT]
    if kind == STRIP_KETONE:
        return ketone(time, value, frame, ordinals)
    if kind not in _SAMPLES:
        raise DecodeError("freestyle result", "kind", KIND_AT, "is not known", ",".join(fields).encode())
    return Glucose(
        frame=frame,
        key=key(f"scan{kind}", time, value, ordinals),
        device_time=time,
        sequence_number=_record(fields),
        concentration=milligrams(value),
        sample_type=_SAMPLES[kind],
    )


def _has_errors(fields: list[str], at: int) -> bool:
    return len(fields) > at and fields[at] not in ("", "0")


def _record(fields: list[str]) -> int | None:
    return int(fields[0]) if fields[0].isdecimal() else None


DRIVER = driver(
    name="freestyle-libre",
    label="FreeStyle Libre, Libre Pro (first generation, USB)",
    plugs=(Plug(usb=(0x1A61, 0x3650)), Plug(usb=(0x1A61, 0x3670))),
    serial="$sn?",
    model="FreeStyle Libre",
    lists={"$history?": history, "$arresult?": scanned},
)

"""LifeScan OneTouch Ultra 2, with its serial cable: lines of text, each with the sum of its octets.

Flow: ask for the version, the serial number and the clock; have the memory dumped, newest first. A control test is kept as such, a value
that the meter itself marks as damaged ("?") is set aside. Values stand in the unit that the meter was sold with. The clock is set at the
owner's word, after that.
Source: glucometers-tech/glucometerutils (otultra2.py) and its tests; tidepool-org/uploader.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
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
    Quantity,
    Serial,
    Stranger,
    Talk,
)
from profiles.framing.pieces import Lines
from profiles.times import DateTime
from profiles.wire import DecodeError

VERSION, SERIAL, CLOCK, DUMP = (b"\x11\r" + command for command in (b"DM?", b"DM@", b"DMF", b"DMP"))
RETRIES, MOST_RECORDS = 3, 500
COMMANDS = (
    *(Command(MAIN, command) for command in (VERSION, SERIAL, CLOCK, DUMP)),
    Command(MAIN, b"\x11\rDMT", changes=True),
)
_HEADER = re.compile(r'P (\d{3}),"([^"]*)","(MG/DL|MMOL/L) *"')
_RECORD = re.compile(r'P "...","(\d\d)/(\d\d)/(\d\d)","(\d\d):(\d\d):(\d\d) *","([ C]) *(\d+\.?\d*)(\??) *","(.)","(\d\d)"')
_UNITS = {"MG/DL": "mg/dL", "MMOL/L": "mmol/L"}
_MEALS = {"B": "preprandial", "A": "postprandial"}
_CLOCK = re.compile(r'F "...","(\d\d)/(\d\d)/(\d\d)","(\d\d):(\d\d):(\d\d) *"')


def checked(line: bytes) -> str:
    """The text of a line whose sum is right. Raises `DecodeError`."""
    text, _, digits = line.rpartition(b" ")
    try:
        fits = int(digits, 16) == sum(text) & 0xFFFF and len(digits) == 4  # noqa: PLR2004 - four digits
    except ValueError:
        fits = False
    if not fits:
        raise DecodeError("onetouch line", "sum", len(text), "does not fit", line)
    return text.decode("ascii", "replace")


def moment(month: str, day: str, year: str, hour: str, minute: str, second: str) -> DateTime:
    return DateTime(2000 + int(year), int(month), int(day), int(hour), int(minute), int(second))


class _Meter:
    def __init__(self, link: CableLink) -> None:
        self._link, self._talk = link, Talk(link, Lines())

    async def line(self) -> tuple[str, Frame] | None:
        """The next line that is whole; a damaged one is set aside."""
        while (said := await self._talk.next()) is not None:
            try:
                return checked(said[0]), said[1]
            except DecodeError as error:
                self._link.reject(said[1], error)
        return None

    async def ask(self, command: bytes, begins: str) -> tuple[str, Frame]:
        for _ in range(RETRIES):
            await self._link.send(command)
            while (said := await self.line()) is not None:
                if said[0].startswith(begins):
                    return said
        raise Stranger("no meter of this kind, or it sleeps: wake it up and plug it in again")


async def read(link: CableLink) -> AsyncGenerator[Batch]:
    meter = _Meter(link)
    version, first = await meter.ask(VERSION, "?")
    serial, _ = await meter.ask(SERIAL, "@")
    clock, at = await meter.ask(CLOCK, "F")
    shown = _CLOCK.match(clock)
    named = re.match(r'@ "([A-Z0-9]+)"', serial)
    if shown is None or named is None:
        raise Confused("it does not say who it is as this meter does")
    info = DeviceInfo(frame=first, manufacturer="LifeScan", model="OneTouch Ultra 2", firmware=version[1:] or None, serial_number=named[1])
    yield Batch((info, DeviceClock(at, moment(*shown.groups()))))
    header, _ = await meter.ask(DUMP, "P ")
    said = _HEADER.match(header)
    if said is None:
        raise Confused("the head of its memory is none")
    count, unit = min(int(said[1]), MOST_RECORDS), _UNITS[said[3]]
    ordinals = Ordinals()
    for _ in range(count):
        record = await meter.line()
        if record is None:
            raise Confused(f"of {count} records not all came")
        found = reading(link, *record, unit, ordinals)
        if found is not None:
            yield Batch((found,))
    if link.policy.set_clock:
        await meter.ask(b"\x11\rDMT" + link.now().strftime("%m/%d/%y %H:%M:%S").encode() + b"\r", "T")


def reading(link: CableLink, text: str, frame: Frame, unit: str, ordinals: Ordinals) -> Glucose | None:
    said = _RECORD.match(text)
    if said is None:
        link.reject(frame, DecodeError("onetouch record", "line", 0, "is none", text.encode()))
        return None
    *time, control, value, damaged, meal, _comment = said.groups()
    if damaged:
        link.reject(frame, DecodeError("onetouch record", "value", 0, "is marked as damaged by the meter", text.encode()))
        return None
    stamp = moment(*time)
    measured = f"{control}{value}".encode()
    return Glucose(
        frame=frame,
        key=Key.content(stamp, None, measured, ordinals.next(stamp, measured)),
        device_time=stamp,
        concentration=Quantity(Decimal(value), unit),
        sample_type="control_solution" if control == "C" else "capillary_plasma",
        meal=_MEALS.get(meal),
    )


DRIVER = CableDriver(
    name="onetouch-ultra2",
    label="OneTouch Ultra 2 (serial cable)",
    plugs=GENERIC_CABLES,
    wire=Serial(baud=9600),
    read=read,
    commands=COMMANDS,
)

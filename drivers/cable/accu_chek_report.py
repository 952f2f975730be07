"""Accu-Chek Mobile and Smart Pix: a disk with the meter's report as a file. It is read and never written.

Flow: the owner names the directory that its disk is mounted at; read every `Reports/*.csv`; its second line holds the serial number; each
row is a result with its date, time, unit and meal mark.
Source: glucometers-tech/glucometerutils (accuchek_reports.py).
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterator
from decimal import Decimal

from drivers import Batch, CableDriver, CableLink, Confused, DeviceInfo, Files, Frame, Glucose, Key, Ordinals, Quantity, Silent
from profiles.times import DateTime
from profiles.wire import DecodeError

MOST_FILES = 64
_TIME = re.compile(r"(\d\d)\.(\d\d)\.(\d{4}) (\d\d):(\d\d)")
_UNITS = {"mg/dl": "mg/dL", "mmol/l": "mmol/L"}
_COLUMNS = ("date", "time", "result", "unit")
_WITHIN_AT_ONCE = 64


async def read(link: CableLink) -> AsyncGenerator[Batch]:
    ordinals = Ordinals()
    for number in range(1, MOST_FILES + 1):
        try:
            frame = await link.read(number)
        except Silent:
            if number == 1:
                raise
            break
        rows = [line.split(";") for line in frame.data.decode("utf-8-sig", "replace").splitlines() if line.strip()]
        if len(rows) < 3 or len(rows[1]) < 1:  # noqa: PLR2004 - head, serial number, columns
            raise Confused("the report is empty")
        serial = next((cell.strip() for cell in rows[1] if cell.strip()), "")
        yield Batch((DeviceInfo(frame=frame, manufacturer="Roche", model="Accu-Chek", serial_number=serial or None),))
        found = list(readings(link, frame, rows, ordinals))
        for at in range(0, len(found), _WITHIN_AT_ONCE):
            yield Batch(tuple(found[at : at + _WITHIN_AT_ONCE]))


def readings(link: CableLink, frame: Frame, rows: list[list[str]], ordinals: Ordinals) -> Iterator[Glucose]:
    start = next((at for at, row in enumerate(rows) if {one.strip().lower() for one in row} >= set(_COLUMNS)), None)
    if start is None:
        raise Confused("the report has no columns date, time, result and unit")
    names = [one.strip().lower() for one in rows[start]]
    for row in rows[start + 1 :]:
        cells = dict(zip(names, (one.strip() for one in row), strict=False))
        if not cells.get("result") or not cells.get("date"):
            continue
        try:
            found = reading(cells, frame, ordinals)
        except DecodeError as error:
            link.reject(frame, error)
            continue
        yield found


def reading(cells: dict[str, str], frame: Frame, ordinals: Ordinals) -> Glucose:
    """Raises `DecodeError`."""
    said = _TIME.fullmatch(f"{cells['date']} {cells.get('time', '')}")
    unit = _UNITS.get(cells.get("unit", "").lower())
    text = ";".join(cells.values()).encode()
    if said is None or unit is None or not re.fullmatch(r"\d+(\.\d+)?", cells["result"]):
        raise DecodeError("accu-chek row", "cells", 0, "are no result (a text such as HI, or another unit)", text)
    day, month, year, hour, minute = (int(part) for part in said.groups())
    time = DateTime(year, month, day, hour, minute, 0)
    if time.naive() is None:
        raise DecodeError("accu-chek row", "date", 0, "is none", text)
    measured = f"{cells['result']} {unit}".encode()
    before, after = (cells.get(name, "") for name in ("before meal", "after meal"))
    return Glucose(
        frame=frame,
        key=Key.content(time, None, measured, ordinals.next(time, measured)),
        device_time=time,
        concentration=Quantity(Decimal(cells["result"]), unit),
        sample_type="capillary_plasma",
        meal="preprandial" if before else "postprandial" if after else None,
    )


DRIVER = CableDriver(
    name="accu-chek-report",
    label="Accu-Chek Mobile, Smart Pix (report files)",
    plugs=(),
    wire=Files(pattern="*Reports/*.csv"),
    read=read,
)

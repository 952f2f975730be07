"""What most conversations share: decode or set aside, read who the device is, read and set its clock."""

from __future__ import annotations

from decimal import Decimal
from enum import IntFlag
from typing import TypeVar

from drivers.kit.declare import Command
from drivers.kit.errors import Refused, Silent
from drivers.kit.links import Frame, GattLink
from drivers.kit.readings import DeviceClock, DeviceInfo, Quantity
from profiles.floats import NoValue, Value
from profiles.gatt import current_time as cts
from profiles.gatt import device_information as dis
from profiles.gatt.battery import BatteryLevel
from profiles.times import DateTime
from profiles.wire import DecodeError, Layout

L = TypeVar("L", bound=Layout)

SET_CLOCK = (
    Command(cts.CurrentTime.uuid, changes=True),
    Command(cts.DateTimeValue.uuid, changes=True),
)


def decoded(link: GattLink, layout: type[L], frame: Frame) -> L | None:
    """The frame as `layout`; None if it does not fit, and then it is set aside."""
    try:
        return layout.decode(frame.data)
    except DecodeError as error:
        link.reject(frame, error)
        return None


def quantity(value: Value | None, unit: str) -> Quantity | None:
    return None if value is None or isinstance(value, NoValue) else Quantity(value, unit)


def flag_names(*flags: IntFlag | None) -> tuple[str, ...]:
    """The names of all bits that are set; bits without a name as `bit_7`."""
    names: list[str] = []
    for value in flags:
        if value is None:
            continue
        unknown = int(value)
        for member in type(value):
            if member & value:
                names.append(str(member.name).lower())
                unknown &= ~int(member)
        names += [f"bit_{bit}" for bit in range(unknown.bit_length()) if unknown >> bit & 1]
    return tuple(names)


async def read(link: GattLink, layout: type[L]) -> tuple[L | None, Frame | None]:
    """What the device says there, and the frame; nothing where it has none, refuses, or says what does not fit."""
    if not link.has(layout.uuid):
        return None, None
    try:
        frame = await link.read(layout.uuid)
    except (Refused, Silent):
        # Silent too: a device that hung up meanwhile may have pushed its records before, and they come first.
        return None, None
    return decoded(link, layout, frame), frame


_TEXTS: dict[str, type[dis.Text]] = {
    "manufacturer": dis.ManufacturerName,
    "model": dis.ModelNumber,
    "serial_number": dis.SerialNumber,
    "firmware": dis.FirmwareRevision,
    "hardware": dis.HardwareRevision,
    "software": dis.SoftwareRevision,
}


async def device_information(link: GattLink) -> DeviceInfo | None:
    """Who the device is. What it lacks or refuses is left out; None if it says nothing at all."""
    texts: dict[str, str] = {}
    frames: list[Frame | None] = []
    for name, layout in _TEXTS.items():
        said, frame = await read(link, layout)
        frames.append(frame)
        if said is not None and said.text.strip():
            texts[name] = said.text.strip()
    system_id, system_frame = await read(link, dis.SystemId)
    battery, battery_frame = await read(link, BatteryLevel)
    first = next((frame for frame in (*frames, system_frame, battery_frame) if frame is not None), None)
    if first is None:
        return None
    return DeviceInfo(frame=first, system_id=system_id.eui64 if system_id else None, battery=battery.level if battery else None, **texts)


async def device_clock(link: GattLink) -> DeviceClock | None:
    """What the device's clock shows, by Current Time or by Date Time; None if it has none or does not tell."""
    current, frame = await read(link, cts.CurrentTime)
    if current is not None and frame is not None:
        synchronized = bool(current.adjust_reason & cts.AdjustReason.EXTERNAL_REFERENCE_TIME_UPDATE)
        return DeviceClock(frame, current.datetime, current.fraction, synchronized)
    shown, frame = await read(link, cts.DateTimeValue)
    return DeviceClock(frame, shown.datetime) if shown is not None and frame is not None else None


async def set_clock(link: GattLink) -> None:
    """Last of all, and only by policy: old records were stamped by the old clock."""
    if not link.policy.set_clock:
        return
    now = link.now()
    if link.has(cts.CurrentTime.uuid):
        value: Layout = cts.CurrentTime(DateTime.of(now), now.isoweekday(), now.microsecond * 256 // 10**6, cts.AdjustReason(0))
    elif link.has(cts.DateTimeValue.uuid):
        value = cts.DateTimeValue(DateTime.of(now))
    else:
        return
    try:
        await link.write(value.uuid, value.encode())
    except Refused:
        # Current Time 1.1, table 3.3: a server may answer "data field ignored" (0x80) and keep its own time.
        return


def mean(values: list[Decimal]) -> Decimal:
    """To one decimal more than the values have."""
    exponent = min(int(value.as_tuple().exponent) for value in values)
    return (sum(values, Decimal(0)) / len(values)).quantize(Decimal(1).scaleb(exponent - 1))

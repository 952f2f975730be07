"""Any scale of the HID Point of Sale page (0x8D): Dymo M5, M10, M25, S100; others if their owner names port and driver.

Flow: it repeats its report some times a second; what is stable is a weighing, once, until it has been empty or in motion. Nothing is sent.
Source: HID Point of Sale usage tables 1.02, chapter 4; steventsnyder.com and antradar.com for Dymo's reports.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from decimal import Decimal
from enum import IntEnum

from drivers import Batch, CableDriver, CableLink, DeviceInfo, Frame, Hid, Key, Ordinals, Plug, Quantity, Weight
from profiles.wire import DecodeError

DATA_REPORT, SIZE = 3, 6
PATIENCE_SECONDS = 60.0
"""It switches itself off between two weighings."""


class Status(IntEnum):
    FAULT = 1
    ZERO = 2
    IN_MOTION = 3
    STABLE = 4
    UNDER_ZERO = 5
    OVER_LIMIT = 6
    CALIBRATE = 7
    ZERO_AGAIN = 8


_UNITS = {2: ("g", Decimal(1)), 3: ("kg", Decimal(1)), 11: ("[lb_av]", Decimal("0.0625")), 12: ("[lb_av]", Decimal(1))}
"""Of those that a person is weighed in: gram, kilogram, ounce (a sixteenth of a pound), pound."""


def weighing(data: bytes) -> tuple[int, Quantity | None] | None:
    """Status and weight; None for another report. Raises `DecodeError`."""
    if data[:1] == bytes((DATA_REPORT,)) and len(data) >= SIZE:
        data = data[1:]
    elif len(data) != SIZE - 1:
        return None
    status, unit, exponent, raw = data[0], data[1], data[2] - (data[2] >> 7 << 8), int.from_bytes(data[3:5], "little")
    if status != Status.STABLE:
        return status, None
    if unit not in _UNITS:
        raise DecodeError("pos scale", "unit", 1, f"{unit} is no unit that a person is weighed in", data)
    name, factor = _UNITS[unit]
    return status, Quantity(Decimal(raw).scaleb(exponent) * factor, name)


async def read(link: CableLink) -> AsyncGenerator[Batch]:
    ordinals, is_told, has_begun = Ordinals(), False, False
    while (frame := await link.receive(PATIENCE_SECONDS)) is not None:
        try:
            said = weighing(frame.data)
        except DecodeError as error:
            link.reject(frame, error)
            continue
        if said is None:
            continue
        if not has_begun:
            has_begun = True
            yield Batch((DeviceInfo(frame=frame, model="HID scale"),))
        _, weight = said
        if weight is None or not weight.value:
            is_told = False
        elif not is_told:
            is_told = True
            yield Batch((reading(weight, frame, ordinals),))


def reading(weight: Quantity, frame: Frame, ordinals: Ordinals) -> Weight:
    """It has no clock and no numbers: where in the intake it stands is all that tells it from others."""
    raw = f"{frame.position}".encode()
    return Weight(frame=frame, key=Key.episode(raw, ordinals.next(raw)), weight=weight)


DRIVER = CableDriver(
    name="pos-scale",
    label="Scale of the HID Point of Sale page (Dymo M5, M10, M25, S100)",
    plugs=tuple(Plug(usb=(0x0922, product)) for product in (0x8003, 0x8004, 0x8009)),
    wire=Hid(size=8),
    read=read,
    streams=True,
    live=True,
)

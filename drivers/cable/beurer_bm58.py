"""Beurer BM55 and BM58 with a HID cable.

Flow: say hello (AA, answered by 55); ask who it is and how many records there are, of both users together; take them one by one; say
goodbye (F7). The stamps have no seconds, and nothing tells what the clock shows now. It answers only after it was plugged in ("PC").
Source: muling.lu/beurer-bm58, roose242/bmdump; atbrask.dk on BM65.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from decimal import Decimal

from drivers import (
    MAIN,
    Batch,
    BloodPressure,
    CableDriver,
    CableLink,
    Command,
    Confused,
    DeviceInfo,
    Frame,
    Hid,
    Key,
    Ordinals,
    Plug,
    Quantity,
    Silent,
    Stranger,
)
from profiles.times import DateTime
from profiles.wire import DecodeError

HELLO, IDENTITY, COUNT, RECORD, GOODBYE, PAD = 0xAA, 0xA4, 0xA2, 0xA3, 0xF7, 0xF4
READY = 0x55
SIZE, MOST_RECORDS, IDENTITY_SIZE = 8, 255, 32
COMMANDS = tuple(Command(MAIN, bytes((one,))) for one in (HELLO, IDENTITY, COUNT, RECORD, GOODBYE))


async def ask(link: CableLink, *octets: int) -> Frame:
    await link.send(bytes(octets))
    frame = await link.receive()
    if frame is None:
        raise Silent('no answer: plug it in again, it must show "PC"')
    return frame


def decoded(data: bytes) -> tuple[int, int, int, DateTime, int, bool]:
    """Systolic, diastolic, pulse, time, user and whether the pulse was irregular. Raises `DecodeError`."""
    if len(data) < SIZE:
        raise DecodeError("beurer record", "length", len(data), "is too short", data)
    time = DateTime(2000 + (data[7] & 0x7F), data[3], data[4] & 0x7F, data[5], data[6], 0)
    if time.naive() is None:
        raise DecodeError("beurer record", "time", 3, "is none", data)
    return data[0] + 25, data[1] + 25, data[2], time, 2 if data[4] & 0x80 else 1, bool(data[7] & 0x80)


async def read(link: CableLink) -> AsyncGenerator[Batch]:
    hello = await ask(link, HELLO)
    if not hello.data or hello.data[0] != READY:
        raise Stranger("no cuff of this kind")
    first = await ask(link, IDENTITY)
    name = first.data
    while len(name) < IDENTITY_SIZE and (frame := await link.receive()) is not None:
        name += frame.data
    text = name.split(bytes((PAD,)))[0].decode("ascii", "replace").strip("\0 ")
    yield Batch((DeviceInfo(frame=first, manufacturer="Beurer", model=text or None),))
    count = (await ask(link, COUNT)).data[:1]
    if not count:
        raise Confused("it does not say how many records it has")
    ordinals = Ordinals()
    for index in range(1, min(count[0], MOST_RECORDS) + 1):
        frame = await ask(link, RECORD, index)
        try:
            found = reading(frame.data, frame, ordinals)
        except DecodeError as error:
            link.reject(frame, error)
            continue
        yield Batch((found,))
    await link.send(bytes((GOODBYE,)))


def reading(data: bytes, frame: Frame, ordinals: Ordinals) -> BloodPressure:
    """Raises `DecodeError`."""
    systolic, diastolic, pulse, time, user, irregular = decoded(data)
    measured = data[:SIZE]
    return BloodPressure(
        frame=frame,
        key=Key.content(time, user, measured, ordinals.next(measured)),
        device_time=time,
        user_index=user,
        status=("irregular_pulse",) if irregular else (),
        systolic=Quantity(Decimal(systolic), "mm[Hg]"),
        diastolic=Quantity(Decimal(diastolic), "mm[Hg]"),
        pulse=Quantity(Decimal(pulse), "/min"),
    )


DRIVER = CableDriver(
    name="beurer-bm58",
    label="Beurer BM55, BM58 (USB)",
    plugs=(Plug(usb=(0x0C45, 0x7406)),),
    wire=Hid(size=8, pad=PAD),
    read=read,
    commands=COMMANDS,
    once=True,
)

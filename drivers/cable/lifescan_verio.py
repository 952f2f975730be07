"""LifeScan OneTouch Verio, Verio Flex, Select Plus (Flex), Verio Reflect and Ultra Plus Flex: disks whose blocks are a mailbox.

Flow: only if INQUIRY says LifeScan: write a question to block 3, read the answer there; ask for the serial number, the clock and how many
records there are; take them by their index. Control tests are kept as such. The clock is set at the owner's word, after that.
Source: glucometers-tech/glucometer-protocols (OneTouch Verio 2015) and glucometerutils' driver.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from decimal import Decimal

from drivers import (
    Batch,
    Blocks,
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
)
from profiles.framing import lifescan
from profiles.times import DateTime
from profiles.wire import DecodeError

BLOCK = 3
_EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 - the meter knows no zone
SERIAL, MODEL = bytes.fromhex("03e60200"), bytes.fromhex("03e60201")
READ_CLOCK, SET_CLOCK = bytes.fromhex("032002"), bytes.fromhex("032001")
COUNT, RECORD, SUCCESS = bytes.fromhex("032700"), bytes.fromhex("033102"), bytes.fromhex("0306")
RECORD_SIZE, MOST_RECORDS = 18, 2000
_MEALS = {1: "preprandial", 2: "postprandial"}

COMMANDS = (
    *(Command(BLOCK, f"02 ?? ?? {payload}") for payload in ("03 E6 02", "03 20 02", "03 27 00", "03 31 02")),
    Command(BLOCK, "02 ?? ?? 03 20 01", changes=True),
)


async def ask(link: CableLink, payload: bytes) -> tuple[bytes, Frame]:
    """What the answer says behind its word of success. Raises `Confused` for another word, and for a damaged answer."""
    await link.write(BLOCK, lifescan.written(payload))
    frame = await link.read(BLOCK)
    try:
        answer = lifescan.frame(frame.data).payload
    except DecodeError as error:
        link.reject(frame, error)
        raise Confused("an answer is damaged") from error
    if not answer.startswith(SUCCESS):
        raise Confused(f"it answers {answer[:2].hex()} to {payload[:2].hex()}")
    return answer[len(SUCCESS) :], frame


def moment(data: bytes) -> DateTime:
    return DateTime.of(_EPOCH + timedelta(seconds=int.from_bytes(data[:4], "little")))


def _text(data: bytes) -> str | None:
    return data.decode("utf-16-le", "replace").split("\0")[0].strip() or None


async def read(link: CableLink) -> AsyncGenerator[Batch]:
    serial, first = await ask(link, SERIAL)
    model, _ = await ask(link, MODEL)
    clock, at = await ask(link, READ_CLOCK)
    info = DeviceInfo(frame=first, manufacturer="LifeScan", model=_text(model), serial_number=_text(serial))
    yield Batch((info, DeviceClock(at, moment(clock))))
    count, _ = await ask(link, COUNT)
    ordinals = Ordinals()
    for index in range(min(int.from_bytes(count[:2], "little"), MOST_RECORDS)):
        record, frame = await ask(link, RECORD + index.to_bytes(2, "little") + b"\0")
        if len(record) < RECORD_SIZE - len(SUCCESS):
            raise Confused("a record is too short")
        yield Batch((reading(record, frame, ordinals),))
    if link.policy.set_clock:
        seconds = int((link.now().replace(tzinfo=None) - _EPOCH).total_seconds())
        await ask(link, SET_CLOCK + seconds.to_bytes(4, "little"))


def reading(record: bytes, frame: Frame, ordinals: Ordinals) -> Glucose:
    """Inverse and lifetime counter, time, value, meal, flags."""
    counter, time = int.from_bytes(record[3:5], "little"), moment(record[5:9])
    measured = record[3:11]
    return Glucose(
        frame=frame,
        key=Key.content(time, None, measured, ordinals.next(measured)),
        device_time=time,
        sequence_number=counter,
        concentration=Quantity(Decimal(int.from_bytes(record[9:11], "little")), "mg/dL"),
        sample_type="capillary_plasma",
        meal=_MEALS.get(record[11]),
    )


DRIVER = CableDriver(
    name="onetouch-verio",
    label="OneTouch Verio, Verio Flex, Select Plus, Verio Reflect, Ultra Plus Flex (USB)",
    plugs=tuple(Plug(usb=(0x2766, product)) for product in (0x0000, 0x0004, 0x1000, 0x1004, 0x000C, 0x000E)),
    wire=Blocks(vendor="LifeScan"),
    read=read,
    commands=COMMANDS,
)

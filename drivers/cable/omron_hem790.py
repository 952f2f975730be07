"""Omron HEM-790IT, HEM-7080IT, BP791IT, HEM-7300IT, 670 and 1500PRO, with their USB socket.

Flow: set it to readings (a feature report), wake it with nothing; ask its serial number; for both users how many readings there are, and
each of them, newest first. It may say NO, and is asked again. Nothing tells what its clock shows now. Which unit it measures in stands in
an octet that no source explains: what is read is taken for mm[Hg], as all its displays show it.
Source: openyou/libomron, its notes and issues; usb2me.wordpress.com. No recording of such a cuff was at hand.
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
)
from profiles.framing import omron_hid
from profiles.framing.omron_hid import AGAIN, DONE, ROOM, written
from profiles.times import DateTime
from profiles.wire import DecodeError

READINGS_MODE = bytes.fromhex("0074bc")
NOTHING = bytes(12)
SERIAL, COUNT, READING = b"SRL00", b"GDC", b"GME"
COUNT_SIZE, READING_SIZE = 8, 17
USERS, WAKE_UPS, RETRIES = 2, 5, 3
_FLAGS = {0x0001: "irregular_pulse", 0x0002: "body_movement"}


async def said(link: CableLink, reports: list[bytes], size: int) -> tuple[bytes, Frame] | None:
    """An answer, from as many reports as it takes. None: there is none."""
    for report in reports:
        await link.send(report)
    answer, last = b"", None
    while len(answer) < size and (frame := await link.receive()) is not None:
        try:
            octets = omron_hid.carried(frame.data)
        except DecodeError as error:
            link.reject(frame, error)
            continue
        if not octets:
            continue
        answer, last = answer + octets, frame
        if len(octets) < ROOM:
            break
    return (answer, last) if last is not None else None


async def ask(link: CableLink, word: bytes, *arguments: int, size: int) -> tuple[bytes, Frame] | None:
    """None: it says NO, time and again. Raises `Silent` and `Confused`."""
    damaged = False
    for _ in range(RETRIES):
        answer = await said(link, written(word, *arguments), size)
        if answer is None:
            raise Silent("no answer: press its memory button, or plug it in again")
        if answer[0].startswith(AGAIN):
            continue
        if not arguments:
            return answer
        try:
            return omron_hid.checked(answer[0], size), answer[1]
        except DecodeError as error:
            link.reject(answer[1], error)
            damaged = True
    if damaged:
        raise Confused("its answers are damaged")
    return None


async def read(link: CableLink) -> AsyncGenerator[Batch]:
    for _ in range(WAKE_UPS):
        woken = await said(link, written(NOTHING), len(DONE))
        if woken is not None and woken[0].startswith(DONE):
            break
    else:
        raise Silent("no answer: press its memory button, or plug it in again")
    name = await ask(link, SERIAL, size=64)
    serial = bytes(octet for octet in name[0][len(DONE) :] if chr(octet).isalnum()).decode("latin-1") if name is not None else ""
    frame = name[1] if name is not None else woken[1]
    yield Batch((DeviceInfo(frame=frame, manufacturer="Omron", model="HEM-790IT", serial_number=serial or None),))
    ordinals = Ordinals()
    for user in range(USERS):
        counted = await ask(link, COUNT, 0, user, 0, 0, size=COUNT_SIZE)
        for index in range(counted[0][4] if counted is not None else 0):
            told = await ask(link, READING, 0, user, 0, index, size=READING_SIZE)
            if told is None:
                raise Confused("it does not tell a reading that it has")
            try:
                found = reading(told[0], told[1], user + 1, ordinals)
            except DecodeError as error:
                link.reject(told[1], error)
                continue
            yield Batch((found,))


def reading(data: bytes, frame: Frame, user: int, ordinals: Ordinals) -> BloodPressure:
    """An octet of zero; year, month, day, hour, minute, second; unit; systolic in two octets, diastolic, pulse; flags in two. Raises
    `DecodeError`.
    """
    time = DateTime(2000 + data[1], data[2], data[3], data[4], data[5], data[6])
    if time.naive() is None:
        raise DecodeError("omron reading", "time", 1, "is none", data)
    flags = int.from_bytes(data[12:14], "big")
    measured = data[8:14]
    return BloodPressure(
        frame=frame,
        key=Key.content(time, user, measured, ordinals.next(time, user, measured)),
        device_time=time,
        user_index=user,
        status=tuple(name for bit, name in _FLAGS.items() if flags & bit),
        systolic=Quantity(Decimal(int.from_bytes(data[8:10], "big")), "mm[Hg]"),
        diastolic=Quantity(Decimal(data[10]), "mm[Hg]"),
        pulse=Quantity(Decimal(data[11]), "/min"),
    )


DRIVER = CableDriver(
    name="omron-hem790",
    label="Omron HEM-790IT, HEM-7080IT, BP791IT, HEM-7300IT, 670, 1500PRO (USB)",
    plugs=(Plug(usb=(0x0590, 0x0028)),),
    wire=Hid(size=omron_hid.SIZE, begin=(READINGS_MODE,)),
    read=read,
    commands=(
        *(Command(MAIN, report) for report in written(NOTHING)),
        *(Command(MAIN, report) for report in written(SERIAL)),
        *(Command(MAIN, b"\x07" + word) for word in (COUNT, READING)),
        Command(MAIN, "01 ??"),  # the XOR of a question, alone in its second report
    ),
)

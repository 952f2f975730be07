"""Dexcom G5 transmitter. It talks to one receiver and to one other: the hub takes the place of the phone, and cannot be beside it.

Flow: it comes into the air every five minutes, for seconds. It asks who we are, and is answered with a key made of the number on it: the
octets of 00, the six signs, 00 and the six signs once more, in hexadecimal, are its `bindkey`. It must be bonded. It is asked how late it
is, and for the glucose that it has just measured; earlier values are not asked for, and nothing is calibrated. The time is the hub's: it
tells within seconds what it has measured. No recording of a whole conversation was at hand.
Source: messages: LoopKit/CGMBLEKit@4eb3c940 CGMBLEKitTests; authentication, services and states are from memory of LoopKit/CGMBLEKit.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from drivers import Batch, Command, Confused, DeviceInfo, Frame, GattDriver, GattLink, Glucose, Key, Match, Quantity, Refused, Silent, Why
from profiles.framing import dexcom
from profiles.gatt import identifier
from profiles.times import DateTime
from profiles.wire import DecodeError

ADVERTISED = 0xFEBC
CONTROL, AUTHENTICATION = identifier("f8083534-849e-531c-c594-30f1f86a4ea5"), identifier("f8083535-849e-531c-c594-30f1f86a4ea5")
HELLO, CHALLENGE, ANSWER, STATUS = 0x01, 0x03, 0x04, 0x05
TOKEN = bytes(8)
"""By which it could prove itself to us; we do not ask for that."""
AS_RECEIVER = 0x02
ACTIVATED = datetime(2000, 1, 1)  # noqa: DTZ001 - a name for its own count of seconds, and no time of anybody's
RELIABLE = (6, 7)
"""It works; it works and wants to be calibrated."""
LATEST_SECONDS = 300


async def said(link: GattLink, characteristic: int, opcode: int) -> Frame:
    """Its answer. Raises `Silent`."""
    while (frame := await link.receive()) is not None:
        if frame.characteristic == characteristic and frame.data[:1] == bytes((opcode,)):
            return frame
    raise Silent("it does not answer")


async def authenticate(link: GattLink) -> Frame:
    await link.write(AUTHENTICATION, bytes((HELLO,)) + TOKEN + bytes((AS_RECEIVER,)))
    challenge = (await said(link, AUTHENTICATION, CHALLENGE)).data[9:17]
    if len(challenge) != len(TOKEN):
        raise Confused("its challenge is cut off")
    await link.write(AUTHENTICATION, bytes((ANSWER,)) + link.encipher(challenge * 2)[: len(TOKEN)])
    status = await said(link, AUTHENTICATION, STATUS)
    if status.data[1:2] != b"\x01":
        raise Refused(Why.NO_KEY)
    if status.data[2:3] != b"\x01":
        raise Refused(Why.PAIRING)
    return status


async def ask(link: GattLink, opcode: int, answer: int) -> tuple[dexcom.Time | dexcom.Glucose, Frame]:
    await link.write(CONTROL, dexcom.asked(opcode))
    frame = await said(link, CONTROL, answer)
    try:
        told = dexcom.told(frame.data)
    except DecodeError as error:
        link.reject(frame, error)
        raise Confused("its answer is damaged") from error
    if told is None:
        raise Confused("its answer is another")
    return told, frame


async def read(link: GattLink) -> AsyncGenerator[Batch]:
    await link.subscribe(AUTHENTICATION, CONTROL)
    yield Batch((DeviceInfo(frame=await authenticate(link), manufacturer="Dexcom", model="G5"),))
    time, _ = await ask(link, dexcom.TIME_ASKED, dexcom.TIME)
    glucose, frame = await ask(link, dexcom.GLUCOSE_ASKED, dexcom.GLUCOSE)
    found = reading(time, glucose, frame)
    if found is not None:
        yield Batch((found,))


def reading(time: dexcom.Time | dexcom.Glucose, told: dexcom.Time | dexcom.Glucose, frame: Frame) -> Glucose | None:
    """None: it has no value that it stands for, or none of now."""
    if not isinstance(time, dexcom.Time) or not isinstance(told, dexcom.Glucose):
        return None
    if time.session_start is None or told.state not in RELIABLE or not 0 <= time.now - told.time <= LATEST_SECONDS:
        return None
    return of(told, frame)


def of(told: dexcom.Glucose, frame: Frame) -> Glucose:
    return Glucose(
        frame=frame,
        key=Key.sequence(told.sequence, DateTime.of(ACTIVATED + timedelta(seconds=told.time))),
        concentration=Quantity(Decimal(told.milligrams), "mg/dL"),
        sample_type="interstitial_fluid",
        context={"trend": f"{Decimal(told.trend) / 10:f} mg/dL/min"},
    )


def tells(frame: Frame) -> Iterator[Glucose]:
    told = dexcom.told(frame.data)
    if isinstance(told, dexcom.Glucose) and told.state in RELIABLE:
        yield of(told, frame)


DRIVER = GattDriver(
    name="dexcom-g5",
    label="Dexcom G5",
    match=Match(service=ADVERTISED, local_name="Dexcom??"),
    read=read,
    tells=tells,
    commands=(
        Command(AUTHENTICATION, bytes((HELLO,))),
        Command(AUTHENTICATION, bytes((ANSWER,))),
        Command(CONTROL, dexcom.asked(dexcom.TIME_ASKED)),
        Command(CONTROL, dexcom.asked(dexcom.GLUCOSE_ASKED)),
    ),
)

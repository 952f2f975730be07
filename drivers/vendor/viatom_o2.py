"""Viatom and Wellue rings and wristbands: O2Ring, Checkme O2, SleepU, Oxylink.

Flow: it is asked what it measures now (17), and asked again as soon as it has answered, for as many answers as make a spot check: the last
of them with a finger in it is the reading. Nothing else is asked for: its recorded nights stay in it. No recording of one was at hand.
Source: frames: dmattox-sparkcodelabs/O2Monitor OximeterProtocolTest.kt; services, and the place of saturation and pulse, are from memory
of MackeyStingray/o2r.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from decimal import Decimal

from drivers import Batch, Command, DeviceInfo, Frame, GattDriver, GattLink, Key, Match, OxygenSaturation, Quantity
from profiles.framing import viatom
from profiles.gatt import identifier
from profiles.wire import DecodeError

SERVICE = "14839ac4-7d7e-415c-9a42-167340cf2339"
TELL, ASK = identifier("0734594a-a8e7-4b1a-a6b1-cd5243059a57"), identifier("8b00ace7-eb0b-49b0-9bbe-9aee0a26e1a3")
NOW, LEAST = 0x17, 8
SPO2, PULSE, STATE, BATTERY = 0, 1, 2, 7
OFF = 0xFF
ANSWERS = 5
"""They settle after a finger was put in."""


def reading(data: bytes, frame: Frame) -> OxygenSaturation | None:
    """None: there is no finger in it."""
    if len(data) < LEAST:
        raise DecodeError("Viatom value", "length", len(data), "is too short", data)
    if data[STATE] == OFF or not 0 < data[SPO2] <= 100 or not data[PULSE]:
        return None
    return OxygenSaturation(
        frame=frame,
        key=Key.episode(str(frame.position).encode(), 0),  # what is now is another reading each time
        spo2=Quantity(Decimal(data[SPO2]), "%"),
        pulse=Quantity(Decimal(data[PULSE]), "/min"),
    )


async def read(link: GattLink) -> AsyncGenerator[Batch]:
    await link.subscribe(TELL)
    framer, last = viatom.Framer(), None
    for number in range(ANSWERS):
        await link.write(ASK, viatom.asked(NOW))
        said: list[bytes] = []
        while not said and (frame := await link.receive()) is not None:
            try:
                said = list(framer.feed(frame.data)) if frame.characteristic == TELL else []
                last = reading(said[-1], frame) or last if said else last
            except DecodeError as error:
                link.reject(frame, error)
        if not said or frame is None:
            return  # it has gone before its values had settled
        if number == 0 and len(said[0]) >= LEAST:
            yield Batch((DeviceInfo(frame=frame, manufacturer="Viatom", battery=min(said[0][BATTERY], 100)),))
    if last is not None:
        yield Batch((last,))


DRIVER = GattDriver(
    name="viatom-o2",
    label="Viatom, Wellue O2Ring, Checkme O2, SleepU, Oxylink",
    match=Match(service=SERVICE),
    read=read,
    streams=True,  # what is now, and nothing else
    commands=(Command(ASK, viatom.asked(NOW)),),
)

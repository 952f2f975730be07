"""Viatom and Wellue rings and wristbands: O2Ring, Checkme O2, SleepU, Oxylink.

Flow: it is asked what it measures now (17), and asked again when it has been silent for a while, for as long as it answers: its values are
summed up by the minute. Without a finger there are none. Its recorded nights stay in it. No recording of one was at hand.
Source: frames: dmattox-sparkcodelabs/O2Monitor OximeterProtocolTest.kt; services, and the place of saturation and pulse, are from memory
of MackeyStingray/o2r.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from drivers import Batch, Command, DeviceInfo, GattDriver, GattLink, Match, Silent
from drivers.standard.minutes import Minutes
from profiles.framing import viatom
from profiles.gatt import identifier
from profiles.wire import DecodeError

SERVICE = "14839ac4-7d7e-415c-9a42-167340cf2339"
TELL, ASK = identifier("0734594a-a8e7-4b1a-a6b1-cd5243059a57"), identifier("8b00ace7-eb0b-49b0-9bbe-9aee0a26e1a3")
NOW, LEAST = 0x17, 8
SPO2, PULSE, STATE, BATTERY = 0, 1, 2, 7
OFF = 0xFF


def values(data: bytes) -> tuple[int | None, int | None]:
    """Neither without a finger. Raises `DecodeError`."""
    if len(data) < LEAST:
        raise DecodeError("Viatom value", "length", len(data), "is too short", data)
    has_finger = data[STATE] != OFF and 0 < data[SPO2] <= 100 and data[PULSE] > 0
    return (data[SPO2], data[PULSE]) if has_finger else (None, None)


async def asked(link: GattLink) -> bool:
    """Whether it is still there to be asked."""
    try:
        await link.write(ASK, viatom.asked(NOW))
    except Silent:
        return False
    return True


async def read(link: GattLink) -> AsyncGenerator[Batch]:
    await link.subscribe(TELL)
    framer, minutes = viatom.Framer(), Minutes(1)
    known, answered = False, True
    while answered and await asked(link):
        answered = False
        while (frame := await link.receive()) is not None:
            answered = True
            try:
                said = list(framer.feed(frame.data)) if frame.characteristic == TELL else []
                told = [(values(data), data) for data in said]
            except DecodeError as error:
                link.reject(frame, error)
                continue
            for (spo2, pulse), data in told:
                if not known:
                    known = True
                    yield Batch((DeviceInfo(frame=frame, manufacturer="Viatom", battery=min(data[BATTERY], 100)),))
                over = minutes.take(frame, spo2, pulse)
                if over is not None:
                    yield Batch((over,))
    if (last := minutes.end()) is not None:
        yield Batch((last,))


DRIVER = GattDriver(
    name="viatom-o2",
    label="Viatom, Wellue O2Ring, Checkme O2, SleepU, Oxylink",
    match=Match(service=SERVICE),
    read=read,
    streams=True,
    commands=(Command(ASK, viatom.asked(NOW)),),
)

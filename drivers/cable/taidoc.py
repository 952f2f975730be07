"""TaiDoc's glucose meters with a CP2110 cable: TD-4277, TD-4235B, TD-4279, TD-4141, TD-4283, sold as GlucoRx Nexus, GlucoMen Nexus, Fora.

Flow: connect; ask for the model, both halves of the serial number, the clock and how many records there are; take each record's time and
value, newest first; switch the meter off. Only glucose meters are read: what the same commands mean on TaiDoc's cuffs and thermometers is
not published. The clock is set at the owner's word, after that.
Source: glucometers-tech/glucometer-protocols (TD-42xx), glucometerutils and its tests.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from decimal import Decimal

from drivers import (
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
    HidUart,
    Key,
    Ordinals,
    Plug,
    Quantity,
    Silent,
    Stranger,
    Talk,
)
from profiles.framing import taidoc
from profiles.times import DateTime

CONNECT, READ_CLOCK, MODEL, TIME, VALUE, SERIAL_1, SERIAL_2, COUNT = 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x2B
SET_CLOCK, POWER_OFF = 0x33, 0x50
MODELS = {0x4277, 0x4235, 0x4279, 0x4141, 0x4283}
MOST_RECORDS, RETRIES = 2000, 3
_MEALS = {1: "preprandial", 2: "postprandial"}

COMMANDS = (
    *(Command(MAIN, bytes((taidoc.START, one))) for one in (CONNECT, READ_CLOCK, MODEL, TIME, VALUE, SERIAL_1, SERIAL_2, COUNT, POWER_OFF)),
    Command(MAIN, bytes((taidoc.START, SET_CLOCK)), changes=True),
)


class _Meter:
    def __init__(self, link: CableLink) -> None:
        self._link, self._talk = link, Talk(link, taidoc.Framer())

    async def ask(self, command: int, data: bytes = b"") -> tuple[bytes, Frame]:
        """The four octets of its answer; asked once more if that is damaged. Raises `Silent`."""
        for _ in range(RETRIES):
            await self._link.send(taidoc.written(command, data))
            while (said := await self._talk.next()) is not None:
                if said[0].command == command:
                    return said[0].data, said[1]
        raise Silent("the meter does not answer: switch it on")


async def read(link: CableLink) -> AsyncGenerator[Batch]:
    meter = _Meter(link)
    await meter.ask(CONNECT)
    model, first = await meter.ask(MODEL)
    number = int.from_bytes(model[:2], "little")
    if number not in MODELS:
        raise Stranger(f"a TaiDoc device of another kind: TD-{number:04X}")
    low, _ = await meter.ask(SERIAL_1)
    high, _ = await meter.ask(SERIAL_2)
    clock, at = await meter.ask(READ_CLOCK)
    info = DeviceInfo(frame=first, manufacturer="TaiDoc", model=f"TD-{number:04X}", serial_number=(high[::-1] + low[::-1]).hex().upper())
    yield Batch((info, DeviceClock(at, taidoc.stamp(clock))))
    count, _ = await meter.ask(COUNT)
    ordinals = Ordinals()
    for index in range(min(int.from_bytes(count[:2], "little"), MOST_RECORDS)):
        asked = index.to_bytes(2, "little") + b"\0\0"
        time, _ = await meter.ask(TIME, asked)
        value, frame = await meter.ask(VALUE, asked)
        yield Batch((reading(time, value, frame, ordinals),))
    if link.policy.set_clock:
        now = link.now()
        await meter.ask(SET_CLOCK, taidoc.packed(DateTime.of(now)))
    await link.send(taidoc.written(POWER_OFF))


def reading(time: bytes, value: bytes, frame: Frame, ordinals: Ordinals) -> Glucose:
    moment = taidoc.stamp(time)
    milligrams = int.from_bytes(value[:2], "little")
    if not milligrams:
        raise Confused("a record has no value")
    measured = time + value[:2]
    return Glucose(
        frame=frame,
        key=Key.content(moment, None, measured, ordinals.next(measured)),
        device_time=moment,
        concentration=Quantity(Decimal(milligrams), "mg/dL"),
        sample_type="capillary_plasma",
        meal=_MEALS.get(value[3] >> 6),
    )


DRIVER = CableDriver(
    name="taidoc",
    label="TaiDoc TD-42xx: GlucoRx Nexus, GlucoMen Nexus, Fora (CP2110 cable)",
    plugs=(Plug(usb=(0x10C4, 0xEA80)),),
    wire=HidUart(baud=19200),
    read=read,
    commands=COMMANDS,
)

"""LifeScan OneTouch UltraEasy and UltraMini, with their serial cable.

Flow: reset the link; ask for the version, the serial number and the clock; ask for a record beyond the last, which says how many there are;
take them, newest first, and acknowledge each. Values are mg/dL whatever the meter shows. The clock is set at the owner's word, after that.
Source: glucometers-tech/glucometer-protocols (OneTouch UltraEasy) and glucometerutils' driver and tests.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from drivers import (
    GENERIC_CABLES,
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
    Key,
    Ordinals,
    Quantity,
    Serial,
    Silent,
    Stranger,
    Talk,
)
from profiles.framing import lifescan
from profiles.framing.lifescan import Link
from profiles.times import DateTime

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
VERSION, SERIAL, COUNT = bytes.fromhex("050d02"), bytes.fromhex("050b0200000000000000"), bytes.fromhex("051ff501")
READ_CLOCK, SET_CLOCK, RECORD = bytes.fromhex("052002000000"), bytes.fromhex("052001"), bytes.fromhex("051f")
READ_CLOCK += b"\0"
MOST_RECORDS = 500
RETRIES = 3

_ANY = "02 ?? ??"
COMMANDS = (
    Command(MAIN, "02 06 08"),
    *(Command(MAIN, f"02 06 {link:02X}") for link in range(4, 8)),
    Command(MAIN, f"{_ANY} 05 0D 02"),
    Command(MAIN, f"{_ANY} 05 0B 02"),
    Command(MAIN, f"{_ANY} 05 1F"),
    Command(MAIN, f"{_ANY} 05 20 02"),
    Command(MAIN, f"{_ANY} 05 20 01", changes=True),
)


class _Line:
    """The link layer: every frame is numbered and acknowledged, both ways."""

    def __init__(self, link: CableLink) -> None:
        self._link, self._talk = link, Talk(link, lifescan.Framer())
        self._sent = self._expected = False

    async def reset(self) -> None:
        """Raises `Stranger` where something else answers, `Silent` where nothing does."""
        await self._link.send(lifescan.written(b"", Link.DISCONNECT))
        answer = await self._talk.next()
        if answer is None:
            raise Stranger("no meter of this kind") if self._talk.said_anything else Silent("the meter does not answer: wake it up")
        if not answer[0].link & Link.DISCONNECT:
            raise Confused("it does not reset its link")
        self._sent = self._expected = False

    async def ask(self, payload: bytes) -> tuple[bytes, Frame]:
        """The answer's payload. A question whose answer is damaged is asked once more: the meter does so with its own."""
        for _ in range(RETRIES):
            await self._link.send(lifescan.written(payload, self._state))
            answer = await self._answer()
            if answer is not None:
                return answer
            await self.reset()
        raise Silent("no whole answer")

    async def _answer(self) -> tuple[bytes, Frame] | None:
        while (said := await self._talk.next()) is not None:
            frame, source = said
            if frame.link & Link.ACK:
                self._sent = bool(frame.link & Link.EXPECT)
            elif frame.payload:
                self._expected = not frame.link & Link.SEQUENCE
                await self._link.send(lifescan.written(b"", Link.ACK | self._state))
                return frame.payload, source
        return None

    @property
    def _state(self) -> Link:
        return Link(self._sent * Link.SEQUENCE | self._expected * Link.EXPECT)


def moment(data: bytes) -> DateTime:
    """Seconds since 1970, by the meter's local clock."""
    return DateTime.of((_EPOCH + timedelta(seconds=int.from_bytes(data, "little"))).replace(tzinfo=None))


async def read(link: CableLink) -> AsyncGenerator[Batch]:
    line = _Line(link)
    await line.reset()
    _, first = version = await line.ask(VERSION)
    serial, _ = await line.ask(SERIAL)
    info = DeviceInfo(
        frame=first,
        manufacturer="LifeScan",
        model="OneTouch UltraEasy",
        serial_number=serial[2:].decode("ascii", "replace").strip("\0 ") or None,
        firmware=version[0][3:].decode("ascii", "replace").strip("\0 ") or None,
    )
    clock, at = await line.ask(READ_CLOCK)
    yield Batch((info, DeviceClock(at, moment(clock[2:6]))))
    said, _ = await line.ask(COUNT)
    if said[:2] != b"\x05\x0f":
        raise Confused("it does not say how many records it has")
    ordinals = Ordinals()
    for index in range(min(int.from_bytes(said[2:4], "little"), MOST_RECORDS)):
        record, frame = await line.ask(RECORD + index.to_bytes(2, "little"))
        if record[:2] != b"\x05\x06" or len(record) < 10:  # noqa: PLR2004 - time and value
            raise Confused("a record is none")
        yield Batch((reading(record[2:10], frame, ordinals),))
    if link.policy.set_clock:
        seconds = int((link.now().replace(tzinfo=UTC) - _EPOCH).total_seconds())
        await line.ask(SET_CLOCK + seconds.to_bytes(4, "little"))


def reading(record: bytes, frame: Frame, ordinals: Ordinals) -> Glucose:
    time = moment(record[:4])
    return Glucose(
        frame=frame,
        key=Key.content(time, None, record, ordinals.next(record)),
        device_time=time,
        concentration=Quantity(Decimal(int.from_bytes(record[4:8], "little")), "mg/dL"),
        sample_type="capillary_plasma",
    )


DRIVER = CableDriver(
    name="onetouch-ultraeasy",
    label="OneTouch UltraEasy, UltraMini (serial cable)",
    plugs=GENERIC_CABLES,
    wire=Serial(baud=9600),
    read=read,
    commands=COMMANDS,
)

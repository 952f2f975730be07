"""What Omron's Bluetooth cuffs share: a memory that is read block by block, with the records of each user in a place of its own.

Nothing is written into it. Where a model wants to be unlocked, the key that was given to it when it was paired (by omblepy, or by a phone)
is said to it: `bindkey` in the configuration, else the one that omblepy gives.
Source: records of 14 and 24 octets: eigger/hass-omron@d6758ed2 tests/test_record_parsers.py; services and places are from memory of
userx14/omblepy, and wait for a capture to confirm them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from drivers import (
    Batch,
    BloodPressure,
    Command,
    Confused,
    DeviceInfo,
    Frame,
    GattDriver,
    GattLink,
    Key,
    Match,
    Ordinals,
    Quantity,
    Refused,
    Silent,
    Why,
)
from profiles.framing import omron_wlp as wlp
from profiles.gatt import identifier
from profiles.times import DateTime
from profiles.wire import DecodeError

UNLOCK = identifier("b305b680-aee7-11e1-a730-0002a5d5c51b")
ASK = identifier("db5b55e0-aee7-11e1-965e-0002a5d5c51b")
HEAR = (
    identifier("49123040-aee8-11e1-a74d-0002a5d5c51b"),
    identifier("4d0bf320-aee8-11e1-a0d9-0002a5d5c51b"),
    identifier("5128ce60-aee8-11e1-b84b-0002a5d5c51b"),
    identifier("560f1420-aee8-11e1-8184-0002a5d5c51b"),
)
KEY, UNLOCKED = bytes.fromhex("deadbeaf12341234" * 2), b"\x81\x00"
COMMANDS = (
    Command(UNLOCK, b"\x01"),
    Command(ASK, wlp.asked(wlp.START, count=wlp.FROM_START)),
    Command(ASK, b"\x08\x01\x00"),
    Command(ASK, wlp.asked(wlp.END)),
)
LEAST_SYSTOLIC, EMPTY, YEAR = 25, 0xE1, 2000
RETRIES, SHORTEST = 3, 8


@dataclass(frozen=True, slots=True)
class Said:
    systolic: int
    diastolic: int
    pulse: int
    time: DateTime
    status: tuple[str, ...]


Parse = Callable[[bytes], Said | None]


def _said(record: bytes, systolic: int, diastolic: int, pulse: int, year: int, date: int, time: int) -> Said:
    month, day, hour = date >> 10 & 0x0F, date >> 5 & 0x1F, date & 0x1F
    moment = DateTime(YEAR + year, month, day, hour, time >> 6 & 0x3F, min(time & 0x3F, 59))
    if moment.naive() is None:
        raise DecodeError("Omron record", "time", 4, "is none", record)
    if diastolic >= systolic + LEAST_SYSTOLIC:
        raise DecodeError("Omron record", "pressures", 0, "are none", record)
    status = tuple(name for bit, name in ((0x8000, "body_movement"), (0x4000, "irregular_pulse")) if date & bit)
    return Said(systolic + LEAST_SYSTOLIC, diastolic, pulse, moment, status)


def little(record: bytes) -> Said | None:
    """None: an empty place. Raises `DecodeError`."""
    if record[0] > EMPTY:
        return None
    date, time = int.from_bytes(record[4:6], "little"), int.from_bytes(record[6:8], "little")
    return _said(record, record[0], record[1], record[2], record[3] & 0x3F, date, time)


def big(record: bytes) -> Said | None:
    """None: an empty place. Raises `DecodeError`."""
    if record[1] > EMPTY:
        return None
    return _said(record, record[1], record[0], record[3], record[2], int.from_bytes(record[4:6], "big"), int.from_bytes(record[6:8], "big"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """`users`: where the records of each begin. `block`: octets of one question."""

    users: tuple[int, ...]
    records: int
    size: int
    block: int
    parse: Parse = little
    is_locked: bool = False


class _Cuff:
    def __init__(self, link: GattLink, memory: Memory) -> None:
        self._link, self._memory = link, memory
        self._joiner, self._ordinals = wlp.Joiner(), Ordinals()

    async def unlock(self) -> None:
        await self._link.subscribe(UNLOCK)
        key = self._link.policy.bindkey
        await self._link.write(UNLOCK, b"\x01" + (bytes.fromhex(key) if key else KEY))
        while (frame := await self._link.receive()) is not None:
            if frame.characteristic == UNLOCK:
                if frame.data[:2] != UNLOCKED:
                    raise Refused(Why.NOT_PERMITTED)
                return
        raise Silent("it does not answer the key")

    async def ask(self, kind: int, address: int = 0, count: int = 0) -> tuple[wlp.Told, Frame]:
        for _ in range(RETRIES):
            await self._link.write(ASK, wlp.asked(kind, address, count))
            frame = await self._link.receive()
            while frame is not None:
                whole = self._joiner.feed(HEAR.index(frame.characteristic), frame.data) if frame.characteristic in HEAR else None
                if whole is not None:
                    try:
                        said = wlp.parse(whole)
                    except DecodeError as error:
                        self._link.reject(frame, error)
                        break  # asked once more
                    if said.kind == kind | wlp.ANSWER and (kind != wlp.READ or (said.address == address and len(said.data) == count)):
                        return said, frame
                frame = await self._link.receive()
            if frame is None:
                raise Silent("it does not answer: press its Bluetooth button")
        raise Confused("its answers are damaged")

    def readings(self, user: int, octets: bytes, frame: Frame) -> Iterator[BloodPressure]:
        for at in range(0, len(octets), self._memory.size):
            record = octets[at : at + self._memory.size]
            try:
                said = self._memory.parse(record)
            except DecodeError as error:
                self._link.reject(replace(frame, data=record), error)
                continue
            if said is not None:
                yield reading(said, frame, user, record, self._ordinals.next(said.time, user, record))


def reading(said: Said, frame: Frame, user: int | None, record: bytes, ordinal: int) -> BloodPressure:
    return BloodPressure(
        frame=frame,
        key=Key.content(said.time, user, record, ordinal),
        device_time=said.time,
        user_index=user,
        status=said.status,
        systolic=Quantity(Decimal(said.systolic), "mm[Hg]"),
        diastolic=Quantity(Decimal(said.diastolic), "mm[Hg]"),
        pulse=Quantity(Decimal(said.pulse), "/min") if said.pulse else None,
    )


def cuff(name: str, label: str, memory: Memory) -> GattDriver:
    """A model."""
    model = label.split()[1]

    async def read(link: GattLink) -> AsyncGenerator[Batch]:
        cuff = _Cuff(link, memory)
        if memory.is_locked:
            await cuff.unlock()
        await link.subscribe(*HEAR)
        _, frame = await cuff.ask(wlp.START, count=wlp.FROM_START)
        yield Batch((DeviceInfo(frame=frame, manufacturer="Omron", model=model),))
        for user, begin in enumerate(memory.users, 1):
            octets, at, end = b"", begin, begin + memory.records * memory.size
            while at < end:
                said, frame = await cuff.ask(wlp.READ, at, min(memory.block, end - at))
                octets, at = octets + said.data, at + len(said.data)
                whole = len(octets) // memory.size * memory.size
                readings, octets = tuple(cuff.readings(user, octets[:whole], frame)), octets[whole:]
                if readings:
                    yield Batch(readings)
        await cuff.ask(wlp.END)

    def tells(frame: Frame) -> Iterator[BloodPressure]:
        if len(frame.data) < SHORTEST:
            raise DecodeError("Omron record", "length", len(frame.data), "is too short", frame.data)
        said = memory.parse(frame.data)
        if said is not None:
            yield reading(said, frame, None, frame.data, 0)

    return GattDriver(name=name, label=label, match=Match(), read=read, tells=tells, commands=COMMANDS)

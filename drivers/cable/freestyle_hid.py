"""What FreeStyle meters with a USB socket share: how one is greeted, asked, and told the time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from decimal import Decimal

from drivers import (
    MAIN,
    Batch,
    CableDriver,
    CableLink,
    Coded,
    Command,
    Confused,
    DeviceClock,
    DeviceInfo,
    Frame,
    Glucose,
    Hid,
    Key,
    Observation,
    Ordinals,
    Plug,
    Quantity,
    Reading,
    Silent,
    Stranger,
    Talk,
)
from profiles.framing import freestyle_hid
from profiles.framing.freestyle_hid import TEXT, written
from profiles.times import DateTime
from profiles.wire import DecodeError

GREETINGS, WELCOME = (0x04, 0x05, 0x15, 0x01), 0x71
RETRIES, AT_ONCE = 3, 64
MILLIMOLE_PER_LITRE = 4722
"""MDC_DIM_MILLI_MOLE_PER_L."""
Parse = Callable[[list[str], Frame, Ordinals], Reading | None]


def moment(fields: list[str], at: int, *, seconds: bool = False) -> DateTime:
    """Month, day, year of this century, hour, minute. Raises `DecodeError`."""
    try:
        month, day, year, hour, minute = (int(one) for one in fields[at : at + 5])
        found = DateTime(2000 + year, month, day, hour, minute, int(fields[at + 5]) if seconds else 0)
    except (ValueError, IndexError) as error:
        raise DecodeError("freestyle result", "time", at, "is none", ",".join(fields).encode()) from error
    if found.naive() is None:
        raise DecodeError("freestyle result", "time", at, "is none", ",".join(fields).encode())
    return found


def number(fields: list[str], at: int) -> Decimal | None:
    """None for HI and LO, which are no numbers. Raises `DecodeError`."""
    if len(fields) <= at:
        raise DecodeError("freestyle result", "fields", len(fields), "are too few", ",".join(fields).encode())
    return Decimal(fields[at]) if fields[at].isdecimal() and int(fields[at]) else None


def key(kind: str, time: DateTime, value: Decimal, ordinals: Ordinals) -> Key:
    measured = f"{kind}{value}".encode()
    return Key.content(time, None, measured, ordinals.next(time, measured))


def ketone(time: DateTime, value: Decimal, frame: Frame, ordinals: Ordinals) -> Observation:
    """The meters keep it times eighteen, as if it were glucose. ISO/IEEE 11073-10101 has no term for it that we know."""
    millimoles = (value / 18).quantize(Decimal("0.1"))
    observed = Coded(code=None, text="beta_hydroxybutyrate", number=millimoles, dimension=MILLIMOLE_PER_LITRE)
    return Observation(frame=frame, key=key("ketone", time, value, ordinals), device_time=time, observed=observed)


def blood_glucose(time: DateTime, value: Decimal, frame: Frame, ordinals: Ordinals) -> Glucose:
    """Of a strip."""
    return Glucose(
        frame=frame,
        key=key("glucose", time, value, ordinals),
        device_time=time,
        concentration=milligrams(value),
        sample_type="capillary_plasma",
    )


def milligrams(value: Decimal) -> Quantity:
    return Quantity(value, "mg/dL")


class _Meter:
    def __init__(self, link: CableLink) -> None:
        self._link, self._talk = link, Talk(link, freestyle_hid.Framer())

    async def greet(self) -> None:
        answer = None
        for greeting in GREETINGS:
            await self._link.send(written(greeting))
            answer = await self._talk.next()
        if answer is None:
            if self._talk.said_anything:
                raise Stranger("no meter of this kind")
            raise Silent("the meter does not answer: switch it on, or plug it in again")
        if answer[0].kind != WELCOME:
            raise Stranger("no meter of this kind")

    async def ask(self, question: str) -> tuple[bytes, Frame]:
        """An answer whose sum is wrong is asked for again. Raises `Confused` and `Silent`."""
        for _ in range(RETRIES):
            await self._link.send(written(TEXT, question.encode()))
            while (answer := await self._talk.next()) is not None:
                if answer[0].kind != TEXT:
                    continue
                if not answer[0].is_done:
                    raise Confused(f"it does not do {question}")
                return answer[0].data, answer[1]
        raise Silent(f"no answer to {question}")

    async def list(self, question: str) -> tuple[list[list[str]], Frame]:
        """Raises `Confused` for a list that is damaged."""
        text, frame = await self.ask(question)
        try:
            return freestyle_hid.records(text), frame
        except DecodeError as error:
            self._link.reject(frame, error)
            raise Confused("its list is damaged") from error


def _line(text: bytes) -> str | None:
    return text.decode("ascii", "replace").strip() or None


def reader(model: str, serial: str, lists: dict[str, Parse]) -> Callable[[CableLink], AsyncGenerator[Batch]]:
    """`serial`: the question for its number. `lists`: by question, how a line is read; None from it: it is no reading."""

    async def read(link: CableLink) -> AsyncGenerator[Batch]:
        meter = _Meter(link)
        await meter.greet()
        number_, frame = await meter.ask(serial)
        version, _ = await meter.ask("$swver?")
        info = DeviceInfo(frame=frame, manufacturer="Abbott", model=model, firmware=_line(version), serial_number=_line(number_))
        date, _ = await meter.ask("$date?")
        time, at = await meter.ask("$time?")
        try:
            clock = moment(f"{_line(date)},{_line(time)}".split(","), 0)
        except DecodeError as error:
            link.reject(at, error)
            raise Confused("its clock is none") from error
        yield Batch((info, DeviceClock(at, clock)))
        for question, parse in lists.items():
            lines, told = await meter.list(question)
            found = list(_readings(link, lines, told, parse))
            for start in range(0, len(found), AT_ONCE):
                yield Batch(tuple(found[start : start + AT_ONCE]))
        if link.policy.set_clock:
            now = link.now()
            await meter.ask(f"$date,{now.month},{now.day},{now.year - 2000}")
            await meter.ask(f"$time,{now.hour},{now.minute}")

    return read


def _readings(link: CableLink, lines: list[list[str]], frame: Frame, parse: Parse) -> Iterator[Reading]:
    ordinals = Ordinals()
    for fields in lines:
        try:
            reading = parse(fields, frame, ordinals)
        except DecodeError as error:
            link.reject(frame, error)
            continue
        if reading is not None:
            yield reading


def driver(name: str, label: str, plugs: tuple[Plug, ...], serial: str, model: str, lists: dict[str, Parse]) -> CableDriver:
    questions = (serial, "$swver?", "$date?", "$time?", *lists)
    return CableDriver(
        name=name,
        label=label,
        plugs=plugs,
        wire=Hid(out="control"),
        read=reader(model, serial, lists),
        commands=(
            *(Command(MAIN, written(greeting)) for greeting in GREETINGS),
            *(Command(MAIN, written(TEXT, question.encode())) for question in questions),
            *(Command(MAIN, f"60 ?? {word.hex()}", changes=True) for word in (b"$date,", b"$time,")),
        ),
    )

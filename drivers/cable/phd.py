"""Any device of the USB Personal Healthcare Device Class: Accu-Chek Guide, Guide Me, Aviva Connect and Instant, ReliOn Platinum, and what
else keeps to IEEE 11073-20601.

Flow: the device asks to be associated; a configuration that we have not seen is described by itself, and remembered in the mark; ask who
it is and what its clocks show; of every store it has, read all segments, and confirm each event as soon as what it said is safe; take what
it measures from now on, until it is silent; release it. A stamp in ticks becomes a moment by the ticks and the time at which the device was
asked for them. NovoPen counts seconds where the standard has 1/8 ms. Stores are emptied, and clocks set, at the owner's word alone.
Source: IEEE 11073-20601 by signove/antidote and its agents; USB PHDC 1.0; tidepool-org/uploader and emogenet/accuchek for Accu-Chek;
NovoPen's octets in xDrip's OpenNov.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from drivers import (
    MAIN,
    Batch,
    Bulk,
    CableDriver,
    CableLink,
    Coded,
    Command,
    DeviceClock,
    DeviceInfo,
    Frame,
    Key,
    Notice,
    Observation,
    Ordinals,
    Plug,
    Silent,
    Stranger,
)
from profiles.floats import NoValue, Value
from profiles.phd import apdu as apdus
from profiles.phd.association import Association
from profiles.phd.attributes import TICKS_A_SECOND, Model, Moment, Term
from profiles.phd.codes import Attribute
from profiles.phd.manager import Manager, State
from profiles.phd.mder import Reader
from profiles.phd.objects import Configuration, configuration
from profiles.phd.observation import Observed
from profiles.phd.requests import Step
from profiles.times import DateTime
from profiles.wire import DecodeError

SYSTEM_ID = bytes.fromhex("4847415445574159")
"""Ours. It need not be unique: a device talks to one manager at a time."""
PHDC = 0x0F
MOST_REMEMBERED = 16

_PRST = "E7 00 ?? ?? ?? ?? ?? ??"
COMMANDS = (
    *(Command(MAIN, kind) for kind in ("E3 00", "E4 00", "E5 00", "E6 00")),
    Command(MAIN, f"{_PRST} 01 03"),
    Command(MAIN, f"{_PRST} 02 01 ?? ?? ?? ?? ?? ?? ?? ?? 0D 1C"),
    Command(MAIN, f"{_PRST} 02 01", confirms=True),
    Command(MAIN, f"{_PRST} 04 00"),
    # Operational-State of a scanner, for this association.
    Command(MAIN, f"{_PRST} 01 05 ?? ?? ?? ?? 00 01 ?? ?? 00 00 09 53"),
    # Segment information, transfer of a segment, data request; clearing; the clock.
    *(Command(MAIN, f"{_PRST} 01 07 ?? ?? ?? ?? {action}") for action in ("0C 0D", "0C 1C", "0C 1B")),
    Command(MAIN, f"{_PRST} 01 07 ?? ?? ?? ?? 0C 0C", forgets=True),
    Command(MAIN, f"{_PRST} 01 07 ?? ?? ?? ?? 0C 17", changes=True),
)

_SPECIFICATIONS = {1: "serial_number", 3: "hardware", 4: "software", 5: "firmware"}


@dataclass(slots=True)
class _Session:
    """What is said in one association besides what the manager knows."""

    link: CableLink
    remembered: dict[str, str]
    manager: Manager
    ordinals: Ordinals = field(default_factory=Ordinals)
    clock: tuple[Frame, int] | None = None
    """When the device was asked for its ticks, and what they were."""
    has_told: bool = False

    def items(self, step: Step, frame: Frame) -> Iterator[DeviceInfo | DeviceClock | Observation | Notice]:
        heard = step.heard
        if heard is None:
            return
        if heard.description is not None and heard.handle == 0:
            self.has_told = True
            ticks = self.manager.association.attribute(Attribute.RELATIVE_TIME)
            if isinstance(ticks, int) and ticks not in (0, 0xFFFFFFFF):
                self.clock = frame, ticks
            yield from about(self.manager.association, frame)
        if heard.observations and not self.has_told:
            self.has_told = True
            yield from about(self.manager.association, frame)
        for item in heard.observations:
            if (found := self.observation(item, frame)) is not None:
                yield found
        for unreadable in heard.unreadable:
            self.link.reject(frame, unreadable.error)

    def observation(self, said: Observed, frame: Frame) -> Observation | None:
        observed, components = coded(said), _parts(said) if said.parts else ()
        if said.type is None or (observed.is_empty and not components):
            return None
        moment, offset = self._moment(said)
        stamp = said.moment.date if said.moment else None
        number = stamp or said.relative or said.hires or (said.base_offset.seconds if said.base_offset else None)
        raw = said.type.number.to_bytes(4, "big") + said.raw
        if number is None:
            key = Key.episode(raw, self.ordinals.next(raw))
        else:
            # Nothing of the hub's in it, and not where in the store it lies: that changes when the device is emptied.
            key = Key(
                "content",
                (
                    str(number),
                    "" if said.person is None else str(said.person),
                    raw.hex(),
                    str(self.ordinals.next(number, said.person, raw)),
                ),
            )
        return Observation(
            frame=frame,
            key=key,
            device_time=moment,
            utc_offset=offset,
            user_index=said.person,
            status=() if said.status is None else tuple(f"bit_{bit}" for bit in range(16) if said.status.value >> (15 - bit) & 1),
            observed=observed,
            components=components,
            supplemental=tuple(term.number for term in said.supplemental) if said.supplemental else (),
            seconds=said.active_period if isinstance(said.active_period, Decimal) else None,
        )

    def _moment(self, said: Observed) -> tuple[DateTime | None, int | None]:
        """As the device says it; or, of a count, the moment in UTC that it comes to."""
        if said.moment is not None:
            return said.moment.date, None
        if said.base_offset is not None:
            return _utc(datetime(1900, 1, 1, tzinfo=UTC) + timedelta(seconds=said.base_offset.seconds)), 0
        if said.relative is None or self.clock is None:
            return None, None
        frame, now = self.clock
        behind = (now - said.relative) % (1 << 32) / (1 if self._counts_seconds else TICKS_A_SECOND)
        return _utc(datetime.fromtimestamp(round(frame.received - behind), UTC)), 0

    @property
    def _counts_seconds(self) -> bool:
        model = self.manager.association.attribute(Attribute.SYSTEM_MODEL)
        return isinstance(model, Model) and model.manufacturer.startswith("Novo Nordisk")


def _utc(moment: datetime) -> DateTime:
    return DateTime.of(moment)


def coded(said: Observed) -> Coded:
    code = said.type.number if said.type else None
    number = said.value if isinstance(said.value, Decimal) else None
    bits = said.bits.value.to_bytes(said.bits.width // 8, "big") if said.bits else b""
    return Coded(
        code=code,
        number=number,
        dimension=said.unit,
        terms=(said.term.number,) if said.term else (),
        text=said.text,
        octets=said.octets or bits,
        samples=said.samples,
        interval=said.period,
    )


def _parts(said: Observed) -> tuple[Coded, ...]:
    return tuple(item for part in said.parts if not (item := _part(part.type, part.value, part.unit)).is_empty)


def _part(term: Term, value: Value, unit: int | None) -> Coded:
    return Coded(code=term.number, number=None if isinstance(value, NoValue) else value, dimension=unit)


def about(association: Association, frame: Frame) -> Iterator[DeviceInfo | DeviceClock | Notice]:
    model = association.attribute(Attribute.SYSTEM_MODEL)
    system_id = association.attribute(Attribute.SYSTEM_ID)
    made: dict[str, Any] = {}
    if isinstance(model, Model):
        made |= {"manufacturer": model.manufacturer or None, "model": model.model or None}
    for kind, _, text in association.attribute(Attribute.PRODUCTION_SPECIFICATION) or ():
        if text and kind in _SPECIFICATIONS:
            made.setdefault(_SPECIFICATIONS[kind], text)
    identity = system_id if isinstance(system_id, bytes) and system_id else association.system_id
    level = association.attribute(Attribute.BATTERY_LEVEL)
    battery = level if isinstance(level, int) and 0 < level <= 100 else None  # noqa: PLR2004 - percent; 0 is "not told"
    yield DeviceInfo(frame=frame, system_id=identity.hex().upper() or None, battery=battery, **made)
    now = association.attribute(Attribute.DATE_AND_TIME)
    if isinstance(now, Moment) and now.date is not None and now.date.naive() is not None:
        yield DeviceClock(frame, now.date, Decimal(now.hundredths) / 100)


async def read(link: CableLink) -> AsyncGenerator[Batch]:
    remembered: dict[str, str] = dict(link.mark.get("configurations", {}))
    session = _Session(link, remembered, Manager(SYSTEM_ID, dict(_known(remembered)), clear=link.policy.forget))
    manager, stream = session.manager, apdus.Stream()
    if link.policy.set_clock:
        manager.set_time(lambda: DateTime.of(link.now()))
    was_associated = False
    mark: Mapping[str, Any] | None = None
    while True:
        frame = await link.receive(manager.seconds)
        if frame is None:
            step = manager.silent()
            if step is None:
                break
            await _send(link, step)
            continue
        for apdu in _apdus(link, stream, frame, is_first=not was_associated):
            step = _received(link, manager, apdu, frame)
            was_associated = was_associated or manager.state is not State.UNASSOCIATED
            items = tuple(session.items(step, frame))
            if step.configured is not None:
                _remember(remembered, *step.configured)
                mark = {"configurations": dict(remembered)}
            for data in step.confirmations:
                await link.send(data)
            if items:
                # Not before it has said who it is.
                yield Batch(items, mark=mark)
                mark = None
            await _send(link, step)
    if not was_associated:
        raise Silent("it did not ask to be associated: see that it shows it is ready for a transfer, and plug it in again")


def _apdus(link: CableLink, stream: apdus.Stream, frame: Frame, *, is_first: bool) -> list[bytes]:
    found: list[bytes] = []
    try:
        found.extend(stream.feed(frame.data))
    except DecodeError as error:
        if is_first and not found:
            raise Stranger("it speaks another language") from error
        link.reject(frame, error)
    return found


def _received(link: CableLink, manager: Manager, apdu: bytes, frame: Frame) -> Step:
    try:
        return manager.receive(apdu, frame.received)
    except DecodeError as error:
        link.reject(frame, error)
        return manager.refuse(apdu)


async def _send(link: CableLink, step: Step) -> None:
    for data in step.send:
        await link.send(data)


def _known(remembered: Mapping[str, str]) -> Iterator[tuple[tuple[bytes, int], Configuration]]:
    for name, text in remembered.items():
        try:
            found = configuration(Reader(bytes.fromhex(text), "configuration"))
        except (ValueError, DecodeError):
            continue
        yield (bytes.fromhex(name), found.number), found


def _remember(remembered: dict[str, str], system_id: bytes, described: Configuration) -> None:
    """Of a device the one that it described last."""
    remembered.pop(system_id.hex(), None)
    remembered[system_id.hex()] = described.written().hex()
    while len(remembered) > MOST_REMEMBERED:
        del remembered[next(iter(remembered))]


DRIVER = CableDriver(
    name="phd",
    label="IEEE 11073-20601 device (USB PHDC)",
    plugs=(Plug(usb_class=PHDC),),
    wire=Bulk(interface_class=PHDC),
    read=read,
    commands=COMMANDS,
    streams=True,
)

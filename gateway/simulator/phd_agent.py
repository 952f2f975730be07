"""A virtual device that speaks IEEE 11073-20601: a glucose meter with a store, or whatever its configuration says. Sans-IO.

It keeps to the standard as the manager's counterpart, with a clock of its own, and knows how many of its entries were confirmed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from profiles.phd import apdu as apdus
from profiles.phd import mder, store
from profiles.phd.apdu import Aare, Abrt, Prst, Rlre, Rlrq
from profiles.phd.attributes import bcd
from profiles.phd.codes import Action, Associated, Attribute, Choice, Event, ObjectClass, Release, Verdict
from profiles.times import DateTime

STORE, NUMERIC, SEGMENT = 0x0100, 1, 0
ENTRY = 10
GLUCOSE, MG_PER_DL = 29112, 2130


@dataclass(frozen=True, slots=True)
class Entry:
    """One measurement in the store."""

    time: DateTime
    value: int

    def octets(self) -> bytes:
        return bcd(self.time) + self.value.to_bytes(2, "big")


@dataclass
class Agent:
    """`now`: the device's clock. `entries`: what it has stored, oldest first."""

    entries: list[Entry]
    now: Callable[[], datetime]
    system_id: bytes = bytes.fromhex("0060190000000001")
    config_id: int = 0x4005
    at_once: int = 12
    """Entries in one event."""
    serial: str = "SIM-PHD-1"
    pressure: tuple[int, int, int] | None = None
    """A blood pressure that it reports by itself, once associated."""
    confirmed: int = 0
    """How many entries the manager has said it has."""
    clock_set: DateTime | None = None
    cleared: int = 0
    _next: int = 0
    _invoke_id: int = 0
    _sending: bool = False
    log: list[str] = field(default_factory=list)

    def begin(self) -> list[bytes]:
        """What it says first, once it is connected."""
        self._next, self._sending = 0, False
        information = apdus.Association(system_id=self.system_id, dev_config_id=self.config_id, data_req_mode_flags=1, init_agent_count=1)
        return [apdus.aarq(information)]

    def receive(self, data: bytes) -> list[bytes]:
        """Its answers to one APDU of the manager."""
        said = apdus.read(data)
        if isinstance(said, Aare):
            self.log.append(f"aare {said.result}")
            if said.result == Associated.ACCEPTED_UNKNOWN_CONFIG:
                return [self._event(0, Event.CONFIGURATION, self._configuration())]
            return list(self._measured()) if said.result == Associated.ACCEPTED else []
        if isinstance(said, Rlrq):
            self.log.append("released")
            return [apdus.rlre()]
        if isinstance(said, Abrt | Rlre) or not isinstance(said, Prst):
            return []
        return list(self._answers(said))

    def release(self) -> bytes:
        return apdus.rlrq(Release.NORMAL)

    def _answers(self, said: Prst) -> Iterator[bytes]:
        reader = said.reader()
        if said.choice == Choice.ROIV_GET:
            handle = reader.u16("handle")
            attributes = self._mds() if handle == 0 else []
            yield apdus.prst(said.invoke_id, Choice.RORS_GET, mder.u16(handle) + mder.sequence(*attributes))
        elif said.choice == Choice.RORS_CONFIRMED_EVENT_REPORT:
            reader.take(6, "handle and time")
            event, info = reader.u16("event"), reader.within("info")
            if event == Event.CONFIGURATION:
                info.u16("config")
                if info.u16("result") == Verdict.ACCEPTED_CONFIG:
                    yield from self._measured()
            elif event == Event.SEGMENT_DATA:
                _, _, count, status = info.u16("instance"), info.u32("index"), info.u32("count"), info.u16("status")
                if status & store.CONFIRM:
                    self.confirmed += count
                    self._next += count
                yield from self._events()
        elif said.choice == Choice.ROIV_CONFIRMED_ACTION:
            yield from self._acts(said, reader)
        elif said.choice == Choice.ROIV_CONFIRMED_SET:
            yield apdus.prst(said.invoke_id, Choice.RORS_CONFIRMED_SET, mder.u16(reader.u16("handle")) + mder.sequence())

    def _acts(self, said: Prst, reader: mder.Reader) -> Iterator[bytes]:
        handle, action = reader.u16("handle"), reader.u16("action")
        info = reader.within("info")
        answer = b""
        if action == Action.GET_SEGMENT_INFO:
            answer = mder.sequence(mder.u16(SEGMENT) + mder.sequence(*self._segment()))
        elif action == Action.TRIGGER_SEGMENT_TRANSFER:
            self._next, self._sending = 0, bool(self.entries)
            answer = mder.u16(info.u16("instance"), 0 if self.entries else 3)
        elif action == Action.SET_TIME:
            century = info.take(8, "time").hex()
            self.clock_set = DateTime(int(century[:4]), *(int(century[at : at + 2]) for at in range(4, 14, 2)))
        elif action == Action.CLEAR_SEGMENTS:
            self.cleared += len(self.entries)
            self.entries.clear()
        yield apdus.prst(said.invoke_id, Choice.RORS_CONFIRMED_ACTION, mder.u16(handle, action) + mder.octets(answer))
        if action == Action.TRIGGER_SEGMENT_TRANSFER:
            yield from self._events()

    def _events(self) -> Iterator[bytes]:
        """The next entries of the store, or those that were not confirmed once more."""
        if not self._sending or self._next >= len(self.entries):
            self._sending = False
            return
        part = self.entries[self._next : self._next + self.at_once]
        status = (store.FIRST if self._next == 0 else 0) | (store.LAST if self._next + len(part) == len(self.entries) else 0)
        data = b"".join(entry.octets() for entry in part)
        info = mder.u16(SEGMENT) + mder.u32(self._next, len(part)) + mder.u16(status) + mder.octets(data)
        yield self._event(STORE, Event.SEGMENT_DATA, info)

    def _measured(self) -> Iterator[bytes]:
        if self.pressure is not None:
            stamp = bcd(DateTime.of(self.now()))
            data = mder.octets(mder.u16(3, 6, *self.pressure) + stamp)
            yield self._event(0, Event.SCAN_REPORT_FIXED, mder.u16(0xF000, 0) + mder.sequence(mder.u16(2) + data))

    def _event(self, handle: int, event: Event, info: bytes) -> bytes:
        self._invoke_id += 1
        body = mder.u16(handle) + mder.u32(0xFFFFFFFF) + mder.u16(event) + mder.octets(info)
        return apdus.prst(self._invoke_id, Choice.ROIV_CONFIRMED_EVENT_REPORT, body)

    def _mds(self) -> list[bytes]:
        model = mder.octets(b"Simulated ") + mder.octets(b"PHD ")
        serial = mder.sequence(mder.u16(1, 0) + mder.octets(self.serial.encode()))
        # It has a clock that can be set.
        info = mder.u16(0xC010, 0) + mder.u32(0xFFFFFFFF) + mder.u16(100, 0) + mder.u32(0)
        return [
            _attribute(Attribute.SYSTEM_MODEL, model),
            _attribute(Attribute.SYSTEM_ID, mder.octets(self.system_id)),
            _attribute(Attribute.DEV_CONFIGURATION_ID, mder.u16(self.config_id)),
            _attribute(Attribute.PRODUCTION_SPECIFICATION, serial),
            _attribute(Attribute.MDS_TIME_INFO, info),
            _attribute(Attribute.DATE_AND_TIME, bcd(DateTime.of(self.now()))),
        ]

    def _configuration(self) -> bytes:
        stamped = mder.sequence(mder.u16(Attribute.BASIC_NU_OBSERVED_VALUE, 2), mder.u16(Attribute.ABSOLUTE_TIME_STAMP, 8))
        glucose = [
            _attribute(Attribute.TYPE, mder.u16(2, GLUCOSE)),
            _attribute(Attribute.UNIT_CODE, mder.u16(MG_PER_DL)),
            _attribute(Attribute.ATTRIBUTE_VALUE_MAP, stamped),
        ]
        pressure = [
            _attribute(Attribute.TYPE, mder.u16(2, 18948)),
            _attribute(Attribute.UNIT_CODE, mder.u16(3872)),
            _attribute(Attribute.METRIC_ID_LIST, mder.sequence(*(mder.u16(code) for code in (18949, 18950, 18951)))),
            _attribute(
                Attribute.ATTRIBUTE_VALUE_MAP,
                mder.sequence(mder.u16(Attribute.COMPOUND_BASIC_OBSERVED_VALUE, 10), mder.u16(Attribute.ABSOLUTE_TIME_STAMP, 8)),
            ),
        ]
        memory = [_attribute(Attribute.PM_STORE_CAPAB, mder.u16(0)), _attribute(Attribute.NUMBER_OF_SEGMENTS, mder.u16(1))]
        objects = [
            mder.u16(ObjectClass.NUMERIC, NUMERIC) + mder.sequence(*glucose),
            mder.u16(ObjectClass.NUMERIC, 2) + mder.sequence(*pressure),
            mder.u16(ObjectClass.PM_STORE, STORE) + mder.sequence(*memory),
        ]
        return mder.u16(self.config_id) + mder.sequence(*objects)

    def _segment(self) -> list[bytes]:
        element = mder.u16(ObjectClass.NUMERIC, 2, GLUCOSE, NUMERIC) + mder.sequence(mder.u16(Attribute.BASIC_NU_OBSERVED_VALUE, 2))
        return [
            _attribute(Attribute.PM_SEGMENT_ENTRY_MAP, mder.u16(0x8000) + mder.sequence(element)),
            _attribute(Attribute.SEGMENT_USAGE_COUNT, mder.u32(len(self.entries))),
        ]


def _attribute(number: Attribute, data: bytes) -> bytes:
    return mder.u16(number) + mder.octets(data)

"""Any sensor that keeps to the Generic Health Sensor Profile, whatever it measures: what it observes says by codes what it is.

Flow: switch on 2B8B, 2BDD, 2A52 and 2BF4; read who the sensor is and what its clock (2BF2) shows; ask it by 2BF4 to send what it observes
live; ask for the last stored record and, if it is news, for all from the mark on; put observations together from their segments; listen
until it is silent, or says that it is ready to be disconnected (2B1E). A bundle is one reading for each of its members. What is stored
has a number in front; without it, it is what was or would have been sent live, so that both are one record. Security levels (2BF5) are
left to the stack, which pairs when it is refused.
Source: Generic Health Sensor Profile 1.0, chapter 4; Generic Health Sensor Service 1.0, 3.1 to 3.7; the answers of the control point by
another implementation's reading: the clause is to be read again.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from decimal import Decimal

from drivers import Batch, Coded, Command, Frame, GattDriver, GattLink, Key, Match, Observation, Ordinals, steps
from drivers.standard import control, reconnection, records
from profiles import acom
from profiles.download import Download, Mark
from profiles.floats import NoValue, Value
from profiles.gatt import elapsed_time as ets
from profiles.gatt import generic_health_sensor as ghss
from profiles.gatt.record_access import OpCode
from profiles.segments import Reassembler, Segment
from profiles.times import DateTime
from profiles.wire import DecodeError

_LIVE, _STORED, _POINT = ghss.LiveHealthObservations.uuid, ghss.StoredHealthObservations.uuid, ghss.GHSControlPoint.uuid
_NUMBER_OCTETS = 4
_NO_TIME = DateTime(None, None, None, 0, 0, 0)
_ENABLE = bytes((ghss.OpCode.ENABLE_LIVE_OBSERVATIONS,))
_NO_VALUE = acom.Status.INVALID | acom.Status.NOT_AVAILABLE


class _Sensor:
    """One session: puts observations together and knows how far the stored ones were read."""

    def __init__(self, link: GattLink) -> None:
        self._link = link
        self._segments = {_LIVE: Reassembler(), _STORED: Reassembler()}
        self._ordinals = Ordinals()
        self._taken: dict[int, DateTime] = {}
        self._damaged = False
        self.before = records.mark_of(link.mark)
        self.download = Download(self.before, width=_NUMBER_OCTETS, combines=True)

    def take(self, frame: Frame) -> tuple[Observation, ...]:
        """What this segment completes."""
        reassembler = self._segments.get(frame.characteristic)
        if reassembler is None or not frame.data:
            return ()
        whole, problem = reassembler.feed(Segment.of(frame.data))
        if problem is not None:
            self._link.reject(frame, problem)
            self._damaged = True
        if whole is None:
            return ()
        return self._stored(frame, whole) if frame.characteristic == _STORED else self._observed(frame, whole)

    def _stored(self, frame: Frame, whole: bytes) -> tuple[Observation, ...]:
        number = int.from_bytes(whole[:_NUMBER_OCTETS], "little")
        if number in self._taken:
            self.download.record(number, self._taken[number])
            return ()
        found = self._observed(frame, whole[_NUMBER_OCTETS:])
        self._taken[number] = next((moment for moment in map(_universal, found) if moment is not None), _NO_TIME)
        self.download.record(number, self._taken[number])
        return found

    def _observed(self, frame: Frame, octets: bytes) -> tuple[Observation, ...]:
        try:
            said = acom.decode(octets)
        except DecodeError as error:
            self._link.reject(frame, error)
            return ()
        way = frame.characteristic
        found = [self._reading(frame, one, octets + bytes((index,)), way) for index, one in enumerate(acom.single(said))]
        return tuple(item for item in found if item is not None)

    def _reading(self, frame: Frame, said: acom.Observation, raw: bytes, way: int) -> Observation | None:
        observed, components = _coded(said)
        if (said.status or 0) & _NO_VALUE or (observed.is_empty and not components):
            return None
        moment, offset = steps.elapsed(said.timestamp) if said.timestamp else (None, None)
        if moment is None:
            key = Key.episode(raw, self._ordinals.next(way, raw))
        else:
            key = Key.content(moment, said.patient, raw, self._ordinals.next(way, raw))
        return Observation(
            frame=frame,
            key=key,
            device_time=moment,
            utc_offset=offset,
            clock_not_set=said.timestamp is not None and not said.timestamp.flags & ets.Flags.CURRENT_TIMELINE,
            user_index=said.patient,
            status=steps.flag_names(said.status),
            observed=observed,
            components=components,
            supplemental=said.supplemental,
            seconds=_number(said.duration),
        )

    def mark(self) -> Mark | None:
        """How far it is read; None if something was damaged that did not come whole after all."""
        if self.download.missing or (self._damaged and self.download.announced is None):
            return None
        if not self._taken:
            return self.before
        number, moment = max(self._taken.items())
        return Mark(number, moment, number + 1)


def _universal(said: Observation) -> DateTime | None:
    """A clock that was taken to another zone has not gone back."""
    return said.device_time.plus_minutes(-(said.utc_offset or 0)) if said.device_time else None


def _number(value: Value | None) -> Decimal | None:
    return None if value is None or isinstance(value, NoValue) else value


def _coded(said: acom.Observation) -> tuple[Coded, tuple[Coded, ...]]:
    if isinstance(said.value, tuple):
        parts = tuple(_value(part.type, part.value) for part in said.value)
        return Coded(code=said.type), tuple(part for part in parts if not part.is_empty)
    return _value(said.type, said.value), ()


def _value(code: int | None, value: object) -> Coded:
    said = Coded(code=code)
    match value:
        case acom.Numeric():
            said = Coded(code=code, number=_number(value.value), dimension=value.unit)
        case acom.Discrete():
            said = Coded(code=code, terms=(value.code,))
        case acom.Events():
            said = Coded(code=code, terms=value.codes)
        case acom.Text():
            said = Coded(code=code, text=value.text)
        case acom.States():
            said = Coded(code=code, octets=value.state.to_bytes(value.size, "big"))
        case acom.SampleArray():
            said = Coded(code=code, samples=value.values, interval=_number(value.period), dimension=value.unit)
        case acom.Opaque():
            said = Coded(code=code, octets=value.octets)
    return said


async def read(link: GattLink) -> AsyncGenerator[Batch]:
    await link.subscribe(_LIVE, _STORED, records.POINT, _POINT, reconnection.SETTINGS)
    yield Batch(await steps.about(link))
    sensor = _Sensor(link)
    _, early = await control.ask(link, ghss.GHSControlPoint, _ENABLE, lambda said: said.opcode >= ghss.OpCode.RESPONSE_CODE)
    for frame in early:
        found = sensor.take(frame)
        if found:
            yield Batch(found)
    report = records.Report(link, sensor.download, "sensor")
    while link.has(records.POINT) and (reported := await report.next()) is not None:
        found = sensor.take(reported)
        if found:
            yield Batch(found)
    if link.has(records.POINT):
        if report.is_over:
            yield Batch(mark=records.stored(sensor.mark()))
        report.check()
    while (live := await link.receive()) is not None:
        if reconnection.is_ready(link, live):
            break
        found = sensor.take(live)
        if found:
            yield Batch(found)
    await steps.set_clock(link)


DRIVER = GattDriver(
    name="generic-health-sensor",
    label="Generic health sensor (standard profile)",
    match=Match(service=ghss.SERVICE),
    read=read,
    commands=(
        *records.READING,
        Command(records.POINT, bytes((OpCode.COMBINED_REPORT,))),
        Command(_POINT, _ENABLE),
        *steps.SET_CLOCK,
    ),
    streams=True,
)

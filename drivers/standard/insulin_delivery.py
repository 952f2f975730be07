"""Any insulin pump or pen that keeps to the Insulin Delivery Profile: read, and never steered.

Flow: switch on 2B20, 2B28 and 2B27; read who the device is, its features (2B23), status (2B21) and annunciation (2B22), of which the
owner is told what needs attention; ask for the history by sequence number from the mark on. A delivered bolus is a reading of its own,
every other event one under its name, with its octets. An event's moment is the reference time before it and its seconds; the last
reference is kept with the mark. Where the device protects its values, a wrong CRC is set aside and the same counter twice is a repetition.
The control points that change a therapy are on no list, and have no table in this program.
Source: Insulin Delivery Profile 1.0.1, chapter 4; Insulin Delivery Service 1.0.1, 4.1 to 4.9; `profiles/gatt/insulin_history.py` says
what is to be read again.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from drivers import Batch, Coded, Command, Frame, GattDriver, GattLink, Insulin, Key, Match, Notice, Observation, Quantity, Reading, steps
from drivers.standard import records
from profiles.download import Download, Mark
from profiles.floats import NoValue
from profiles.gatt import insulin_delivery as ids
from profiles.gatt import insulin_history as history
from profiles.gatt.record_access import RecordAccessControlPoint
from profiles.times import DateTime
from profiles.wire import DecodeError

_HISTORY, _CHANGED, _POINT = ids.IDDHistoryData.uuid, ids.IDDStatusChanged.uuid, ids.IDDRecordAccessControlPoint.uuid
_NUMBER_OCTETS = 4
_NO_TIME = DateTime(None, None, None, 0, 0, 0)
_COUNTERS = 255


class _Dialect(records.Plain):
    """Record access with the codes of this service, and its protection where the device has one."""

    point = _POINT

    def __init__(self, *, protected: bool) -> None:
        self._protected, self._counter = protected, 0

    def write(self, command: bytes) -> bytes:
        said = history.to_device(command)
        if not self._protected:
            return said
        self._counter = self._counter % _COUNTERS + 1
        return history.protected(said, self._counter)

    def read(self, link: GattLink, frame: Frame) -> RecordAccessControlPoint | None:
        try:
            data = history.unprotected(frame.data)[0] if self._protected else frame.data
            return history.from_device(ids.IDDRecordAccessControlPoint.decode(data))
        except (DecodeError, ValueError) as error:
            link.reject(frame, error)
            return None


class _Pump:
    """One session's history."""

    def __init__(self, link: GattLink, *, protected: bool) -> None:
        self._link, self._protected = link, protected
        self._counter: int | None = None
        self._taken: dict[int, DateTime] = {}
        self.before = records.mark_of(link.mark)
        self.download = Download(self.before, width=_NUMBER_OCTETS)
        kept = link.mark.get("reference")
        self._reference = records.moment_of(kept) if kept else None

    def take(self, frame: Frame) -> Reading | None:
        data = frame.data
        if self._protected:
            try:
                data, counter = history.unprotected(data)
            except ValueError as error:
                self._link.reject(frame, error)
                return None
            if counter == self._counter:
                return None  # sent twice
            self._counter = counter
        said = steps.decoded(self._link, ids.IDDHistoryData, replace(frame, data=data))
        if said is None:
            return None
        number = said.sequence_number
        self.download.record(number, _NO_TIME)
        if number in self._taken:
            return None
        self._taken[number] = _NO_TIME
        return self._understood(frame, said)

    def _understood(self, frame: Frame, said: ids.IDDHistoryData) -> Reading | None:
        try:
            event = history.event(said)
        except DecodeError as error:
            self._link.reject(frame, error)
            return None
        if isinstance(event, history.ReferenceTime):
            self._reference = event.date_time
            return None
        moment = self._moment(said.relative_offset)
        # The number alone may begin anew; a device does not say the same about it a second time.
        key = Key("sequence", (str(said.sequence_number), said.encode().hex()))
        if isinstance(event, history.BolusDelivered) and (amounts := _amounts(event)):
            fast, extended = amounts
            return Insulin(
                frame=frame,
                key=key,
                device_time=moment,
                sequence_number=said.sequence_number,
                kind=event.bolus_type.name.lower() if isinstance(event.bolus_type, history.BolusType) else "undetermined",
                amount=Quantity(fast + extended, "[iU]"),
                extended=Quantity(extended, "[iU]") if extended else None,
                seconds=Decimal(60 * event.duration) if extended else None,
            )
        name = said.event_type.name.lower() if isinstance(said.event_type, ids.HistoryEvent) else f"event_{int(said.event_type):04x}"
        coded = Coded(code=None, text=name, octets=said.event_data)
        return Observation(frame=frame, key=key, device_time=moment, sequence_number=said.sequence_number, observed=coded)

    def _moment(self, seconds: int) -> DateTime | None:
        naive = self._reference.naive() if self._reference else None
        try:
            return DateTime.of(naive + timedelta(seconds=seconds)) if naive else None
        except OverflowError:
            return None

    def mark(self) -> dict[str, Any] | None:
        """None if something that was announced has not come."""
        if self.download.missing:
            return None
        number = max(self._taken, default=None)
        mark = self.before if number is None else Mark(number, _NO_TIME, number + 1)
        kept = records.stored(mark)
        return kept | {"reference": [part or 0 for part in self._reference]} if kept and self._reference else kept


def _amounts(event: history.BolusDelivered) -> tuple[Decimal, Decimal] | None:
    """None for a bolus of which nothing was delivered."""
    fast, extended = (Decimal(0) if isinstance(value, NoValue) else value for value in (event.fast_amount, event.extended_amount))
    return (fast, extended) if fast + extended > 0 else None


_ATTENTION = (ids.AnnunciationState.PENDING, ids.AnnunciationState.SNOOZED)


async def _notices(link: GattLink) -> tuple[Notice, ...]:
    """What the device itself calls its owner's attention to. No amounts: they are his alone."""
    annunciation, _ = await steps.read(link, ids.IDDAnnunciationStatus)
    if annunciation is None or annunciation.state not in _ATTENTION or not isinstance(annunciation.type, ids.AnnunciationType):
        return ()
    return (Notice("annunciation", f"it calls for attention: {annunciation.type.name.lower().replace('_', ' ')}"),)


async def read(link: GattLink) -> AsyncGenerator[Batch]:
    await link.subscribe(_CHANGED, _HISTORY, _POINT)
    yield Batch(await steps.about(link))
    features, _ = await steps.read(link, ids.IDDFeatures)
    protected = features is not None and bool(features.features & ids.Feature.E2E_PROTECTION)
    notices = await _notices(link)
    if notices:
        yield Batch(notices)
    pump = _Pump(link, protected=protected)
    report = records.Report(link, pump.download, "insulin device", _Dialect(protected=protected))
    while link.has(_POINT) and (frame := await report.next()) is not None:
        found = pump.take(frame) if frame.characteristic == _HISTORY else None
        if found is not None:
            yield Batch((found,))
    if report.is_over:
        yield Batch(mark=pump.mark())
    report.check()


DRIVER = GattDriver(
    name="insulin-delivery",
    label="Insulin pump or pen (standard profile), read-only",
    match=Match(service=ids.SERVICE),
    read=read,
    commands=(
        Command(_POINT, bytes((ids.RecordOpCode.REPORT_STORED_RECORDS,))),
        Command(_POINT, bytes((ids.RecordOpCode.REPORT_NUMBER_OF_STORED_RECORDS,))),
        Command(_POINT, bytes((ids.RecordOpCode.ABORT_OPERATION,))),
    ),
)

"""Any cuff that keeps to the Blood Pressure Profile.

Flow: the cuff indicates its whole memory as soon as 2A35 is switched on, oldest or newest first, and then falls silent. All of it is
taken; which are new is the journal's question. A cuff of version 1.1 has the enhanced reading (2B34) in its place, with times in seconds;
if both come, they are one reading. If it stores records (2B36), those since the last visit are asked for, and put together from their
segments. Intermediate cuff pressure stays apart.
Source: Blood Pressure Profile 1.1.1, chapter 5; Blood Pressure Service 1.1.1, 3.1 to 3.7; on memory dumps,
derdilla/blood-pressure-monitor-fl#352.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace

from drivers import Batch, BloodPressure, Confused, Frame, GattDriver, GattLink, Intermediate, Key, Match, Ordinals, Quantity, steps
from drivers.standard import records
from drivers.standard.push import subscribe_if_permitted
from profiles.crc import strip_crc
from profiles.download import Download, Mark
from profiles.gatt import blood_pressure as bls
from profiles.segments import Reassembler, Segment
from profiles.times import DateTime

_UNITS = {"mmHg": "mm[Hg]", "kPa": "kPa"}
_LEGACY, _ENHANCED = bls.BloodPressureMeasurement, bls.EnhancedBloodPressureMeasurement
_RECORD = bls.BloodPressureRecord.uuid
_NO_TIME = DateTime(None, None, None, 0, 0, 0)
Item = BloodPressure | Intermediate


class _Cuff:
    """One session: counts identical readings of each way they come by, puts records together, and knows how far they were read."""

    def __init__(self, link: GattLink, *, with_crc: bool) -> None:
        self._link, self._with_crc = link, with_crc
        self._ordinals = Ordinals()
        self._segments = Reassembler()
        self.before = records.mark_of(link.mark)
        self.download = Download(self.before)
        self._taken: dict[int, DateTime] = {}
        """Records that came whole, with the time that they say."""
        self._number: int | None = None
        """Of the record that is being put together."""
        self._again: int | None = None
        """The first record that did not arrive whole: the next download begins there."""

    def take(self, frame: Frame) -> Item | None:
        """What this frame completes."""
        if frame.characteristic == bls.IntermediateCuffPressure.uuid:
            return _intermediate(frame, steps.decoded(self._link, bls.IntermediateCuffPressure, frame))
        if frame.characteristic == bls.EnhancedIntermediateCuffPressure.uuid:
            return _intermediate(frame, steps.decoded(self._link, bls.EnhancedIntermediateCuffPressure, frame))
        if frame.characteristic == _RECORD:
            return self._record(frame)
        return self._reading(frame, frame.characteristic)

    def _record(self, frame: Frame) -> BloodPressure | None:
        try:
            plain = strip_crc(frame.data) if self._with_crc else frame.data
        except ValueError as error:
            self._link.reject(frame, error)
            self._ask_again(self.before.next_wanted if self.before else 0)  # it does not say which one it was
            return None
        said = steps.decoded(self._link, bls.BloodPressureRecord, replace(frame, data=plain))
        if said is None:
            return None
        whole, problem = self._segments.feed(Segment(said.first_segment, said.last_segment, said.segment_counter, said.recorded_data))
        if problem is not None:
            self._link.reject(frame, problem)
            self._ask_again(said.sequence_number if self._number is None else self._number)
        self._number = said.sequence_number if self._segments.waiting else None
        if whole is None:
            return None
        number = said.sequence_number
        if number in self._taken:
            self.download.record(number, self._taken[number])
            return None  # asked for twice
        reading = self._reading(replace(frame, characteristic=said.characteristic, data=whole), _RECORD)
        self._taken[number] = (reading.device_time if reading else None) or _NO_TIME
        self.download.record(number, self._taken[number])
        return reading  # without its number: its twin, indicated when it was measured, has none

    def _reading(self, frame: Frame, way: int) -> BloodPressure | None:
        """`way`: the characteristic by which it came. Twins of two ways have the same key, two equal readings of one way have not."""
        said: bls.BloodPressureMeasurement | bls.EnhancedBloodPressureMeasurement | None
        if frame.characteristic == _LEGACY.uuid:
            said = legacy = steps.decoded(self._link, _LEGACY, frame)
            moment, at = (legacy.timestamp, 14 if legacy.timestamp is not None else 7) if legacy else (None, 0)
        else:
            said = enhanced = steps.decoded(self._link, _ENHANCED, frame)
            at = 11 if enhanced and enhanced.timestamp_seconds is not None else 7
            moment = (enhanced.user_facing_time or enhanced.timestamp) if enhanced else None
        if said is None:
            return None
        unit = _UNITS[said.unit]
        systolic, diastolic = steps.quantity(said.systolic, unit), steps.quantity(said.diastolic, unit)
        if systolic is None or diastolic is None:
            return None  # NaN stands for a failed measurement (BLS 1.1.1, 3.1.1.2)
        user = None if said.user_id == bls.USER_UNKNOWN else said.user_id
        measured = frame.data[1:7] + (frame.data[at : at + 2] if said.pulse_rate is not None else b"")
        if moment is None:
            key = Key.episode(measured, self._ordinals.next(way, measured))
        else:
            key = Key.content(moment, user, measured, self._ordinals.next(way, moment, user, measured))
        return BloodPressure(
            frame=frame,
            key=key,
            device_time=moment,
            user_index=user,
            status=steps.flag_names(said.status),
            systolic=systolic,
            diastolic=diastolic,
            mean=steps.quantity(said.mean_arterial, unit),
            pulse=_pulse(said),
        )

    def mark(self) -> Mark | None:
        """After a whole download, or one of which it is known which record did not come whole; None if it cannot be told."""
        if self.download.missing and self._again is None:
            return None
        if not self._taken:
            return self.before
        number = max(self._taken)  # in a second report the last one need not be the highest
        moment = self._taken[number]
        if self._segments.waiting and self._number is not None:
            self._ask_again(self._number)
        # All that was announced has come, if need be the second time.
        came = self._again is None or (self.download.announced is not None and not self.download.missing)
        return Mark(number, moment, number + 1 if came else min(self._again or 0, number + 1))

    def _ask_again(self, number: int) -> None:
        self._again = number if self._again is None else min(self._again, number)


def _intermediate(frame: Frame, said: bls.IntermediateCuffPressure | bls.EnhancedIntermediateCuffPressure | None) -> Intermediate | None:
    pressure = steps.quantity(said.cuff_pressure, _UNITS[said.unit]) if said else None
    return Intermediate(frame, pressure) if pressure else None


def _pulse(said: bls.BloodPressureMeasurement | bls.EnhancedBloodPressureMeasurement) -> Quantity | None:
    return steps.quantity(said.pulse_rate, "/min")


async def read(link: GattLink) -> AsyncGenerator[Batch]:
    enhanced, stores = link.has(_ENHANCED.uuid), link.has(_RECORD) and link.has(records.POINT)
    await link.subscribe(_ENHANCED.uuid if enhanced else _LEGACY.uuid, *((_RECORD, records.POINT) if stores else ()))
    await subscribe_if_permitted(link, bls.EnhancedIntermediateCuffPressure.uuid if enhanced else bls.IntermediateCuffPressure.uuid)
    yield Batch(await steps.about(link))
    feature, _ = await steps.read(link, bls.BloodPressureFeature) if stores else (None, None)
    hidden = stores and feature is None
    stores = stores and not hidden
    cuff = _Cuff(link, with_crc=feature is not None and bool(feature.features & bls.Feature.E2E_CRC))
    report = records.Report(link, cuff.download, "cuff")
    while stores and (frame := await report.next()) is not None:
        item = cuff.take(frame)
        if item is not None:
            yield Batch((item,))
    if stores and report.is_over:
        yield Batch(mark=records.stored(cuff.mark()))
    if stores:
        report.check()
    while (frame := await link.receive()) is not None:
        item = cuff.take(frame) if frame.characteristic != records.POINT and not (hidden and frame.characteristic == _RECORD) else None
        if item is not None:
            yield Batch((item,))
    if hidden:
        raise Confused("the cuff does not tell its features (2A49), without which its stored records cannot be read safely")
    await steps.set_clock(link)


DRIVER = GattDriver(
    name="blood-pressure",
    label="Blood pressure cuff (standard profile)",
    match=Match(service=bls.SERVICE),
    read=read,
    commands=(*records.COMMANDS[:2], *steps.SET_CLOCK),
)

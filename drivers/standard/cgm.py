"""Any glucose sensor that keeps to the Continuous Glucose Monitoring Profile.

Flow: switch on 2AA7 and 2A52; read who the sensor is, what its clock shows, when its session began (2AAA) and what it measures (2AA8);
tell its wearer what its status (2AA9), run time (2AAB) and communication interval (2AAC) call for; ask for the records from the minute on
up to which it was read, or for all of a new session; take what is notified, several records at a time, and what is measured meanwhile. A
record's time is the session's start and its offset in minutes. Nothing is written but these requests: calibrations, alerts and the
session itself are the wearer's.
Source: Continuous Glucose Monitoring Profile 1.0.2, chapter 4; Continuous Glucose Monitoring Service 1.0.2, 3.1 to 3.6.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from drivers import Batch, Command, Confused, Frame, GattDriver, GattLink, Glucose, Key, Match, Notice, Quantity, steps
from drivers.standard import control, records
from profiles.crc import append_crc
from profiles.download import Download
from profiles.floats import NoValue, Value
from profiles.gatt import cgm as cgms
from profiles.gatt import cgm_control as socp
from profiles.gatt.glucose import SampleType
from profiles.gatt.record_access import report_all, report_from
from profiles.times import DateTime

_MEASUREMENT = cgms.CGMMeasurement.uuid


def reading(said: cgms.CGMRecord, frame: Frame, start: DateTime, feature: cgms.CGMFeature | None) -> Glucose | None:
    """None for a record without a number."""
    if isinstance(said.glucose, NoValue):
        return None
    return Glucose(
        frame=frame,
        key=Key.sequence(said.time_offset, start),
        device_time=start.plus_minutes(said.time_offset) or start,
        sequence_number=said.time_offset,
        status=steps.flag_names(said.status, said.calibration, said.warning),
        concentration=Quantity(said.glucose, "mg/dL"),
        sample_type=_name(feature.type) if feature else None,
        sample_location=_name(feature.location) if feature else None,
        context={**_text("trend", said.trend, "mg/dL/min"), **_text("quality", said.quality, "%")},
    )


def _name(code: object) -> str | None:
    return code.name.lower() if isinstance(code, SampleType | cgms.SampleLocation) else None


def _text(name: str, value: Value | None, unit: str) -> dict[str, str]:
    return {} if value is None or isinstance(value, NoValue) else {name: f"{value:f} {unit}"}


class _Session:
    """What was taken of one session, and how far it is read."""

    def __init__(self, start: DateTime, feature: cgms.CGMFeature | None, mark: Any) -> None:
        self._start, self._feature = start, feature
        self._moment = [part or 0 for part in start]
        known = mark if mark and mark["start"] == self._moment else None
        self.next_wanted: int = known["next_wanted"] if known else 0
        self._ahead, self._damaged = self.next_wanted, False

    def take(self, link: GattLink, frame: Frame, download: Download) -> tuple[Glucose, ...]:
        said = steps.decoded(link, cgms.CGMMeasurement, frame)
        if said is None:
            self._damaged = True
            return ()
        for record in said.records:
            download.came(record.time_offset)
        self._ahead = max(self._ahead, *(record.time_offset + 1 for record in said.records))
        found = [reading(record, frame, self._start, self._feature) for record in said.records]
        return tuple(item for item in found if item is not None)

    def mark(self, *, whole: bool = False) -> dict[str, Any]:
        """Moves on over what came whole: with a wrong CRC it is not known which records those were. `whole`: all that was announced has
        come, if need be the second time.
        """
        self._damaged = self._damaged and not whole
        if not self._damaged:
            self.next_wanted = self._ahead
        return {"start": self._moment, "next_wanted": self.next_wanted}


_ATTENTION = {
    cgms.Status.SESSION_STOPPED: "its session has stopped",
    cgms.Status.DEVICE_BATTERY_LOW: "its battery is low",
    cgms.Status.SENSOR_TYPE_INCORRECT: "a sensor of another type is attached",
    cgms.Status.SENSOR_MALFUNCTION: "its sensor does not work",
    cgms.Status.GENERAL_DEVICE_FAULT: "it has a fault",
    cgms.Status.CALIBRATION_REQUIRED: "it wants to be calibrated",
}
_INTERVAL = bytes((socp.OpCode.GET_COMMUNICATION_INTERVAL,))
_LAST_MINUTES = 24 * 60


async def _state(link: GattLink, *, with_crc: bool) -> tuple[tuple[Notice, ...], list[Frame]]:
    """What its wearer should know of the sensor, and what it sent while it was asked. Alerts are his own affair and not touched."""
    found: list[Notice] = []
    status, _ = await steps.read(link, cgms.CGMStatus)
    if status is not None:
        found += [Notice(str(bit.name).lower(), text) for bit, text in _ATTENTION.items() if status.status & bit]
    runs, _ = await steps.read(link, cgms.CGMSessionRunTime)
    if status is not None and runs is not None and runs.hours * 60 - status.time_offset <= _LAST_MINUTES:
        found.append(Notice("sensor-ends", "its sensor's time ends within a day"))
    request = append_crc(_INTERVAL) if with_crc else _INTERVAL
    answer, meanwhile = await control.ask(link, socp.CGMSpecificOpsControlPoint, request, _is_interval)
    said = answer.parameters if answer is not None else None
    if isinstance(said, socp.CommunicationInterval) and said.communication_interval == 0:
        found.append(Notice("interval-off", "it tells nothing by itself: its communication interval is off"))
    return tuple(found), meanwhile


def _is_interval(said: socp.CGMSpecificOpsControlPoint) -> bool:
    parameters = said.parameters
    refused = isinstance(parameters, socp.Response) and parameters.request_opcode == socp.OpCode.GET_COMMUNICATION_INTERVAL
    return refused or said.opcode == socp.OpCode.COMMUNICATION_INTERVAL_RESPONSE


async def read(link: GattLink) -> AsyncGenerator[Batch]:
    await link.subscribe(_MEASUREMENT, records.POINT, socp.CGMSpecificOpsControlPoint.uuid)
    yield Batch(await steps.about(link))
    start, _ = await steps.read(link, cgms.CGMSessionStartTime)
    feature, _ = await steps.read(link, cgms.CGMFeature)
    if start is None:
        raise Confused("the sensor does not say when its session began: is it started?")
    session = _Session(start.start_time, feature, link.mark)
    notices, meanwhile = await _state(link, with_crc=feature is not None and bool(feature.features & cgms.Feature.E2E_CRC))
    if notices:
        yield Batch(notices)

    download = Download(None, begin=report_from(session.next_wanted) if session.next_wanted else report_all())
    for early in meanwhile:
        found = session.take(link, early, download) if early.characteristic == _MEASUREMENT else ()
        if found:
            yield Batch(found)
    report = records.Report(link, download, "sensor")
    while (frame := await report.next()) is not None:
        found = session.take(link, frame, download)
        if found:
            yield Batch(found)
    if report.is_over:
        yield Batch(mark=session.mark(whole=download.announced is not None and not download.missing))
    report.check()
    while (frame := await link.receive()) is not None:
        found = session.take(link, frame, download) if frame.characteristic == _MEASUREMENT else ()
        if found:
            yield Batch(found, mark=session.mark())


DRIVER = GattDriver(
    name="cgm",
    label="Continuous glucose sensor (standard profile)",
    match=Match(service=cgms.SERVICE),
    read=read,
    commands=(*records.READING, Command(socp.CGMSpecificOpsControlPoint.uuid, _INTERVAL)),
)

"""Any oximeter that keeps to the Pulse Oximeter Profile.

Flow: switch on the spot-check (2A5E), the continuous values (2A5F) and, if the oximeter stores, the control point (2A52); read who it is
and what its clock shows; ask for all stored records, the only request the profile knows; take what comes until it is silent. Of the
continuous values a minute makes one reading, its mean and extremes with every value as a sample; values that the oximeter itself calls
invalid are left out.
Source: Pulse Oximeter Profile 1.0.1, chapters 4 and 5; Pulse Oximeter Service 1.0.1, 3.1.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from drivers import Batch, Frame, GattDriver, GattLink, Key, Match, Ordinals, OxygenSaturation, steps
from drivers.standard import records
from drivers.standard.period import Period
from drivers.standard.push import subscribe_if_permitted
from profiles.download import Download
from profiles.gatt import pulse_oximeter as plxs
from profiles.gatt.record_access import OpCode, Operator

_UNUSABLE = plxs.MeasurementStatus.MEASUREMENT_UNAVAILABLE | plxs.MeasurementStatus.INVALID_MEASUREMENT
_NO_FINGER = plxs.SensorStatus.SENSOR_UNCONNECTED_TO_USER | plxs.SensorStatus.SENSOR_DISCONNECTED
_CONTINUOUS = plxs.PLXContinuousMeasurement.uuid


def understand(link: GattLink, frame: Frame, ordinals: Ordinals) -> OxygenSaturation | None:
    said = steps.decoded(link, plxs.PLXSpotCheckMeasurement, frame)
    spo2 = steps.quantity(said.spo2, "%") if said else None
    if said is None or spo2 is None or (said.measurement_status or 0) & _UNUSABLE:
        return None
    measured = frame.data[1:5]
    if said.timestamp is None:
        key = Key.episode(measured, ordinals.next(measured))
    else:
        key = Key.content(said.timestamp, None, measured, ordinals.next(said.timestamp, measured))
    return OxygenSaturation(
        frame=frame,
        key=key,
        device_time=said.timestamp,
        clock_not_set=said.device_clock_not_set,
        status=steps.flag_names(said.measurement_status, said.sensor_status),
        spo2=spo2,
        pulse=steps.quantity(said.pulse_rate, "/min"),
        pulse_amplitude_index=steps.quantity(said.pulse_amplitude_index, "%"),
    )


class _Continuous:
    """Values that come one by one while a finger is in, summed up by the minute."""

    def __init__(self) -> None:
        self._period: Period | None = None
        self._status: dict[str, None] = {}
        """Every bit that was set in this minute."""

    def take(self, link: GattLink, frame: Frame) -> OxygenSaturation | None:
        """The minute before, if this value is no longer of it."""
        said = steps.decoded(link, plxs.PLXContinuousMeasurement, frame)
        spo2 = steps.quantity(said.spo2, "%") if said else None
        if said is None or spo2 is None or (said.measurement_status or 0) & _UNUSABLE or (said.sensor_status or 0) & _NO_FINGER:
            return None
        over = self.end() if self._period and self._period.is_over(frame) else None
        period = self._period = self._period or Period(frame)
        period.add(frame, "oxygen_saturation", spo2.value)
        self._status |= dict.fromkeys(steps.flag_names(said.measurement_status, said.sensor_status))
        if (pulse := steps.quantity(said.pulse_rate, "/min")) is not None:
            period.add(frame, "pulse_rate", pulse.value)
        if (amplitude := steps.quantity(said.pulse_amplitude_index, "%")) is not None:
            period.add(frame, "pulse_amplitude_index", amplitude.value)
        return over

    def end(self) -> OxygenSaturation | None:
        period, self._period = self._period, None
        status, self._status = tuple(self._status), {}
        if period is None:
            return None
        lowest, highest = period.extremes("oxygen_saturation", "%")
        return OxygenSaturation(
            frame=period.first,
            key=period.key,
            status=status,
            spo2=period.mean("oxygen_saturation", "%"),
            pulse=period.mean("pulse_rate", "/min") if period.values("pulse_rate") else None,
            pulse_amplitude_index=period.mean("pulse_amplitude_index", "%") if period.values("pulse_amplitude_index") else None,
            lowest=lowest,
            highest=highest,
            samples=len(period.values("oxygen_saturation")),
            seconds=period.seconds,
            series=period.series(oxygen_saturation="%", pulse_rate="/min"),
        )


def _take(link: GattLink, frame: Frame, ordinals: Ordinals, continuous: _Continuous, download: Download | None) -> OxygenSaturation | None:
    if frame.characteristic == _CONTINUOUS:
        return continuous.take(link, frame)
    if download is not None:
        download.came(frame.data, ordinals.next("came", frame.data))
    return understand(link, frame, ordinals)


async def read(link: GattLink) -> AsyncGenerator[Batch]:
    await link.subscribe(plxs.PLXSpotCheckMeasurement.uuid, records.POINT)
    await subscribe_if_permitted(link, _CONTINUOUS)
    yield Batch(await steps.about(link))

    ordinals, continuous = Ordinals(), _Continuous()
    download = Download(None)
    report = records.Report(link, download, "oximeter")
    rounds = 0
    while link.has(records.POINT) and (frame := await report.next()) is not None:
        if report.rounds > rounds:
            ordinals, rounds = Ordinals(), report.rounds  # all of them, once more from the first
        taken = _take(link, frame, ordinals, continuous, download)
        if taken is not None:
            yield Batch((taken,))
    # And on: somebody may be taking a measurement just now.
    while (frame := await link.receive()) is not None:
        taken = _take(link, frame, ordinals, continuous, None) if frame.characteristic != records.POINT else None
        if taken is not None:
            yield Batch((taken,))
    if (last := continuous.end()) is not None:
        yield Batch((last,))
    if not report.is_silent:  # some tell all they have and never end
        report.check()
    if link.policy.forget and rounds and report.is_whole:
        yield Batch()
        await records.delete(link, bytes((OpCode.DELETE_STORED_RECORDS, Operator.ALL_RECORDS)))
    await steps.set_clock(link)


DRIVER = GattDriver(
    name="pulse-oximeter",
    label="Pulse oximeter (standard profile)",
    match=Match(service=plxs.SERVICE),
    read=read,
    commands=(*records.COMMANDS, *steps.SET_CLOCK),
    streams=True,
)

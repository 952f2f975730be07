"""Any oximeter that keeps to the Pulse Oximeter Profile.

Flow: switch on the spot-check (2A5E) and, if the oximeter stores, the control point (2A52); read who it is and what
its clock shows; ask for all stored records, the only request the profile knows; take what is indicated until it is
silent. Streaming values (2A5F) belong to live use and are not subscribed to.
Source: Pulse Oximeter Profile 1.0.1, chapters 4 and 5; Pulse Oximeter Service 1.0.1, 3.1.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from drivers import Batch, Confused, Frame, GattDriver, GattLink, Key, Match, Ordinals, OxygenSaturation, steps
from drivers.standard import records
from profiles.gatt import pulse_oximeter as plxs
from profiles.gatt.record_access import OpCode, Operator, ResponseCode, report_all

_UNUSABLE = plxs.MeasurementStatus.MEASUREMENT_UNAVAILABLE | plxs.MeasurementStatus.INVALID_MEASUREMENT
_GOOD = (ResponseCode.SUCCESS, ResponseCode.NO_RECORDS_FOUND)


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


async def read(link: GattLink) -> AsyncGenerator[Batch]:
    await link.subscribe(plxs.PLXSpotCheckMeasurement.uuid, records.POINT)
    about = [item for item in (await steps.device_information(link), await steps.device_clock(link)) if item is not None]
    yield Batch(tuple(about))

    if link.has(records.POINT):
        await link.write(records.POINT, report_all())
    ordinals = Ordinals()
    outcome: int | None = None
    while (frame := await link.receive()) is not None:
        if frame.characteristic != records.POINT:
            taken = understand(link, frame, ordinals)
            if taken is not None:
                yield Batch((taken,))
            continue
        answer = records.point(link, frame)
        if answer is not None and answer.request_opcode == OpCode.REPORT_STORED_RECORDS:
            outcome = answer.response_code  # and on: somebody may be taking a measurement just now
    if outcome not in (None, *_GOOD):
        raise Confused(f"the oximeter did not report its records: {outcome!r}")
    if link.policy.forget and outcome == ResponseCode.SUCCESS:
        yield Batch()
        await records.delete(link, bytes((OpCode.DELETE_STORED_RECORDS, Operator.ALL_RECORDS)))
    await steps.set_clock(link)


DRIVER = GattDriver(
    name="pulse-oximeter",
    label="Pulse oximeter (standard profile)",
    match=Match(service=plxs.SERVICE),
    read=read,
    commands=(*records.COMMANDS, *steps.SET_CLOCK),
)

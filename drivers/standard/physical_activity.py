"""Any activity monitor that keeps to the Physical Activity Monitor Profile.

Flow: switch on the step summaries (2B40), the session descriptors (2B45) and the control point (2B43); read who the monitor is and what its
clock shows; enquire which sessions it has, and get the data of each ended one that was not read before; then listen until it is silent. A
step summary is one reading: the steps that the monitor counted, the distance, how long it was worn. Of the general, cardiorespiratory and
sleep summaries only the head is decoded so far, and they are not asked for. Sessions are never started, stopped or deleted.
Source: Physical Activity Monitor Profile 1.0, chapter 4; Physical Activity Monitor Service 1.0, 3.1 to 3.11. That the parameter of "get
ended session data" is the session's number, and that a summary says nothing of the day, are to be read again: it is filed under the time at
which it was received.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from decimal import Decimal
from typing import Any

from drivers import Batch, Command, Exercise, Frame, GattDriver, GattLink, Key, Match, Quantity, steps
from drivers.standard import control
from profiles.gatt import physical_activity as pams

_STEPS, _SESSION = pams.StepCounterActivitySummaryData.uuid, pams.PhysicalActivitySessionDescriptor.uuid
_POINT = pams.PhysicalActivityMonitorControlPoint.uuid
_ENQUIRE, _GET = bytes((pams.OpCode.ENQUIRE_SESSIONS,)), bytes((pams.OpCode.GET_ENDED_SESSION_DATA,))
_ENQUIRED = (pams.OpCode.ENQUIRE_SESSIONS_SUCCESS_RESPONSE, pams.OpCode.ENQUIRE_SESSIONS_ERROR_RESPONSE)
_GOT = (pams.OpCode.GET_ENDED_SESSION_DATA_SUCCESS_RESPONSE, pams.OpCode.GET_ENDED_SESSION_DATA_ERROR_RESPONSE)
MOST_REMEMBERED = 256
"""Sessions that were read; a monitor holds some weeks."""


class _Monitor:
    """One session of ours: the sessions of theirs that are there, and what they were."""

    def __init__(self, link: GattLink) -> None:
        self._link = link
        self._read: list[int] = list(link.mark.get("read", ()))
        self._activities: dict[int, str] = {}
        self.ended: list[int] = []
        """Complete, and not read before."""

    def take(self, frame: Frame) -> Exercise | None:
        if frame.characteristic == _SESSION:
            said = steps.decoded(self._link, pams.PhysicalActivitySessionDescriptor, frame)
            if said is not None:
                self._activities[said.session_id] = _activity(said.activity_type)
                if said.status == pams.SessionStatus.COMPLETE and said.session_id not in (*self._read, *self.ended):
                    self.ended.append(said.session_id)
            return None
        if frame.characteristic != _STEPS:
            return None
        summary = steps.decoded(self._link, pams.StepCounterActivitySummaryData, frame)
        return None if summary is None else self._summed(frame, summary)

    def _summed(self, frame: Frame, said: pams.StepCounterActivitySummaryData) -> Exercise | None:
        walked = (said.normal_walking_steps, said.intensity_steps)
        counted = {
            "steps": None if walked == (None, None) else sum(part or 0 for part in walked),
            "floor-steps": said.floor_steps,
        }
        details = {name: Quantity(Decimal(value), "1") for name, value in counted.items() if value is not None}
        if said.distance is not None:
            details["distance"] = Quantity(Decimal(said.distance), "m")
        if not details:
            return None
        # Numbers begin anew when the monitor is reset; it does not say the same of them a second time.
        key = Key("sequence", (str(said.session_id), str(said.sub_session_id), str(said.sequence_number), frame.data.hex()))
        return Exercise(
            frame=frame,
            key=key,
            sequence_number=said.sequence_number,
            activity=self._activities.get(said.session_id, "unspecified"),
            seconds=Decimal(said.worn_duration if said.worn_duration is not None else said.relative_timestamp),
            details=details,
        )

    def done(self, session: int) -> dict[str, Any]:
        self._read = [*self._read, session][-MOST_REMEMBERED:]
        return {"read": self._read}


def _activity(code: pams.Activity | int) -> str:
    return code.name.lower().replace("_", "-") if isinstance(code, pams.Activity) else "unknown"


async def read(link: GattLink) -> AsyncGenerator[Batch]:
    await link.subscribe(_STEPS, _SESSION, _POINT)
    yield Batch(await steps.about(link))
    monitor = _Monitor(link)
    _, meanwhile = await control.ask(link, pams.PhysicalActivityMonitorControlPoint, _ENQUIRE, lambda said: said.opcode in _ENQUIRED)
    found = tuple(item for item in map(monitor.take, meanwhile) if item is not None)
    if found:
        yield Batch(found)
    while monitor.ended:
        session = monitor.ended.pop(0)
        answer, meanwhile = await control.ask(
            link, pams.PhysicalActivityMonitorControlPoint, _GET + session.to_bytes(2, "little"), lambda said: said.opcode in _GOT
        )
        found = tuple(item for item in map(monitor.take, meanwhile) if item is not None)
        whole = answer is not None and answer.opcode == pams.OpCode.GET_ENDED_SESSION_DATA_SUCCESS_RESPONSE
        if found or whole:
            yield Batch(found, mark=monitor.done(session) if whole else None)
    while (frame := await link.receive()) is not None:
        live = monitor.take(frame)
        if live is not None:
            yield Batch((live,))
    await steps.set_clock(link)


DRIVER = GattDriver(
    name="physical-activity",
    label="Activity monitor (standard profile)",
    match=Match(service=pams.SERVICE),
    read=read,
    commands=(Command(_POINT, _ENQUIRE), Command(_POINT, _GET), *steps.SET_CLOCK),
    streams=True,
)

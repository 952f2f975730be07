"""Our side of an association, sans-IO: it is told what comes, and that nothing came in time; it says what to send.

Source: the state table of IEEE 11073-20601 as signove/antidote has it, and what its agents do on the wire. Where the standard would
abort over something that costs no data (a request that the device does not know), this manager goes on.

Invariants:
- a device is told that something has arrived only by what stands in `Step.confirmations`, apart from everything else;
- one request is open at a time; many devices have room for one;
- every wait ends: `seconds` says when, and `silent()` what then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum

from profiles.phd import apdu as apdus
from profiles.phd import mder, store
from profiles.phd.apdu import Aarq, Abrt, Prst, Rlre, Rlrq
from profiles.phd.association import Association, EventReport, Heard
from profiles.phd.attributes import TICKS_A_SECOND, TimeInfo, bcd
from profiles.phd.codes import (
    AGENT_INITIATED,
    MDS_HANDLE,
    MEASURING,
    Abort,
    Action,
    Associated,
    Attribute,
    Choice,
    Event,
    Release,
    RorjProblem,
    Verdict,
)
from profiles.phd.objects import Configuration, standard
from profiles.phd.requests import RESPONSE_SECONDS, Request, Requests, Step
from profiles.times import DateTime
from profiles.wire import DecodeError

CONFIGURATION_SECONDS, RELEASE_SECONDS = 10.0, 3.0
LONGEST_SECONDS = 120.0
"""Whatever time a device asks for."""
MOST_OFFERS = 3
"""Configurations offered in one association that we can do nothing with: some offer the same for ever."""


class State(Enum):
    UNASSOCIATED = "unassociated"
    WAITING_FOR_CONFIG = "waiting for config"
    OPERATING = "operating"
    DISASSOCIATING = "disassociating"


class Manager:
    """For one link. `remembered`: configurations by system id and number, as `Step.configured` gave them."""

    def __init__(
        self,
        system_id: bytes,
        remembered: Mapping[tuple[bytes, int], Configuration] | None = None,
        *,
        clear: bool = False,
    ) -> None:
        """`clear`: have the device empty its stores when they have been read."""
        self._system_id, self._clear = system_id, clear
        self._remembered = dict(remembered or {})
        self.association = Association()
        self.state = State.UNASSOCIATED
        self._asked: Aarq | None = None
        self._requests = Requests()
        self._now = 0.0
        self._offers = 0
        self._expected: tuple[int, int] | None = None
        """The store and the segment whose events are on their way."""
        self._was_cut = False
        self._out_of_turn = 0
        self._set_time: Callable[[], DateTime] | None = None

    # -- what the owner of the link asks -------------------------------------------------------------------------------

    @property
    def seconds(self) -> float:
        """How long to wait for the next APDU before `silent()`; 0: as long as the link's owner likes."""
        if self._requests.open is not None:
            return self._requests.open.seconds
        if self.state is State.WAITING_FOR_CONFIG:
            return CONFIGURATION_SECONDS
        if self.state is State.DISASSOCIATING:
            return RELEASE_SECONDS
        if self._expected is not None:
            return self._timeout_of(self._expected[0], Attribute.TRANSFER_TIMEOUT)
        return 0.0

    def set_time(self, now: Callable[[], DateTime]) -> None:
        """Set the device's clock, once everything stored has been read; if it can be set."""
        self._set_time = now

    def release(self) -> Step:
        """End the association in good order."""
        step = Step()
        if self.state in (State.OPERATING, State.WAITING_FOR_CONFIG):
            self._forget_requests()
            self.state = State.DISASSOCIATING
            step.send.append(apdus.rlrq(Release.NORMAL))
        return step

    def silent(self) -> Step | None:
        """Nothing came for `seconds`. None: there is nothing to wait for."""
        step = Step()
        self._now += self.seconds
        if self._requests.give_up(step):
            self._next(step)
            return step
        if self.state is State.WAITING_FOR_CONFIG:
            return self._abort(step, Abort.CONFIGURATION_TIMEOUT, "it did not send its configuration")
        if self.state is State.DISASSOCIATING:
            return self._abort(step, Abort.UNDEFINED, "released, without its answer")
        if self._expected is not None:
            return self._abort(step, Abort.RESPONSE_TIMEOUT, "a stored segment did not come to its end")
        return self.release() if self.state is State.OPERATING else None

    # -- what comes ----------------------------------------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> Step:
        """One whole APDU, and when it came, in seconds of any clock. Raises `DecodeError` for one that cannot be read; the device is
        answered by `refuse`.
        """
        self._now = now
        said = apdus.read(data)
        if isinstance(said, Aarq):
            return self._associate(said)
        step = Step()
        if isinstance(said, Prst) and self.state is not State.UNASSOCIATED:
            step.heard = self.association.take(said)
            self._data(step, said, step.heard)
            if self._requests.give_up(step, now):
                self._next(step)
            return step
        step.heard = Heard(said)
        return self._envelope(step, said)

    def _envelope(self, step: Step, said: apdus.Apdu) -> Step:
        if isinstance(said, Rlrq):
            step.send.append(apdus.rlre())
            return self._end(step, f"released by the device ({_reason(Release, said.reason)})")
        if isinstance(said, Abrt):
            return self._end(step, f"aborted by the device ({_reason(Abort, said.reason)})")
        if isinstance(said, Rlre) and self.state is State.UNASSOCIATED:
            return step
        if isinstance(said, Rlre) and self.state is State.DISASSOCIATING:
            return self._end(step, "released")
        if self.state is State.UNASSOCIATED:
            self._out_of_turn += 1
            if self._out_of_turn > MOST_OFFERS:
                return step  # two that abort each other would do so for ever
        return self._abort(step, Abort.UNDEFINED, "it spoke out of turn")

    def _data(self, step: Step, said: Prst, heard: Heard) -> None:
        if said.choice in (Choice.ROIV_EVENT_REPORT, Choice.ROIV_CONFIRMED_EVENT_REPORT):
            self._reported(step, said, heard)
        elif said.choice >= Choice.RORS_CONFIRMED_EVENT_REPORT:
            if self._requests.answer(step, said.invoke_id, None if said.choice in (Choice.ROER, Choice.RORJ) else heard):
                self._next(step)
        else:
            step.send.append(apdus.prst(said.invoke_id, Choice.RORJ, mder.u16(RorjProblem.UNRECOGNIZED_OPERATION)))

    def refuse(self, data: bytes) -> Step:
        """What to answer to an APDU that `receive` could not read: the association goes on, if the envelope says which one it was."""
        step = Step()
        if self.state is State.UNASSOCIATED:
            step.send.append(apdus.abrt(Abort.UNDEFINED))
            return step
        try:
            said = apdus.read(data)
        except DecodeError:
            return self._abort(step, Abort.UNDEFINED, "an APDU that is none")
        if isinstance(said, Prst) and said.choice == Choice.ROIV_CONFIRMED_EVENT_REPORT:
            step.send.append(apdus.prst(said.invoke_id, Choice.RORJ, mder.u16(RorjProblem.BADLY_STRUCTURED_APDU)))
        elif isinstance(said, Prst) and self._requests.answer(step, said.invoke_id, None):
            self._next(step)
        return step

    # -- association ---------------------------------------------------------------------------------------------------

    def _associate(self, said: Aarq) -> Step:
        step = Step(Heard(said))
        if self.state is not State.UNASSOCIATED:
            return self._abort(step, Abort.UNDEFINED, "it asked to be associated again")
        info = said.ieee_20601
        if info is None or not said.assoc_version & apdus.VERSION_1:
            result = Associated.NO_COMMON_PROTOCOL if info is None else Associated.UNSUPPORTED_ASSOC_VERSION
            step.send.append(apdus.aare(result, None))
            return step
        answer = apdus.Association(system_type=apdus.MANAGER, system_id=self._system_id)
        # The highest version that both know; ours is the first alone.
        if not info.protocol_version & apdus.VERSION_1 or not info.encoding_rules & apdus.MDER_RULES:
            step.send.append(apdus.aare(Associated.NO_COMMON_PARAMETER, answer))
            return step
        known = self._remembered.get((info.system_id, info.dev_config_id)) or standard().get(info.dev_config_id)
        self._asked, self._offers, self._was_cut, self._out_of_turn = said, 0, False, 0
        self.association.begin(info, known)
        step.send.append(apdus.aare(Associated.ACCEPTED if known else Associated.ACCEPTED_UNKNOWN_CONFIG, answer))
        self.state = State.WAITING_FOR_CONFIG
        if known:
            self._operate(step)
        return step

    def _configured(self, step: Step, said: Prst, report: EventReport, offered: Configuration) -> None:
        usable = any(item.object_class in MEASURING for item in offered.objects.values()) or bool(offered.stores())
        verdict = Verdict.ACCEPTED_CONFIG if usable else Verdict.UNSUPPORTED_CONFIG
        answer = mder.u16(offered.number, verdict)
        step.send.append(_result(said.invoke_id, report, answer))
        if usable:
            system_id = self.association.system_id
            self._remembered[system_id, offered.number] = offered
            step.configured = system_id, offered
            self._operate(step)
            return
        self._offers += 1
        if self._offers >= MOST_OFFERS:
            self.state = State.DISASSOCIATING
            step.send.append(apdus.rlrq(Release.NO_MORE_CONFIGURATIONS))

    def _operate(self, step: Step) -> None:
        self.state = State.OPERATING
        self._ask(Choice.ROIV_GET, mder.u16(MDS_HANDLE) + mder.sequence(), self._described)
        self._next(step)

    def _described(self, _step: Step, _heard: Heard | None) -> None:
        """With or without knowing who it is: what it has stored comes first, then what it measures from now on."""
        for one in self.association.configuration.stores():
            self._ask(Choice.ROIV_GET, mder.u16(one.handle) + mder.sequence())
            self._act(one.handle, Action.GET_SEGMENT_INFO, store.ALL_SEGMENTS, self._segments, self._cut)
        self._requests.add(Request(choice=None, then=self._stores_read, otherwise=_no_matter))

    # -- stores --------------------------------------------------------------------------------------------------------

    def _segments(self, _step: Step, heard: Heard | None) -> None:
        handle = heard.handle or MDS_HANDLE if heard else MDS_HANDLE
        wanted = [segment for segment in (heard.segments if heard else None) or () if segment.usage != 0]
        for segment in reversed(wanted):
            self._act(handle, Action.TRIGGER_SEGMENT_TRANSFER, mder.u16(segment.instance), self._triggered, self._cut, first=True)

    def _triggered(self, _step: Step, heard: Heard | None) -> None:
        if heard is not None and heard.triggered is not None and heard.handle is not None and heard.triggered[1] == 0:
            self._expected = heard.handle, heard.triggered[0]

    def _cut(self, _step: Step) -> None:
        self._was_cut = True

    def _transferred(self, step: Step, said: Prst, report: EventReport, heard: Heard) -> None:
        chunk = heard.chunk
        if chunk is None:
            return
        if report.is_confirmed:
            step.confirmations.append(_result(said.invoke_id, report, chunk.confirmed()))
        if self._expected == (report.handle, chunk.instance) and chunk.status & (store.LAST | store.AGENT_ABORT):
            self._was_cut = self._was_cut or bool(chunk.status & store.AGENT_ABORT)
            self._expected = None
            self._next(step)

    def _stores_read(self, step: Step, _heard: Heard | None) -> None:
        stores = self.association.configuration.stores()
        step.all_read = bool(stores) and not self._was_cut
        if self._clear and step.all_read:
            for one in stores:
                self._act(one.handle, Action.CLEAR_SEGMENTS, store.ALL_SEGMENTS, _nothing, _no_matter)
        for scanner in self.association.configuration.scanners():
            enabled = mder.sequence(mder.u16(0, Attribute.OPERATIONAL_STATE) + mder.octets(mder.u16(1)))
            self._ask(Choice.ROIV_CONFIRMED_SET, mder.u16(scanner.handle) + enabled)
        info = self._asked.ieee_20601 if self._asked else None
        if info is not None and info.init_manager_count and not info.data_req_mode_flags & AGENT_INITIATED:
            self._act(MDS_HANDLE, Action.DATA_REQUEST, _START_ALL, _nothing, _no_matter)
        clock = self.association.attribute(Attribute.MDS_TIME_INFO)
        if self._set_time is not None and isinstance(clock, TimeInfo) and clock.can_be_set:
            now = bcd(self._set_time()) + mder.u32(0)
            self._act(MDS_HANDLE, Action.SET_TIME, now, _nothing, _no_matter)

    # -- reports and answers -------------------------------------------------------------------------------------------

    def _reported(self, step: Step, said: Prst, heard: Heard) -> None:
        report = heard.event
        if report is None:
            return
        if heard.configuration is not None:
            if self.state is State.WAITING_FOR_CONFIG:
                self._configured(step, said, report, heard.configuration)
            elif self.state is State.OPERATING:
                # Late or once more: it was taken over already.
                step.send.append(_result(said.invoke_id, report, mder.u16(heard.configuration.number, Verdict.ACCEPTED_CONFIG)))
        elif heard.chunk is not None:
            self._transferred(step, said, report, heard)
        elif report.is_confirmed and report.event in set(Event):
            step.confirmations.append(_result(said.invoke_id, report, b""))
        elif report.is_confirmed:
            step.send.append(apdus.prst(said.invoke_id, Choice.RORJ, mder.u16(RorjProblem.UNRECOGNIZED_OPERATION)))

    # -- requests ------------------------------------------------------------------------------------------------------

    def _act(
        self,
        handle: int,
        action: Action,
        info: bytes,
        then: Callable[[Step, Heard | None], None],
        otherwise: Callable[[Step], None],
        *,
        first: bool = False,
    ) -> None:
        seconds = self._timeout_of(handle, Attribute.CLEAR_TIMEOUT if action is Action.CLEAR_SEGMENTS else Attribute.CONFIRM_TIMEOUT)
        body = mder.u16(handle, action) + mder.octets(info)
        self._requests.add(
            Request(choice=Choice.ROIV_CONFIRMED_ACTION, body=body, then=then, otherwise=otherwise, seconds=seconds), first=first
        )

    def _ask(self, choice: Choice, body: bytes, then: Callable[[Step, Heard | None], None] | None = None) -> None:
        """If there is no answer, it goes on as if there was."""
        after = then or _nothing
        self._requests.add(Request(choice=choice, body=body, then=after, otherwise=lambda step: after(step, None)))

    def _next(self, step: Step) -> None:
        """Not while a segment is on its way."""
        self._requests.send_next(step, self._now, may_go_on=lambda: self._expected is None and self.state is State.OPERATING)

    def _timeout_of(self, handle: int, attribute: Attribute) -> float:
        what = self.association.configuration.objects.get(handle)
        ticks = what.of(attribute, int) if what else None
        return min(max(RESPONSE_SECONDS, ticks / TICKS_A_SECOND), LONGEST_SECONDS) if ticks else RESPONSE_SECONDS

    # -- ends ----------------------------------------------------------------------------------------------------------

    def _abort(self, step: Step, reason: Abort, why: str) -> Step:
        step.send.append(apdus.abrt(reason))
        return self._end(step, why)

    def _end(self, step: Step, why: str) -> Step:
        if self.state is not State.UNASSOCIATED:
            step.ended = why
        self._forget_requests()
        self.state = State.UNASSOCIATED
        return step

    def _forget_requests(self) -> None:
        self._expected = None
        self._requests.forget()


_START_ALL = mder.u16(0x0100, 0x8000 | 0x0800 | 0x0020) + mder.u32(0) + mder.u16(0, 0) + mder.sequence()
"""A data request: start, for everything, without end."""


def _nothing(_step: Step, _heard: Heard | None) -> None:
    """The answer is all there was to it."""


def _no_matter(_step: Step) -> None:
    """Without an answer it goes on as well."""


def _result(invoke_id: int, report: EventReport, info: bytes) -> bytes:
    body = mder.u16(report.handle) + mder.u32(report.time) + mder.u16(report.event) + mder.octets(info)
    return apdus.prst(invoke_id, Choice.RORS_CONFIRMED_EVENT_REPORT, body)


def _reason(kind: type[Abort | Release], number: int) -> str:
    return kind(number).name.lower().replace("_", " ") if number in set(kind) else str(number)

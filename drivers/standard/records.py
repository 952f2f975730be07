"""The part of a record access conversation that all meters share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from drivers.kit import steps
from drivers.kit.declare import Command
from drivers.kit.errors import Busy, Confused, DeviceError, Silent
from drivers.kit.links import Frame, GattLink
from profiles.download import MOST_RECORDS, Download, Mark, Unfinished
from profiles.gatt.record_access import OpCode, RecordAccessControlPoint, ResponseCode, abort
from profiles.times import DateTime

POINT = RecordAccessControlPoint.uuid

READING = (
    Command(POINT, bytes((OpCode.REPORT_NUMBER_OF_STORED_RECORDS,))),
    Command(POINT, bytes((OpCode.REPORT_STORED_RECORDS,))),
    Command(POINT, bytes((OpCode.ABORT_OPERATION,))),
)
COMMANDS = (*READING, Command(POINT, bytes((OpCode.DELETE_STORED_RECORDS,)), forgets=True))


class Plain:
    """How requests are written and answers read. Others keep the conversation, with codes of their own."""

    point = POINT

    def write(self, command: bytes) -> bytes:
        return command

    def read(self, link: GattLink, frame: Frame) -> RecordAccessControlPoint | None:
        """None for what cannot be read, which is set aside."""
        return steps.decoded(link, RecordAccessControlPoint, frame)


class Report:
    """A download as its driver sees it: the frames of the device, one by one, until it is over.

    A device that is still busy with a request of somebody before is told once to abort that.
    """

    def __init__(self, link: GattLink, download: Download, device: str, dialect: Plain | None = None) -> None:
        """`device`: what it is called in sentences."""
        self._link, self._download, self._device, self._dialect = link, download, device, dialect or Plain()
        self._is_open = self._aborting = self._has_aborted = False
        self._problem: DeviceError | None = None
        self.rounds = 0
        """How often records were asked for: what a second round brings may have come before."""

    async def next(self) -> Frame | None:
        """The next frame that is not the control point's; None when the procedure is over."""
        while self._problem is None:
            if self._download.is_endless:
                self._problem = Confused(f"the {self._device} reported more than {MOST_RECORDS} records and did not end")
                await self._write(abort())
                return None
            if not self._is_open:
                if self._download.command is None:
                    return None
                await self._ask(self._download.command)
            frame = await self._link.receive()
            if frame is None:
                self._is_open = False
                if not self._download.silent():
                    self._problem = Silent(f"the {self._device} did not end its report")
                continue
            if frame.characteristic != self._dialect.point:
                return frame
            answer = self._dialect.read(self._link, frame)
            if answer is None:
                continue
            if self._aborting:
                self._aborting = self._is_open = answer.request_opcode != OpCode.ABORT_OPERATION
                continue
            try:
                self._is_open = not self._download.response(answer)
            except Unfinished as error:
                self._problem = Confused(str(error))
        return None

    def check(self) -> None:
        """At the end of all. Raises `DeviceError`, if the procedure was not a success."""
        if self._problem is not None:
            raise self._problem
        if self._download.missing:
            raise Confused(f"the {self._device} announced {self._download.announced} records, and {self._download.missing} did not come")

    @property
    def is_silent(self) -> bool:
        return isinstance(self._problem, Silent)

    @property
    def is_over(self) -> bool:
        """Whether the device has ended it with a success, whatever is missing."""
        return self._problem is None and self._download.command is None

    @property
    def is_whole(self) -> bool:
        """Whether all came that there is: only then may it be noted how far the device was read."""
        return self.is_over and not self._download.missing

    async def _write(self, command: bytes) -> None:
        await self._link.write(self._dialect.point, self._dialect.write(command))

    async def _ask(self, command: bytes) -> None:
        self.rounds += command[0] in (OpCode.REPORT_STORED_RECORDS, OpCode.COMBINED_REPORT)
        try:
            await self._write(command)
        except Busy:
            if self._has_aborted:
                raise
            await self._write(abort())
            self._aborting = self._has_aborted = True
        self._is_open = True


def mark_of(kept: Mapping[str, Any]) -> Mark | None:
    """How far the device was read, out of what the journal keeps for it."""
    if "next_wanted" not in kept:
        return None
    return Mark(kept["sequence_number"], moment_of(kept["base_time"]), kept["next_wanted"])


def moment_of(kept: Sequence[int]) -> DateTime:
    """0 stands for a part that the device does not know."""
    year, month, day, *time = kept
    return DateTime(year or None, month or None, day or None, *time)


def stored(mark: Mark | None) -> dict[str, Any] | None:
    if mark is None:
        return None
    base_time = [part or 0 for part in mark.base_time]
    return {"sequence_number": mark.sequence_number, "base_time": base_time, "next_wanted": mark.next_wanted}


async def delete(link: GattLink, command: bytes) -> None:
    """Send a deleting command and wait for its answer. Only after the journal holds what goes."""
    await link.write(POINT, command)
    while (frame := await link.receive()) is not None:
        answer = point(link, frame)
        if answer is not None and answer.request_opcode == OpCode.DELETE_STORED_RECORDS:
            if answer.response_code not in (ResponseCode.SUCCESS, ResponseCode.NO_RECORDS_FOUND):
                raise Confused(f"the device did not delete: {answer.response_code!r}")
            return
    raise Silent("no answer to the request to delete")


def point(link: GattLink, frame: Frame) -> RecordAccessControlPoint | None:
    """The frame as an indication of the control point; None if it is something else, or cannot be read."""
    return steps.decoded(link, RecordAccessControlPoint, frame) if frame.characteristic == POINT else None

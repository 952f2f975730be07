"""The part of a record access conversation that all meters share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drivers.kit import steps
from drivers.kit.declare import Command
from drivers.kit.errors import Confused, Silent
from drivers.kit.links import Frame, GattLink
from profiles.gatt.record_access import Mark, OpCode, RecordAccessControlPoint, ResponseCode
from profiles.times import DateTime

POINT = RecordAccessControlPoint.uuid

COMMANDS = (
    Command(POINT, bytes((OpCode.REPORT_STORED_RECORDS,))),
    Command(POINT, bytes((OpCode.ABORT_OPERATION,))),
    Command(POINT, bytes((OpCode.DELETE_STORED_RECORDS,)), forgets=True),
)


def mark_of(kept: Mapping[str, Any]) -> Mark | None:
    """How far the device was read, out of what the journal keeps for it."""
    if not kept:
        return None
    year, month, day, *time = kept["base_time"]
    return Mark(kept["sequence_number"], DateTime(year or None, month or None, day or None, *time), kept["next_wanted"])


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

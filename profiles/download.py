"""The conversation by which stored records are read, sans-IO: it says what to write, is told what comes, and never reads, writes or waits.

Source: Glucose Profile 1.0.1, 5.4, which the other profiles with a Record Access Control Point follow.
"""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum
from typing import NamedTuple

from profiles.gatt.record_access import (
    OpCode,
    RecordAccessControlPoint,
    ResponseCode,
    combined,
    number_of,
    report_all,
    report_from,
    report_last,
)
from profiles.times import DateTime

MOST_RECORDS = 1 << 17
"""In one report. Record numbers have 16 bits, and whoever says each twice still fits."""


class Mark(NamedTuple):
    """How far a device was read: the highest record, and where the next download starts.

    `next_wanted` lies before the last record when one of them still waits for a context that it announced, or was damaged.
    """

    sequence_number: int
    base_time: DateTime
    next_wanted: int


class Unfinished(ValueError):
    """The device ended the procedure with an error. What came until then is good."""

    def __init__(self, code: ResponseCode | int) -> None:
        name = code.name.lower().replace("_", " ") if isinstance(code, ResponseCode) else f"code {code}"
        super().__init__(f"the record access procedure failed: {name}")
        self.code = code


class _Asked(Enum):
    LAST = 1
    NUMBER = 2
    REPORT = 3


_CANNOT_FILTER = (
    *(ResponseCode.OPERATOR_NOT_SUPPORTED, ResponseCode.INVALID_OPERATOR),
    *(ResponseCode.OPERAND_NOT_SUPPORTED, ResponseCode.INVALID_OPERAND),
)


class Download:
    """Asks how many records there are, and then for them; once more, if fewer come than were announced.

    With a mark it asks for the last record first: if that lies behind the mark, the device was reset and everything is read. A device
    without "last record" is asked from the mark on, one that cannot filter for everything, one that does not count without counting.
    Write `command`, report each record by `record()`, each indication by `response()` and a silence by `silent()`, until `command` is
    None. Never more than one request is open: `command` changes only when the one before has been answered.
    """

    def __init__(self, mark: Mark | None, *, begin: bytes | None = None, width: int = 2, combines: bool = False) -> None:
        """`begin`: the report to ask for, where the device has no numbers that a mark could be compared with. `width`: octets of a
        record's number. `combines`: ask for combined reports, if it knows them.
        """
        self._mark, self._width, self._combines = mark, width, combines
        self._last: tuple[int, DateTime] | None = None
        self._report = begin or report_all()
        self._asked = _Asked.LAST if mark else _Asked.NUMBER
        self._seen: set[Hashable] = set()
        self._count = 0
        self._asked_again = False
        self._is_over = False
        self.was_reset = False
        self.announced: int | None = None
        """How many records the device says it has; None if it does not count."""

    @property
    def command(self) -> bytes | None:
        """What to write now; None when all is done."""
        if self._is_over:
            return None
        if self._asked is _Asked.NUMBER:
            return number_of(self._report)
        report = report_last() if self._asked is _Asked.LAST else self._report
        return combined(report) if self._combines else report

    @property
    def missing(self) -> int:
        """Records that were announced and did not come, in two reports."""
        return max(0, (self.announced or 0) - len(self._seen)) if self._is_over else 0

    @property
    def is_endless(self) -> bool:
        """Whether the device reports more records than it can have."""
        return self._count > MOST_RECORDS

    def record(self, sequence_number: int, base_time: DateTime) -> None:
        self._last = (sequence_number, base_time)
        self.came(sequence_number, base_time)

    def came(self, *what: Hashable) -> None:
        """A record that is told from others by this, damaged or not."""
        if self._asked is _Asked.REPORT:
            self._count += 1
            self._seen.add(what)

    def silent(self) -> bool:
        """Nothing comes any more. Whether there is something else to ask: some devices do not answer when they are asked to count."""
        if self._asked is not _Asked.NUMBER or self._is_over:
            return False
        self._asked = _Asked.REPORT
        return True

    def response(self, point: RecordAccessControlPoint) -> bool:
        """Whether the indication ended the open request: others, such as late ones, are passed over. Raises `Unfinished` on a failure
        that no other request can mend.
        """
        if self._asked is _Asked.NUMBER:
            return self._counted(point)
        if self._combines and point.opcode == OpCode.COMBINED_REPORT_RESPONSE and point.number_of_records is not None:
            if self._asked is _Asked.REPORT:
                self.announced = point.number_of_records
            self._reported(found=point.number_of_records > 0)
            return True
        answer = point.response
        if answer is None or answer.request_opcode != (OpCode.COMBINED_REPORT if self._combines else OpCode.REPORT_STORED_RECORDS):
            return False
        if self._combines and answer.code == ResponseCode.OP_CODE_NOT_SUPPORTED:
            self._combines = False
        elif answer.code in (ResponseCode.SUCCESS, ResponseCode.NO_RECORDS_FOUND):
            self._reported(found=answer.code == ResponseCode.SUCCESS)
        elif answer.code in _CANNOT_FILTER and self._asked is _Asked.LAST and self._mark:
            self._ask_for(report_from(self._mark.next_wanted, self._width))
        elif answer.code in _CANNOT_FILTER and self._report != report_all():
            self._report, self.announced = report_all(), None
        else:
            raise Unfinished(answer.code)
        return True

    def _counted(self, point: RecordAccessControlPoint) -> bool:
        if point.number_of_records is not None:
            self.announced = point.number_of_records
            self._is_over = self.announced == 0
        elif point.request_opcode == OpCode.REPORT_NUMBER_OF_STORED_RECORDS:
            self._is_over = point.response_code == ResponseCode.NO_RECORDS_FOUND
        else:
            return False
        self._asked = _Asked.REPORT
        return True

    def _reported(self, *, found: bool) -> None:
        if self._asked is _Asked.LAST and found:
            following = self._after_last()
            if following is not None:
                self._ask_for(following)
                return
        elif found and self.announced is not None and len(self._seen) < self.announced and not self._asked_again:
            self._asked_again = True
            return
        self._is_over = True

    def _ask_for(self, report: bytes) -> None:
        self._report, self._asked = report, _Asked.NUMBER

    def _after_last(self) -> bytes | None:
        if self._mark is None or self._last is None:
            return report_all()
        sequence_number, base_time = self._last
        mark = self._mark
        behind = sequence_number < mark.sequence_number or tuple(_known(base_time)) < tuple(_known(mark.base_time))
        if behind or (sequence_number == mark.sequence_number and base_time != mark.base_time):
            self.was_reset = True
            return report_all()
        return report_from(mark.next_wanted, self._width) if mark.next_wanted <= sequence_number else None


def _known(moment: DateTime) -> list[int]:
    return [part or 0 for part in moment]

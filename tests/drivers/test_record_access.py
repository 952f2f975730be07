"""Devices whose record access goes wrong, through a driver: what was complete is kept, the rest is asked for again, and it is told."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from drivers import Batch, Busy, Confused, Silent
from drivers.kit.capture import Record
from drivers.kit.replay import BUSY, ReplayLink
from drivers.standard import glucose
from profiles import download
from profiles.gatt import glucose as gls
from profiles.gatt.record_access import OpCode
from profiles.times import DateTime
from tests.support.replaying import readings, replayed

OPEN = Record(kind="open", session="1", time=1.7e9, extra={"chars": ["2A18", "2A52"]})


def record(number: int) -> Record:
    flags = gls.Flags.CONCENTRATION
    sample = gls.Sample(gls.SampleType.CAPILLARY_WHOLE_BLOOD, gls.SampleLocation.FINGER)
    said = gls.GlucoseMeasurement(flags, number, DateTime(2026, 3, 1, 8, number, 0), None, Decimal(100 + number).scaleb(-5), sample)
    return Record(kind="rx", session="1", position=number, characteristic=0x2A18, data=said.encode(), time=1.7e9 + number)


def point(text: str) -> Record:
    return Record(kind="rx", session="1", characteristic=0x2A52, data=bytes.fromhex(text), time=1.7e9)


BUSY_ONCE = Record(kind="er", session="1", characteristic=0x2A52, time=1.7e9, extra={"why": BUSY})
COUNTED, DONE, ABORTED = point("05000300"), point("06000101"), point("06000301")


def numbers(batches: list[Batch]) -> set[int | None]:
    return {item.sequence_number for item in readings(batches)}


def marks(batches: list[Batch]) -> list[object]:
    return [batch.mark for batch in batches if batch.mark is not None]


def written(link: ReplayLink) -> list[str]:
    return [data.hex() for _, data in link.written]


def test_a_lost_record_comes_with_the_second_report() -> None:
    given = [OPEN, COUNTED, record(1), record(3), DONE, record(1), record(2), record(3), DONE]
    batches, link, error = replayed(glucose.DRIVER, given, counts=True)
    assert error is None
    assert numbers(batches) == {1, 2, 3}
    assert written(link) == ["0401", "0101", "0101"]
    assert len(marks(batches)) == 1


def test_a_number_that_lies_is_told_and_moves_no_mark() -> None:
    batches, _, error = replayed(glucose.DRIVER, [OPEN, COUNTED, record(1), DONE, record(1), DONE], counts=True)
    assert isinstance(error, Confused)
    assert str(error) == "the meter announced 3 records, and 2 did not come"
    assert numbers(batches) == {1}
    assert marks(batches) == [], "the next visit asks again"


def test_a_record_that_cannot_be_read_is_not_a_missing_one() -> None:
    broken = replace(record(2), data=record(2).data[:5])
    batches, link, error = replayed(glucose.DRIVER, [OPEN, COUNTED, record(1), broken, record(3), DONE], counts=True)
    assert error is None
    assert len(link.rejected) == 1
    assert numbers(batches) == {1, 3}


def test_a_busy_device_is_told_to_stop_and_then_asked() -> None:
    given = [OPEN, BUSY_ONCE, record(1), ABORTED, COUNTED, record(1), record(2), record(3), DONE]
    batches, link, error = replayed(glucose.DRIVER, given, counts=True)
    assert error is None
    assert written(link) == ["0300", "0401", "0101"]
    assert numbers(batches) == {1, 2, 3}


def test_one_that_stays_busy_is_left_alone() -> None:
    _, link, error = replayed(glucose.DRIVER, [OPEN, BUSY_ONCE, BUSY_ONCE, ABORTED], counts=True)
    assert isinstance(error, Busy)
    assert written(link) == []
    _, link, error = replayed(glucose.DRIVER, [OPEN, BUSY_ONCE, ABORTED, BUSY_ONCE], counts=True)
    assert isinstance(error, Silent | Busy)


def test_late_and_foreign_answers_end_nothing() -> None:
    given = [OPEN, DONE, point("06000201"), COUNTED, record(1), point("06000406"), record(2), ABORTED, record(3), DONE]
    batches, _, error = replayed(glucose.DRIVER, given, counts=True)
    assert error is None
    assert numbers(batches) == {1, 2, 3}


def test_an_endless_report_is_aborted_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "MOST_RECORDS", 5)
    batches, link, error = replayed(glucose.DRIVER, [OPEN, COUNTED, *[record(1), record(2)] * 50], counts=True)
    assert isinstance(error, Confused)
    assert "did not end" in str(error)
    assert written(link)[-1] == "0300"
    assert numbers(batches) == {1, 2}


def test_a_device_that_is_busy_again_is_not_told_to_stop_for_ever() -> None:
    class Stubborn(ReplayLink):
        """It stops when it is told to, and is busy with the next request all the same."""

        async def write(self, characteristic: int, data: bytes) -> None:
            self.written.append((characteristic, data))
            if data[0] != OpCode.ABORT_OPERATION:
                raise Busy

    link = Stubborn([OPEN, *[ABORTED] * 5])

    async def run() -> None:
        async for _ in glucose.DRIVER.read(link):
            pass

    with pytest.raises(Busy):
        asyncio.run(run())
    assert [data[0] for _, data in link.written] == [4, 3, 4]

"""The record access conversation without a device: what is asked, and what answers make of it."""

from __future__ import annotations

import pytest

from profiles import download as module
from profiles.download import Download, Mark, Unfinished
from profiles.gatt.record_access import RecordAccessControlPoint
from profiles.times import DateTime

MOMENT = DateTime(2026, 3, 1, 8, 0, 0)
MARK = Mark(7, MOMENT, 8)


def answer(text: str) -> RecordAccessControlPoint:
    return RecordAccessControlPoint.decode(bytes.fromhex(text))


def command(download: Download) -> str | None:
    return download.command.hex() if download.command is not None else None


def test_it_counts_first_and_then_reads() -> None:
    download = Download(None)
    assert command(download) == "0401"
    assert download.response(answer("05000200"))
    assert command(download) == "0101"
    download.record(1, MOMENT)
    download.record(2, MOMENT)
    assert download.response(answer("06000101"))
    assert (command(download), download.announced, download.missing) == (None, 2, 0)


@pytest.mark.parametrize("said", ["05000000", "0500000000 00", "06000406"])
def test_nothing_there_is_a_success_without_a_report(said: str) -> None:
    download = Download(None)
    assert download.response(answer(said.replace(" ", "")[:12]))
    assert command(download) is None


def test_a_device_that_does_not_count_is_read_all_the_same() -> None:
    for said in ("06000402", "06000403", "06000408"):
        download = Download(None)
        assert download.response(answer(said))
        assert (command(download), download.announced) == ("0101", None)
    silent = Download(None)
    assert silent.silent(), "some say nothing at all"
    assert command(silent) == "0101"
    assert not silent.silent(), "but a report that does not end is an error"


def test_fewer_than_announced_are_asked_for_once_more_and_then_missed() -> None:
    download = Download(None)
    download.response(answer("05000300"))
    download.record(1, MOMENT)
    assert download.response(answer("06000101"))
    assert command(download) == "0101"
    download.record(1, MOMENT)
    download.record(2, MOMENT)
    assert download.response(answer("06000101"))
    assert (command(download), download.missing) == (None, 1)


def test_the_second_report_may_bring_the_rest() -> None:
    download = Download(None)
    download.response(answer("05000200"))
    download.record(1, MOMENT)
    download.response(answer("06000101"))
    download.record(2, MOMENT)
    download.response(answer("06000101"))
    assert (command(download), download.missing) == (None, 0)


def test_more_than_announced_are_all_taken() -> None:
    download = Download(None)
    download.response(answer("05000100"))
    for number in range(5):
        download.record(number, MOMENT)
    download.response(answer("06000101"))
    assert (command(download), download.missing) == (None, 0)


def test_answers_to_other_questions_are_passed_over() -> None:
    download = Download(None)
    for late in ("06000101", "06000201", "06000301"):
        assert not download.response(answer(late)), "of a request before"
    download.response(answer("05000200"))
    for late in ("05000900", "06000402", "06000301"):
        assert not download.response(answer(late))
    assert (command(download), download.announced) == ("0101", 2)


def test_a_known_device_is_asked_for_its_last_record_and_then_counts_from_the_mark_on() -> None:
    download = Download(MARK)
    assert command(download) == "0106"
    download.record(9, MOMENT)
    download.response(answer("06000101"))
    assert command(download) == "0403010800"
    download.response(answer("05000200"))
    assert command(download) == "0103010800"


def test_the_last_record_is_not_one_of_those_that_were_announced() -> None:
    download = Download(MARK)
    download.record(9, MOMENT)
    download.response(answer("06000101"))
    download.response(answer("05000200"))
    download.record(9, MOMENT)
    download.response(answer("06000101"))
    assert command(download) == "0103010800", "only one of two came"


def test_a_filter_that_the_device_cannot_do_is_left_out() -> None:
    download = Download(None, begin=bytes.fromhex("0103010800"))
    download.response(answer("05000100"))
    assert download.response(answer("06000104"))
    assert (command(download), download.announced) == ("0101", None), "that number was of another request"
    with pytest.raises(Unfinished, match="operator not supported"):
        download.response(answer("06000104"))


def test_a_report_without_an_end_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_RECORDS", 10)
    download = Download(None)
    download.response(answer("05000200"))
    for _ in range(10):
        download.record(1, MOMENT)
    assert not download.is_endless
    download.record(1, MOMENT)
    assert download.is_endless

"""Time: the rules of `gateway.normalize.when`, case by case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from gateway.normalize.things import Quality
from gateway.normalize.when import ClockPair, file
from profiles.times import DateTime
from tests.support.fakes import T0

NOW = T0  # 2026-03-14 07:00:00 UTC
STAMP = DateTime(2026, 3, 14, 6, 30, 0)


def at(moment: datetime) -> DateTime:
    return DateTime.of(moment)


def hub(seconds: float = 0) -> datetime:
    return datetime.fromtimestamp(NOW + seconds, UTC).replace(tzinfo=None)


def filed(device_time: DateTime | None, pair: ClockPair | None, *, trusted: bool = True) -> tuple[str, Quality, str | None, float | None]:
    when, offset = file(device_time, NOW, pair, trusted=trusted, zone=UTC)
    return when.time, when.quality, when.device_time, offset


def test_no_stamp_means_reception() -> None:
    assert filed(None, None) == ("2026-03-14T07:00:00+00:00", Quality.RECEIVED, None, None)


def test_a_slow_clock_is_corrected_and_its_own_time_kept() -> None:
    """The guide's example: six minutes behind, so six minutes are added."""
    pair = ClockPair(at(hub(-360)), NOW)
    assert filed(STAMP, pair) == ("2026-03-14T06:36:00+00:00", Quality.CORRECTED, "2026-03-14T06:30:00", 360.0)


def test_the_fraction_of_the_devices_second_counts() -> None:
    pair = ClockPair(at(hub(-1)), NOW, 0.75)
    assert filed(STAMP, pair)[3] == 0.25
    assert filed(STAMP, pair)[0] == "2026-03-14T06:30:00+00:00"


def test_a_synchronized_device_keeps_its_stamps() -> None:
    pair = ClockPair(at(hub(-360)), NOW, synchronized=True)
    assert filed(STAMP, pair)[:2] == ("2026-03-14T06:30:00+00:00", Quality.DEVICE_SYNCHRONIZED)
    assert filed(STAMP, pair, trusted=False)[1] == Quality.DEVICE_SYNCHRONIZED, "the better clock of the two"


def test_a_stamp_without_a_pair_is_taken_as_local() -> None:
    assert filed(STAMP, None) == ("2026-03-14T06:30:00+00:00", Quality.DEVICE_UNCHECKED, "2026-03-14T06:30:00", None)


@pytest.mark.parametrize(
    "stamp",
    [
        DateTime(1970, 1, 1, 0, 0, 5),
        DateTime(2000, 1, 1, 12, 0, 0),
        DateTime(2094, 5, 5, 1, 1, 1),
        DateTime(None, 4, 17, 20, 41, 59),
        DateTime(2026, 2, 30, 1, 1, 1),
        DateTime(2026, 3, 14, 9, 0, 0),
    ],
)
@pytest.mark.parametrize("pair", [None, ClockPair(at(hub()), NOW)], ids=["unpaired", "paired"])
def test_what_cannot_be_true_is_kept_marked_and_filed_under_reception(stamp: DateTime, pair: ClockPair | None) -> None:
    """Never 1970, never 2094, never dropped."""
    time, quality, said, _ = filed(stamp, pair)
    assert time == "2026-03-14T07:00:00+00:00"
    assert quality == Quality.DEVICE_CLOCK_INVALID
    assert said == str(stamp)


def test_a_reset_clock_puts_old_stamps_on_another_timeline() -> None:
    """The device's clock shows 2000 now: a stamp of 2025 was made before the reset."""
    pair = ClockPair(DateTime(2000, 1, 1, 0, 10, 0), NOW)
    assert filed(DateTime(2025, 12, 1, 8, 0, 0), pair)[1] == Quality.DEVICE_CLOCK_INVALID
    assert filed(DateTime(2000, 1, 1, 0, 5, 0), pair)[:2] == ("2026-03-14T06:55:00+00:00", Quality.CORRECTED)


def test_a_clock_that_says_it_was_never_set_is_not_believed() -> None:
    when, _ = file(STAMP, NOW, None, trusted=True, zone=UTC, clock_not_set=True)
    assert (when.quality, when.device_time) == (Quality.DEVICE_CLOCK_INVALID, str(STAMP))


@pytest.mark.parametrize("pair", [None, ClockPair(at(hub(-360)), NOW)], ids=["unpaired", "paired"])
@pytest.mark.parametrize("stamp", [None, STAMP, DateTime(1970, 1, 1, 0, 0, 5)])
def test_nothing_is_filed_for_good_while_the_hub_does_not_know_the_time(stamp: DateTime | None, pair: ClockPair | None) -> None:
    assert filed(stamp, pair, trusted=False)[1] == Quality.TIME_PENDING


def test_the_offset_of_the_hub_is_in_the_time() -> None:
    when, _ = file(STAMP, NOW, None, trusted=True, zone=timezone(timedelta(hours=2)))
    assert when.time == "2026-03-14T06:30:00+02:00"


def test_a_stamp_that_says_its_distance_from_utc_needs_no_zone() -> None:
    """In a house of another zone, in summer and winter: what the device says is exact, and so is the correction."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - for this test

    berlin = ZoneInfo("Europe/Berlin")
    device_now = datetime.fromtimestamp(NOW - 60, UTC) + timedelta(hours=-5)
    pair = ClockPair(at(device_now.replace(tzinfo=None)), NOW, utc_offset=-300)
    when, offset = file(DateTime(2025, 7, 1, 1, 0, 0), NOW, pair, trusted=True, zone=berlin, utc_offset=-300)
    assert (when.time, when.quality, offset) == ("2025-07-01T08:01:00+02:00", Quality.CORRECTED, 60.0)
    kept, _ = file(DateTime(2025, 7, 1, 1, 0, 0), NOW, None, trusted=True, zone=berlin, utc_offset=-300)
    assert (kept.time, kept.quality) == ("2025-07-01T08:00:00+02:00", Quality.DEVICE_UNCHECKED)


def test_a_counter_of_seconds_has_only_its_distance() -> None:
    pair = ClockPair(DateTime(2000, 1, 1, 1, 0, 0), NOW, utc_offset=0)
    when, _ = file(DateTime(2000, 1, 1, 0, 30, 0), NOW, pair, trusted=True, zone=UTC, utc_offset=0)
    assert (when.time, when.quality) == ("2026-03-14T06:30:00+00:00", Quality.CORRECTED)
    lost, _ = file(DateTime(2000, 1, 1, 0, 30, 0), NOW, None, trusted=True, zone=UTC, utc_offset=0)
    assert lost.quality == Quality.DEVICE_CLOCK_INVALID


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-5)), timezone(timedelta(hours=5))])
@pytest.mark.parametrize("utc_offset", [None, -300, 300])
def test_no_stamp_and_no_clock_is_too_far_away_to_be_filed(zone: timezone, utc_offset: int | None) -> None:
    """At the ends of the calendar, where sums of moments are none: kept as said, under the time of reception."""
    ends = (DateTime(9999, 12, 31, 23, 59, 59), DateTime(1582, 1, 1, 0, 0, 0))
    for stamp in ends:
        for clock in (None, *ends, STAMP):
            pair = ClockPair(clock, NOW, utc_offset=utc_offset) if clock else None
            when, _ = file(stamp, NOW, pair, trusted=True, zone=zone, utc_offset=utc_offset)
            assert when.device_time == str(stamp)
            assert when.quality in (Quality.DEVICE_CLOCK_INVALID, Quality.CORRECTED)

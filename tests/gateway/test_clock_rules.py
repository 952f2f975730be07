"""The clock rules by number: R of the Personal Health Device guide's requirements for gateways, T of the cases drawn from them.

What `when.file` and `settling` decide stands here as a table, which `test_clock_on_air` plays once more. What is decided elsewhere is
named with the tests that hold it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.exports.fhir.parties import NO_SYNC, NTP, Home, phg
from gateway.normalize.settling import settled, unsettled
from gateway.normalize.things import Quality, When
from gateway.normalize.when import ClockPair, file
from profiles.times import DateTime

ROOT = Path(__file__).parents[2]
BERLIN = ZoneInfo("Europe/Berlin")


TABLE = """
R1  | 03-14 07:00 +0 | -           | -           | 03-14 07:00 +0 | pending   | untrusted | a hub without the time files nothing for good
R2  | 03-14 07:00 +0 | 03-14 06:30 | 03-14 06:54 | 03-14 06:36 +0 | corrected |  | the pair is that of this connection
R3  | 03-14 07:00 +0 | 03-13 22:00 | 03-14 06:54 | 03-13 22:06 +0 | corrected |  | six minutes behind, six minutes are added
R3  | 03-14 07:00 +0 | 03-14 06:30 | 03-14 06:54 | 03-14 06:30 +0 | synchronized | synchronized | the better clock keeps its stamps
R4  | 03-14 09:00 +2 | 03-14 08:30 | 03-14 09:00 | 03-14 08:30 +2 | corrected |  | a local stamp is as far from UTC as the hub
R4  | 03-14 09:00 +2 | 03-14 02:30 | 03-14 03:00 | 03-14 08:30 +2 | corrected | stamp=-240 clock=-240 | the device's zone wins
R5  | 03-14 07:00 +0 | -           | 03-14 06:54 | 03-14 07:00 +0 | received  |  | no stamp: the time of reception
R6  | 03-14 07:00 +0 | 2025-12-01 08:00 | 2000-01-01 00:10 | 03-14 07:00 +0 | invalid   |  | a stamp of an older timeline is not believed
R7  | 03-14 07:00 +0 | 2000-01-01 00:30 | 2000-01-01 00:59:59 | 03-14 06:30 +0 | corrected | stamp=0 clock=0 fraction=0.75 | ticks
R8  | 03-14 07:00 +0 | 03-14 06:30 | -           | 03-14 07:00 +0 | invalid   | never-set | a clock that says it was never set
R8  | 03-14 07:00 +0 | 03-14 06:30 | -           | 03-14 06:30 +0 | unchecked |  | a stamp without the device's present time
R10 | 03-14 07:00 +0 | -           | -           | 03-14 07:00 +0 | received  |  | what was stored without a stamp is kept, marked
R11 | 03-14 07:00 +0 | 03-14 12:15 | 03-14 12:45 | 03-14 06:30 +0 | corrected | stamp=345 clock=345 | base time with an offset in minutes
T1  | 03-14 07:00 +0 | -           | -           | 03-14 07:00 +0 | received  |  | a thermometer without a clock
T2  | 03-14 07:00 +0 | 03-14 06:54 | 03-14 06:54 | 03-14 07:00 +0 | corrected |  | a clock six minutes slow
T3  | 03-14 08:00 +1 | 03-14 00:30 | 03-14 01:00 | 03-14 07:30 +1 | corrected |  | a device in another zone than the hub
T4  | 03-14 07:00 +0 | 03-13 07:00 | 2010-01-02 01:00 | 03-14 07:00 +0 | invalid   |  | a clock reset between records: before it
T4  | 03-14 07:00 +0 | 2010-01-02 00:00 | 2010-01-02 01:00 | 03-14 06:00 +0 | corrected |  | a clock reset between records: after it
T5  | 03-14 07:00 +0 | 2000-01-02 00:00 | 2000-01-03 00:00 | 03-13 07:00 +0 | corrected | stamp=0 clock=0 | ticks of a sensor
# 29 March 2026, 02:00 becomes 03:00 in Berlin
DST | 03-29 12:00 +2 | 03-28 20:00 | 03-29 12:00 | 03-28 20:00 +1 | corrected | berlin | spring: a clock moved with it
DST | 03-29 12:00 +2 | 03-28 20:00 | 03-29 11:00 | 03-28 20:00 +1 | corrected | berlin | spring: a clock nobody moved, evening before
DST | 03-29 12:00 +2 | 03-29 07:00 | 03-29 11:00 | 03-29 08:00 +2 | corrected | berlin | spring: a clock nobody moved, of this morning
DST | 03-29 12:00 +2 | 03-29 02:30 | 03-29 11:00 | 03-29 03:30 +2 | corrected | berlin | spring: in the hour that there is not
DST | 03-29 12:00 +2 | 03-28 20:00 | 03-29 11:57 | 03-28 20:03 +1 | corrected | berlin | spring: three minutes slow and moved
# 25 October 2026, 03:00 becomes 02:00 in Berlin
DST | 10-25 12:00 +1 | 10-24 20:00 | 10-25 12:00 | 10-24 20:00 +2 | corrected | berlin | autumn: a clock moved with it
DST | 10-25 12:00 +1 | 10-24 20:00 | 10-25 13:00 | 10-24 20:00 +2 | corrected | berlin | autumn: a clock nobody moved
DST | 10-25 12:00 +1 | 10-25 09:00 | 10-25 13:00 | 10-25 08:00 +1 | corrected | berlin | autumn: a clock nobody moved, of this morning
DST | 10-25 02:20 +1 | 10-25 02:10 | 10-25 02:20 | 10-25 02:10 +1 | corrected | berlin | autumn: the hour that is twice, the second time
DST | 10-25 02:20 +1 | 10-25 02:50 | 10-25 02:20 | 10-25 02:50 +2 | corrected | berlin | autumn: the hour that is twice, the first time
DST | 10-25 02:20 +2 | 10-25 02:10 | 10-25 02:20 | 10-25 02:10 +2 | corrected | berlin | autumn: the hour that is twice, while it is
DST | 10-25 02:20 +1 | 10-25 03:10 | 10-25 03:20 | 10-25 02:10 +1 | corrected | berlin | autumn: second hour, clock nobody moved
DST | 03-29 12:00 +2 | 03-28 20:00 | 03-29 11:00 | 03-28 20:00 +1 | corrected | berlin stamp=60 clock=60 | says its distance
"""
"""rule | the hub's clock, hours from UTC | the device's stamp | its clock now | time and quality that are filed | what else | of what

The year is 2026 where none is given. `stamp`, `clock`: minutes from UTC that the device itself says.
"""
QUALITIES = {
    "pending": Quality.TIME_PENDING,
    "invalid": Quality.DEVICE_CLOCK_INVALID,
    "unchecked": Quality.DEVICE_UNCHECKED,
    "synchronized": Quality.DEVICE_SYNCHRONIZED,
}


@dataclass(frozen=True)
class Case:
    rule: str
    now: datetime
    stamp: DateTime | None
    clock: DateTime | None
    time: str
    quality: Quality
    flags: dict[str, str]
    what: str

    @property
    def zone(self) -> tzinfo:
        return BERLIN if "berlin" in self.flags else self.now.tzinfo or UTC

    def pair(self, now: float) -> ClockPair | None:
        if self.clock is None:
            return None
        return ClockPair(self.clock, now, float(self.flags.get("fraction", 0)), "synchronized" in self.flags, self.minutes("clock"))

    def minutes(self, of: str) -> int | None:
        return int(self.flags[of]) if of in self.flags else None

    def filed(self, now: float, *, trusted: bool) -> tuple[When, float | None]:
        return file(
            self.stamp,
            now,
            self.pair(now),
            trusted=trusted,
            zone=self.zone,
            clock_not_set="never-set" in self.flags,
            utc_offset=self.minutes("stamp"),
        )


def read(text: str) -> datetime | None:
    """Of the table."""
    if text == "-":
        return None
    parts = text.split(" ")
    whole = parts[0] if parts[0].count("-") > 1 else f"2026-{parts[0]}"
    offset = f"{int(parts[2]):+03d}:00" if len(parts) > 2 else ""
    return datetime.fromisoformat(f"{whole}T{parts[1]}{offset}")


def cases() -> Iterator[Case]:
    for line in TABLE.strip().splitlines():
        if not line.startswith("#"):
            rule, now, stamp, clock, time, quality, flags, what = (part.strip() for part in line.split("|"))
            moment, said, shown, filed = read(now), read(stamp), read(clock), read(time)
            assert moment is not None
            assert filed is not None
            yield Case(
                rule,
                moment,
                DateTime.of(said) if said else None,
                DateTime.of(shown) if shown else None,
                filed.isoformat(),
                QUALITIES.get(quality) or Quality(quality),
                {one.partition("=")[0]: one.partition("=")[2] for one in flags.split()},
                what,
            )


CASES = list(cases())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}: {case.what}")
def test_the_rules(case: Case) -> None:
    when, _ = case.filed(case.now.timestamp(), trusted="untrusted" not in case.flags)
    assert (when.time, when.quality) == (case.time, case.quality)
    assert when.device_time == (None if case.stamp is None else str(case.stamp)), "what the device said is kept"


# -- a hub that boots in 1970, and knows the time an hour later ------------------------------------------------------------

BOOTED = datetime(1970, 1, 1, 0, 0, 10, tzinfo=UTC).timestamp()
MOVED = ("spring: a clock moved with it", "spring: three minutes slow and moved", "autumn: a clock moved with it")
"""Of these a stamp from beyond the end of summer is an hour off: what the device's clock was set to, that hub could not see."""


@pytest.mark.parametrize("booted", [BOOTED, datetime(2025, 12, 1, tzinfo=UTC).timestamp()], ids=["in 1970", "where it was switched off"])
@pytest.mark.parametrize(
    "case",
    [
        case
        for case in CASES
        if not {"untrusted", "synchronized"} & set(case.flags) and case.what != "autumn: the hour that is twice, the first time"
    ],
    ids=lambda case: f"{case.rule}: {case.what}",
)
def test_what_was_read_by_a_wrong_clock_is_told_as_if_the_hub_had_known(case: Case, booted: float) -> None:
    """One without a battery begins in 1970, or where it was switched off."""
    now = case.now.timestamp()
    noted, offset = case.filed(booted, trusted=False)
    assert noted.quality is Quality.TIME_PENDING
    when, told = settled(noted, offset, received=booted, wrong_by=now - booted, zone=case.zone)
    good, known = case.filed(now, trusted=True)
    assert (when.quality, when.device_time) == (good.quality, good.device_time)
    off = abs(datetime.fromisoformat(when.time) - datetime.fromisoformat(good.time)).total_seconds()
    assert off == pytest.approx(3600 if case.what in MOVED else 0, abs=1)
    assert (told is None) == (known is None)


def test_by_the_owner_s_word_a_device_s_own_date_counts_more_than_1970() -> None:
    """Of an earlier boot nobody knows what the hub's clock was wrong by."""
    noted, _ = file(DateTime(2026, 7, 13, 20, 0, 0), BOOTED, ClockPair(DateTime(2026, 7, 14, 9, 0, 0), BOOTED), trusted=False, zone=UTC)
    assert noted.time.startswith("1969-12-31")
    assert unsettled(noted, UTC) == When(
        time="2026-07-13T20:00:00+00:00", quality=Quality.DEVICE_UNCHECKED, device_time="2026-07-13T20:00:00"
    )
    nothing, _ = file(None, BOOTED, None, trusted=False, zone=UTC)
    assert unsettled(nothing, UTC) == When(time="1970-01-01T00:00:10+00:00", quality=Quality.DEVICE_CLOCK_INVALID)


def test_r1_how_the_hub_keeps_its_time_is_told() -> None:
    for sync in (NTP, NO_SYNC):
        [said] = phg(Home("id", "1", time_sync=sync))["property"]
        assert said["valueCode"][0]["coding"][0]["code"] == str(sync)


# -- rules that other parts keep -----------------------------------------------------------------------------------------

ELSEWHERE = """
R2  drivers/test_clocks.py::test_current_time_comes_first_and_date_time_last
R7  drivers/test_generic_sensor.py::test_a_counter_of_ticks_keeps_its_distance
R9  gateway/test_cables.py::test_a_clock_is_set_after_the_download_at_the_owner_s_word
R9  gateway/test_cables.py::test_no_meter_is_erased_and_no_clock_set_without_its_owner_s_word
R12 gateway/test_filing.py::test_the_same_record_again_is_nothing_new
R12 drivers/test_standard.py::test_a_meter_whose_time_went_back_is_read_whole
R13 gateway/test_filing.py::test_the_order_of_identities
R13 gateway/test_filing.py::test_an_identity_is_chosen_at_first_contact_and_kept
T6  gateway/test_sinks.py::test_pending_things_wait_and_leave_with_their_time
T7  gateway/test_filing.py::test_two_gateways_give_one_id
T8  gateway/test_fhir.py::test_what_is_no_number_is_absent_with_a_reason
T9  gateway/test_filing.py::test_digits_survive
T10 gateway/test_observed.py::test_what_has_no_kind_of_its_own_passes_through
T11 gateway/test_fhir.py::test_the_regulation_bit_and_the_certificate_are_told
T12 gateway/test_filing.py::test_the_order_of_identities
T13 gateway/test_fhir_sink.py::test_a_lost_answer_doubles_nothing
T14 gateway/test_fhir_sink.py::test_moved_back_and_retracted
T15 gateway/test_pending.py::test_what_was_given_out_is_safe_before_the_device_is_told_to_forget
"""


def test_every_rule_has_its_tests() -> None:
    elsewhere = [line.split() for line in ELSEWHERE.strip().splitlines()]
    named = {case.rule for case in CASES} | {rule for rule, _ in elsewhere}
    assert named >= {f"R{number}" for number in range(1, 14)} | {f"T{number}" for number in range(1, 16)}
    for _, name in elsewhere:
        path, function = name.split("::")
        tree = ast.parse((ROOT / "tests" / path).read_text())
        found = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert function in found, name

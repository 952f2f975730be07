"""Which clock of a device is read, what it says, and how it is set."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest

from drivers import DeviceClock, Refused, steps
from drivers.kit.capture import Record
from drivers.kit.replay import ReplayLink
from profiles.gatt import current_time as cts
from profiles.gatt import device_information as dis
from profiles.gatt import device_time as dts
from profiles.gatt import elapsed_time as ets
from profiles.times import DateTime
from profiles.wire import Layout

SECONDS = 830_000_000
MOMENT = ets.EPOCH + timedelta(seconds=SECONDS)


def link(*values: Layout, refused: tuple[int, ...] = (), **policy: bool) -> ReplayLink:
    chars = [f"{value.uuid:04X}" for value in values] + [f"{uuid:04X}" for uuid in refused]
    opening = Record(kind="open", session="1", time=1.7e9, extra={"chars": chars, "policy": policy})
    reads = [Record(kind="rd", session="1", characteristic=value.uuid, data=value.encode(), time=1.7e9) for value in values]
    errors = [Record(kind="er", session="1", characteristic=uuid, extra={"why": "NOT_PERMITTED"}) for uuid in refused]
    return ReplayLink([opening, *reads, *errors])


def clock(*values: Layout) -> DeviceClock | None:
    return asyncio.run(steps.device_clock(link(*values)))


def elapsed(
    flags: ets.Flags, source: ets.SyncSource = ets.SyncSource.MANUAL, status: int = 0, value: int = SECONDS
) -> ets.CurrentElapsedTime:
    return ets.CurrentElapsedTime(flags, value, source, 8, ets.ClockStatus(status), ets.ClockCapabilities(0))


def device_time(status: dts.Status, zone: int = 4, dst: int = 4) -> dts.DeviceTime:
    return dts.DeviceTime(SECONDS, zone, dst, status | dts.Status.EPOCH_YEAR_2000)


def test_a_clock_in_utc_says_its_distance() -> None:
    said = clock(elapsed(ets.Flags.UTC | ets.Flags.OFFSET_USED, ets.SyncSource.GPS))
    assert said is not None
    assert (said.device_time, said.utc_offset, said.synchronized) == (DateTime.of(MOMENT + timedelta(hours=2)), 120, True)
    bare = clock(elapsed(ets.Flags.UTC))
    assert bare is not None
    assert (bare.device_time, bare.utc_offset, bare.synchronized) == (DateTime.of(MOMENT), 0, False)


def test_a_local_clock_says_none_and_a_counter_is_no_synchronized_clock() -> None:
    local = clock(elapsed(ets.Flags(0)))
    assert local is not None
    assert (local.device_time, local.utc_offset) == (DateTime.of(MOMENT), None)
    counter = clock(elapsed(ets.Flags.TICK_COUNTER, ets.SyncSource.GPS, value=90))
    assert counter is not None
    assert (str(counter.device_time), counter.utc_offset, counter.synchronized) == ("2000-01-01T00:01:30", 0, False)


def test_a_clock_that_wants_to_be_set_is_not_believed() -> None:
    said = clock(elapsed(ets.Flags.UTC, ets.SyncSource.GPS, status=1))
    assert said is not None
    assert not said.synchronized


def test_parts_of_a_second_count() -> None:
    said = clock(elapsed(ets.Flags.UTC | ets.Flags(0x08), value=SECONDS * 1000 + 250))
    assert said is not None
    assert (said.device_time, str(said.fraction)) == (DateTime.of(MOMENT), "0.250")


def test_a_moment_beyond_the_calendar_is_no_clock() -> None:
    assert clock(elapsed(ets.Flags.UTC, value=(1 << 48) - 1)) is None


def test_a_device_time_with_zone_and_daylight_saving() -> None:
    said = clock(device_time(dts.Status.UTC_ALIGNED | dts.Status.QUALIFIED_LOCAL_TIME_SYNCHRONIZED))
    assert said is not None
    assert (said.device_time, said.utc_offset, said.synchronized) == (DateTime.of(MOMENT + timedelta(hours=2)), 120, True)
    unknown = clock(device_time(dts.Status.UTC_ALIGNED, dst=dts.DST_UNKNOWN))
    assert unknown is not None
    assert unknown.utc_offset == 60
    assert clock(device_time(dts.Status.TIME_FAULT)) is None, "it says itself that it is wrong"


def test_current_time_comes_first_and_date_time_last() -> None:
    current = cts.CurrentTime(DateTime(2026, 3, 1, 8, 0, 0), 7, 128, cts.AdjustReason(0))
    old = cts.DateTimeValue(DateTime(2020, 1, 1, 0, 0, 0))
    first, second, last = clock(old, elapsed(ets.Flags.UTC), current), clock(old, elapsed(ets.Flags.UTC)), clock(old)
    assert first is not None
    assert second is not None
    assert last is not None
    assert [str(one.device_time)[:4] for one in (first, second, last)] == ["2026", "2026", "2020"]
    assert float(first.fraction) == 0.5
    assert clock() is None


NOW = datetime(2026, 7, 14, 9, 30, 5, 500_000, timezone(timedelta(hours=2)))


@pytest.mark.parametrize(
    ("has", "characteristic"),
    [((0x2A2B, 0x2BF2, 0x2A08), 0x2A2B), ((0x2BF2, 0x2A08), 0x2BF2), ((0x2A08,), 0x2A08)],
)
def test_the_clock_that_is_read_is_the_one_that_is_set(has: tuple[int, ...], characteristic: int, monkeypatch: pytest.MonkeyPatch) -> None:
    given = ReplayLink([Record(kind="open", session="1", extra={"chars": [f"{one:04X}" for one in has], "policy": {"set_clock": True}})])
    monkeypatch.setattr(ReplayLink, "now", lambda _self: NOW)
    asyncio.run(steps.set_clock(given))
    [(written, data)] = given.written
    assert written == characteristic
    if characteristic == 0x2BF2:
        said = ets.ElapsedTime.decode(data)
        assert said.local_time == DateTime.of(NOW.replace(tzinfo=None))
        assert said.offset_minutes == 120
        assert int(said.seconds) == int((NOW.astimezone(UTC).replace(tzinfo=None) - ets.EPOCH).total_seconds())


def test_without_the_owners_word_nothing_is_set_and_a_refusal_is_no_error() -> None:
    unasked = link(elapsed(ets.Flags.UTC))
    asyncio.run(steps.set_clock(unasked))
    assert unasked.written == []
    refused = link(refused=(0x2A2B,), set_clock=True)
    asyncio.run(steps.set_clock(refused))
    assert refused.written == []
    with pytest.raises(Refused):
        asyncio.run(link(refused=(0x2A2B,)).write(0x2A2B, b""))


def test_who_a_device_is_in_full() -> None:
    udi = dis.UdiForMedicalDevices(dis.UdiFlags.LABEL | dis.UdiFlags.ISSUER, ("(01)0", "2.16.840.1.113883.3.24"))
    given = link(dis.PnpId(1, 0x0171, 2, 0x0100), udi, dis.RegulatoryCertificationDataList(b"\x00\x02"), dis.PnpId(1, 0, 0, 0))
    said = asyncio.run(steps.device_information(given))
    assert said is None, "these alone do not say who it is"
    given = link(
        dis.SystemId(bytes(range(1, 6)), bytes(3)), dis.PnpId(1, 0x0171, 2, 0x0100), udi, dis.RegulatoryCertificationDataList(b"\x00\x02")
    )
    said = asyncio.run(steps.device_information(given))
    assert said is not None
    assert (said.pnp_id, said.regulatory) == ("bluetooth:0171:0002:0100", "0002")
    assert said.udi == {"label": "(01)0", "issuer": "2.16.840.1.113883.3.24"}

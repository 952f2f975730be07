"""The device's clock: Current Time, Date Time, Elapsed Time or Device Time, whichever it has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from drivers.kit.declare import Command
from drivers.kit.errors import Refused
from drivers.kit.links import GattLink
from drivers.kit.readings import DeviceClock
from drivers.kit.reads import read
from profiles.gatt import current_time as cts
from profiles.gatt import device_time as dts
from profiles.gatt import elapsed_time as ets
from profiles.times import DateTime
from profiles.wire import Layout

SET_CLOCK = (
    Command(cts.CurrentTime.uuid, changes=True),
    Command(cts.DateTimeValue.uuid, changes=True),
    Command(ets.CurrentElapsedTime.uuid, changes=True),
)
_ELAPSED = ets.CurrentElapsedTime.uuid


_KEPT_RIGHT = frozenset(ets.SyncSource) - {ets.SyncSource.UNKNOWN, ets.SyncSource.MANUAL, ets.SyncSource.NOT_SYNCHRONIZED}


def elapsed(said: ets.Elapsed) -> tuple[DateTime | None, int | None]:
    """A stamp of the Elapsed Time Service as date and time, and minutes from UTC where it is known. A counter of seconds that knows no
    date is shown as if it had begun in 2000: only its distance from the clock of the same device means anything, so no zone may bend it.
    """
    local = said.local_time
    if local is not None:
        return local, said.offset_minutes
    try:
        return DateTime.of(ets.EPOCH + timedelta(seconds=int(said.seconds))), 0
    except OverflowError:
        return None, None  # beyond the year 9999


async def device_clock(link: GattLink) -> DeviceClock | None:
    """What the device's clock shows, by the first service of those that it has; None if it has none or does not tell."""
    current, frame = await read(link, cts.CurrentTime)
    if current is not None and frame is not None:
        synchronized = bool(current.adjust_reason & cts.AdjustReason.EXTERNAL_REFERENCE_TIME_UPDATE)
        return DeviceClock(frame, current.datetime, current.fraction, synchronized)
    counted, frame = await read(link, ets.CurrentElapsedTime)
    if counted is not None and frame is not None:
        kept = counted.sync_source in _KEPT_RIGHT and not counted.tick_counter
        needs_setting = bool(counted.clock_status & ets.ClockStatus.NEEDS_TO_BE_SET)
        moment, offset = elapsed(counted)
        if moment is None:
            return None
        return DeviceClock(frame, moment, counted.seconds % 1, kept and not needs_setting, offset)
    told, frame = await read(link, dts.DeviceTime)
    if told is not None and frame is not None and not told.status & dts.Status.TIME_FAULT:
        away = 15 * (told.time_zone + (told.dst_offset if told.dst_offset != dts.DST_UNKNOWN else 0))
        return DeviceClock(
            frame,
            told.local_time,
            synchronized=bool(told.status & dts.Status.QUALIFIED_LOCAL_TIME_SYNCHRONIZED),
            utc_offset=away if told.status & dts.Status.UTC_ALIGNED else None,
        )
    shown, frame = await read(link, cts.DateTimeValue)
    return DeviceClock(frame, shown.datetime) if shown is not None and frame is not None else None


async def set_clock(link: GattLink) -> None:
    """Last of all, and only by policy: old records were stamped by the old clock."""
    if not link.policy.set_clock:
        return
    now = link.now()
    characteristic = next((one for one in (cts.CurrentTime.uuid, _ELAPSED, cts.DateTimeValue.uuid) if link.has(one)), None)
    if characteristic is None:
        return
    value: Layout
    if characteristic == cts.CurrentTime.uuid:
        value = cts.CurrentTime(DateTime.of(now), now.isoweekday(), now.microsecond * 256 // 10**6, cts.AdjustReason(0))
    elif characteristic == _ELAPSED:
        value = _elapsed_now(now)
    else:
        value = cts.DateTimeValue(DateTime.of(now))
    try:
        await link.write(characteristic, value.encode())
    except Refused:
        # Current Time 1.1, table 3.3: a server may answer "data field ignored" (0x80) and keep its own time.
        return


def _elapsed_now(now: datetime) -> ets.ElapsedTime:
    away = now.utcoffset() or timedelta()
    seconds = int((now.astimezone(UTC).replace(tzinfo=None) - ets.EPOCH).total_seconds())
    quarters = away // timedelta(minutes=ets.QUARTERS_TO_MINUTES)
    flags = ets.Flags.UTC | ets.Flags.OFFSET_USED | ets.Flags.CURRENT_TIMELINE
    return ets.ElapsedTime(flags, seconds, ets.SyncSource.NETWORK_TIME_PROTOCOL, quarters)

"""On whose clock was that? The device's stamp, put onto the gateway's timeline, and how far to trust it.

Rules (numbers as in HL7's Personal Health Device guide, "coincident timestamps"): the pair (device clock, gateway clock)
is read at every connection; if the device says that its clock is synchronized, its stamps stand; else
`t' = t + (gateway - device)`; a stamp without a pair is taken as the hub's local time; no stamp means the time of
reception. At the ends of summer the guide is silent: a clock that shows the hub's local time now was moved with it, by
itself or by somebody, so that its stamps are read as local time of their own day; any other runs on as it was, so that all
its stamps are as far from UTC as the hub is now. A stamp that cannot be true keeps its text and is filed under the time of
reception, marked. While the hub's own clock is not trusted, whatever leans on it is `time-pending` (`settling.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

from gateway.clock import local
from gateway.normalize.things import Quality, When
from profiles.times import DateTime

EARLIEST = datetime(2010, 1, 1, tzinfo=UTC).timestamp()
"""No device that speaks these profiles stored anything before; clocks that were never set start in 1970, 2000 or so."""
FUTURE = 600.0
SET_WITHIN = 1800.0
"""Half of what clocks are moved by in spring and autumn."""


@dataclass(frozen=True, slots=True)
class ClockPair:
    """Both clocks at one moment. `gateway` is seconds since 1970, UTC; `fraction` of a second belongs to the device's."""

    device: DateTime
    gateway: float
    fraction: float = 0.0
    synchronized: bool = False
    utc_offset: int | None = None
    """Minutes, where the device says in which zone its clock is."""
    _known: dict[tzinfo | None, _Clocks | None] = field(default_factory=dict, repr=False, compare=False)

    def behind(self, zone: tzinfo | None) -> float | None:
        """Seconds by which the device's clock is behind the gateway's; None where it does not say a time that there is."""
        try:
            clocks = self.reckoned(zone)
        except (OverflowError, ValueError):
            return None
        return None if clocks is None else clocks.offset

    def reckoned(self, zone: tzinfo | None) -> _Clocks | None:
        """Once for all stamps of a session. None without a whole date. Raises `OverflowError` and `ValueError` beyond the calendar."""
        if zone not in self._known:
            now = self.device.naive()
            self._known[zone] = self._reckon(now, zone) if now is not None else None
        return self._known[zone]

    def _reckon(self, now: datetime, zone: tzinfo | None) -> _Clocks:
        here = timezone(local(self.gateway, zone).utcoffset() or timedelta())
        device = seconds(now, here, self.utc_offset)
        offset = self.gateway - device - self.fraction
        return _Clocks(device, offset, zone if self.synchronized or abs(offset) < SET_WITHIN else here)


class _Clocks(NamedTuple):
    device: float
    """What the device's clock shows, in seconds since 1970."""
    offset: float
    """So many seconds it is behind."""
    zone: tzinfo | None
    """In which its stamps are to be read, unless they say so themselves."""


def seconds(moment: datetime, zone: tzinfo | None, utc_offset: int | None = None, latest: float = 0.0) -> float:
    """Since 1970, of a naive time: so many minutes from UTC if the device says so, else local in `zone`, None for the system's.

    What an autumn night has twice is the second, if that is not after `latest`. What a spring night has not is by the clock
    that nobody has moved yet.
    """
    if utc_offset is not None:
        return moment.replace(tzinfo=timezone(timedelta(minutes=utc_offset))).timestamp()
    if isinstance(zone, timezone):
        return moment.replace(tzinfo=zone).timestamp()
    first = moment.replace(tzinfo=zone).timestamp()
    second = moment.replace(tzinfo=zone, fold=1).timestamp()
    return second if first < second <= latest else first


def file(
    device_time: DateTime | None,
    received: float,
    pair: ClockPair | None,
    *,
    trusted: bool,
    zone: tzinfo | None,
    clock_not_set: bool = False,
    utc_offset: int | None = None,
) -> tuple[When, float | None]:
    """When a reading was taken, and the seconds added to the device's time if a pair of clocks said so."""
    on_hub = Quality.RECEIVED if trusted else Quality.TIME_PENDING
    if device_time is None:
        return When(time=iso(local(received, zone)), quality=on_hub), None
    said = str(device_time)
    naive = None if clock_not_set else device_time.naive()
    if naive is not None:
        try:
            clocks = pair.reckoned(zone) if pair else None
            stamped = seconds(naive, clocks.zone if clocks else zone, utc_offset, clocks.device if clocks else received + FUTURE)
            found = _of_stamp(stamped, received, pair, clocks, trusted=trusted)
            if found is not None:
                return When(time=iso(local(found.moment, zone)), quality=found.quality, device_time=said), found.offset
        except (OverflowError, ValueError):
            pass  # at an end of the calendar: nothing can be reckoned with it
    quality = Quality.DEVICE_CLOCK_INVALID if trusted else on_hub
    return When(time=iso(local(received, zone)), quality=quality, device_time=said), None


class _Found(NamedTuple):
    moment: float
    quality: Quality
    offset: float | None = None


def _of_stamp(stamped: float, received: float, pair: ClockPair | None, clocks: _Clocks | None, *, trusted: bool) -> _Found | None:
    """None for a stamp that cannot be true."""
    if clocks is None or pair is None:
        if not trusted:
            return _Found(stamped, Quality.TIME_PENDING) if stamped >= EARLIEST else None
        return _Found(stamped, Quality.DEVICE_UNCHECKED) if EARLIEST <= stamped <= received + FUTURE else None
    device, offset, _ = clocks
    if pair.synchronized and device >= EARLIEST:
        return _Found(stamped, Quality.DEVICE_SYNCHRONIZED, 0.0)
    # Stamps count whole seconds: a correction says no more than they do.
    corrected = round(stamped + offset)
    # A stamp ahead of the device's own clock, or before any such device, comes from another timeline (a reset clock). A hub
    # that does not know the time cannot tell the second.
    if stamped > device + FUTURE or (trusted and corrected < EARLIEST):
        return None
    return _Found(corrected, Quality.CORRECTED if trusted else Quality.TIME_PENDING, round(offset, 3))


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")

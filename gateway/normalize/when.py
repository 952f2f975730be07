"""On whose clock was that? The device's stamp, put onto the gateway's timeline, and how far to trust it.

Rules (numbers as in HL7's Personal Health Device guide, "coincident timestamps"): the pair (device clock, gateway clock)
is read at every connection; if the device says that its clock is synchronized, its stamps stand; else
`t' = t + (gateway - device)`; a stamp without a pair is taken as the hub's local time; no stamp means the time of
reception. A stamp that cannot be true keeps its text and is filed under the time of reception, marked. While the
hub's own clock is not trusted, whatever leans on it is `time-pending`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

from gateway.clock import local
from gateway.normalize.things import Quality, When
from profiles.times import DateTime

EARLIEST = datetime(2010, 1, 1, tzinfo=UTC)
"""No device that speaks these profiles stored anything before; clocks that were never set start in 1970, 2000 or so."""
FUTURE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class ClockPair:
    """Both clocks at one moment. `gateway` is seconds since 1970, UTC; `fraction` of a second belongs to the device's."""

    device: DateTime
    gateway: float
    fraction: float = 0.0
    synchronized: bool = False
    utc_offset: int | None = None
    """Minutes, where the device says in which zone its clock is."""
    _known: dict[tzinfo | None, tuple[datetime, float] | None] = field(default_factory=dict, repr=False, compare=False)

    def reckoned(self, zone: tzinfo | None) -> tuple[datetime, float] | None:
        """The device's clock as a moment, and the seconds that it is behind: once for all stamps of a session.

        None without a whole date. Raises `OverflowError` and `ValueError` beyond the calendar.
        """
        if zone not in self._known:
            now = self.device.naive()
            device = _aware(now, zone, self.utc_offset) if now is not None else None
            self._known[zone] = (device, self.gateway - device.timestamp() - self.fraction) if device is not None else None
        return self._known[zone]


def _aware(moment: datetime, zone: tzinfo | None, utc_offset: int | None = None) -> datetime:
    """A naive time: so many minutes from UTC if the device says so, else local in `zone`, None for the system's."""
    if utc_offset is not None:
        return moment.replace(tzinfo=timezone(timedelta(minutes=utc_offset)))
    return moment.astimezone() if zone is None else moment.replace(tzinfo=zone)


def file(  # noqa: PLR0911 - a table of cases, one return each
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
    said = str(device_time) if device_time is not None else None
    naive = device_time.naive() if device_time is not None and not clock_not_set else None
    on_hub = Quality.RECEIVED if trusted else Quality.TIME_PENDING

    def at_hub(quality: Quality) -> tuple[When, None]:
        return When(time=_iso(local(received, zone)), quality=quality, device_time=said), None

    if device_time is None:
        return at_hub(on_hub)
    useless = Quality.DEVICE_CLOCK_INVALID if trusted else on_hub
    if naive is None:
        return at_hub(useless)
    try:
        stamped = local(_aware(naive, zone, utc_offset).timestamp(), zone)
        correction = _correction(stamped, pair, zone) if pair else None
    except (OverflowError, ValueError):
        return at_hub(useless)  # at an end of the calendar: nothing can be reckoned with it

    if correction is None or pair is None:
        if not trusted and stamped >= EARLIEST:
            return When(time=_iso(stamped), quality=Quality.TIME_PENDING, device_time=said), None
        if trusted and EARLIEST <= stamped <= local(received, zone) + FUTURE:
            return When(time=_iso(stamped), quality=Quality.DEVICE_UNCHECKED, device_time=said), None
        return at_hub(useless)

    offset, corrected, is_ahead, clock_is_plausible = correction
    if pair.synchronized and clock_is_plausible:
        return When(time=_iso(stamped), quality=Quality.DEVICE_SYNCHRONIZED, device_time=said), 0.0
    # A stamp ahead of the device's own clock, or before any such device, comes from another timeline (a reset clock).
    if is_ahead or corrected < EARLIEST:
        return at_hub(useless)
    return When(time=_iso(corrected), quality=Quality.CORRECTED if trusted else Quality.TIME_PENDING, device_time=said), round(offset, 3)


class _Correction(NamedTuple):
    offset: float
    corrected: datetime
    is_ahead: bool
    """The stamp, of the device's own clock."""
    clock_is_plausible: bool


def _correction(stamped: datetime, pair: ClockPair, zone: tzinfo | None) -> _Correction | None:
    """None without a whole date on the device's clock. Raises `OverflowError` and `ValueError` beyond the calendar."""
    known = pair.reckoned(zone)
    if known is None:
        return None
    device, offset = known
    # Stamps count whole seconds: a correction says no more than they do.
    corrected = local(round(stamped.timestamp() + offset), zone)
    return _Correction(offset, corrected, stamped > device + FUTURE, device >= EARLIEST)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")

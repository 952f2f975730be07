"""Times as devices say them: local, without a zone, with parts that may be unknown.

Source: GATT Specification Supplement (Date Time, Day Date Time, Exact Time 256, DST Offset, Time Zone).
A `datetime` is made to the right of here, in the gateway, where a clock and a zone are known.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from profiles.wire import Wire

_YEAR_MIN, _YEAR_MAX = 1582, 9999


class DateTime(NamedTuple):
    """Year, month and day may be 0 on the wire: "not known". Here they are None then."""

    year: int | None
    month: int | None
    day: int | None
    hours: int
    minutes: int
    seconds: int

    def __str__(self) -> str:
        """ISO 8601 with zeros for what is unknown: `0000-04-17T20:41:59`."""
        return f"{self.year or 0:04}-{self.month or 0:02}-{self.day or 0:02}T{self.hours:02}:{self.minutes:02}:{self.seconds:02}"

    @property
    def unknown_parts(self) -> tuple[str, ...]:
        return tuple(name for name, part in zip(("year", "month", "day"), self[:3], strict=True) if part is None)

    def naive(self) -> datetime | None:
        """As a naive datetime; None if a part is unknown or the calendar has no such day."""
        if self.year is None or self.month is None or self.day is None:
            return None
        try:
            return datetime(self.year, self.month, self.day, self.hours, self.minutes, self.seconds)  # noqa: DTZ001 - the device knows no zone
        except ValueError:
            return None

    @classmethod
    def of(cls, moment: datetime) -> DateTime:
        return cls(moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)

    def plus_minutes(self, minutes: int) -> DateTime | None:
        """User-facing time from base time and offset; None if the date is unknown and the clock would pass midnight."""
        moment = self.naive()
        if moment is not None:
            return DateTime.of(moment + timedelta(minutes=minutes))
        return self if minutes == 0 else None


def _date_time(year: int, month: int, day: int, hours: int, minutes: int, seconds: int) -> DateTime:
    if month > 12 or day > 31 or hours > 23 or minutes > 59 or seconds > 59 or (year and not _YEAR_MIN <= year <= _YEAR_MAX):  # noqa: PLR2004 - a calendar
        raise ValueError(f"no such time: {year:04}-{month:02}-{day:02} {hours:02}:{minutes:02}:{seconds:02}")
    return DateTime(year or None, month or None, day or None, hours, minutes, seconds)


class _DateTimeWire(Wire):
    fmt, size = "H5B", 7

    def expression(self, names: list[str], env: dict[str, Any]) -> str:
        return f"{self.bind(env, _date_time)}({', '.join(names)})"

    def write(self, value: DateTime) -> bytes:
        year, month, day = value.year or 0, value.month or 0, value.day or 0
        _date_time(year, month, day, value.hours, value.minutes, value.seconds)
        return year.to_bytes(2, "little") + bytes((month, day, value.hours, value.minutes, value.seconds))


DATE_TIME = _DateTimeWire()

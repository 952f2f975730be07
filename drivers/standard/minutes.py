"""What oximeters that stream share: values of one second each, summed up by the minute."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from decimal import Decimal

from drivers import Batch, Frame, GattLink, OxygenSaturation
from drivers.standard.period import Period
from profiles.wire import DecodeError

Values = list[tuple[int | None, int | None]]
"""Saturation and pulse, of each packet; without a finger neither."""

PATIENCE_SECONDS = 5.0
"""What comes is gathered for a second. Another device behind a cable is not waited for so long: others may know it."""


class Minutes:
    """`a_second`: so many packets the device sends in one."""

    def __init__(self, a_second: int) -> None:
        self._a_second, self._packets = a_second, 0
        self._period: Period | None = None

    def take(self, frame: Frame, spo2: int | None, pulse: int | None) -> OxygenSaturation | None:
        """The minute before, if this is no longer of it. Without values: the finger is out."""
        self._packets += 1
        if self._packets % self._a_second != 1 % self._a_second or spo2 is None or pulse is None:
            return None
        over = self.end() if self._period is not None and self._period.is_over(frame) else None
        period = self._period = self._period or Period(frame)
        period.add(frame, "oxygen_saturation", Decimal(spo2))
        period.add(frame, "pulse_rate", Decimal(pulse))
        return over

    def end(self) -> OxygenSaturation | None:
        period, self._period = self._period, None
        if period is None:
            return None
        lowest, highest = period.extremes("oxygen_saturation", "%")
        return OxygenSaturation(
            frame=period.first,
            key=period.key,
            spo2=period.mean("oxygen_saturation", "%"),
            pulse=period.mean("pulse_rate", "/min"),
            lowest=lowest,
            highest=highest,
            samples=len(period.values("oxygen_saturation")),
            seconds=period.seconds,
            series=period.series(oxygen_saturation="%", pulse_rate="/min"),
        )


def listening(
    characteristic: int, each: Callable[[], Callable[[Frame], Values]], *, a_second: int = 1
) -> Callable[[GattLink], AsyncGenerator[Batch]]:
    """The conversation of one over Bluetooth: nothing is sent. `each` makes, for each session, what understands its frames."""

    async def read(link: GattLink) -> AsyncGenerator[Batch]:
        await link.subscribe(characteristic)
        values, minutes = each(), Minutes(a_second)
        while (frame := await link.receive()) is not None:
            if frame.characteristic != characteristic:
                continue
            try:
                said = values(frame)
            except DecodeError as error:
                link.reject(frame, error)
                continue
            for one in said:
                over = minutes.take(frame, *one)
                if over is not None:
                    yield Batch((over,))
        if (last := minutes.end()) is not None:
            yield Batch((last,))

    return read

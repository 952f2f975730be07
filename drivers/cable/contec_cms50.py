"""Contec CMS50D+ and CMS50E/F with the older firmware, over their cable: what is stored, and what is measured now.

Flow: at 19,200 baud with odd parity the oximeter sends five octets sixty times a second. Live values are summed up by the minute. Its
memory, of one value a second and without a time, is not asked for: the same recording would come again at every visit, and nothing tells
it from another; it is left to its owner.
Source: atbrask/CMS50Dplus and its tests; the measurements of XON and XOFF in this project's own tests.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from decimal import Decimal

from drivers import GENERIC_CABLES, Batch, CableDriver, CableLink, DeviceInfo, Frame, OxygenSaturation, Serial, Stranger
from drivers.standard.period import Period
from profiles.framing import contec
from profiles.wire import DecodeError

A_SECOND = 60
PATIENCE_SECONDS = 5.0
"""What comes is gathered for a second. Another device behind the cable is not waited for so long: others may know it."""
MOST_DAMAGED = 50
"""Packets in a row: another baud rate, another parity or another device."""


class _Minutes:
    """Values of one second each: the device repeats itself sixty times in it."""

    def __init__(self) -> None:
        self._period: Period | None = None
        self._packets = 0

    def take(self, said: contec.Live, frame: Frame) -> OxygenSaturation | None:
        """The minute before, if this is no longer of it."""
        self._packets += 1
        if self._packets % A_SECOND != 1 or not said.is_valid:
            return None
        over = self.end() if self._period is not None and self._period.is_over(frame) else None
        period = self._period = self._period or Period(frame)
        period.add(frame, "oxygen_saturation", Decimal(said.spo2_pct))
        period.add(frame, "pulse_rate", Decimal(said.pulse_rate_bpm))
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


async def read(link: CableLink) -> AsyncGenerator[Batch]:
    framer, minutes = contec.Framer(), _Minutes()
    has_begun = False
    while (frame := await link.receive(PATIENCE_SECONDS if has_begun else 0.0)) is not None:
        for packet in framer.feed(frame.data):
            try:
                said = contec.live(packet)
            except DecodeError as error:
                link.reject(frame, error)
                continue
            if not has_begun:
                has_begun = True
                yield Batch((DeviceInfo(frame=frame, manufacturer="Contec", model="CMS50"),))
            if (over := minutes.take(said, frame)) is not None:
                yield Batch((over,))
        if not has_begun and framer.damaged > MOST_DAMAGED:
            raise Stranger("no oximeter of this kind")
    if not has_begun:
        raise Stranger("no oximeter of this kind")
    if (last := minutes.end()) is not None:
        yield Batch((last,))


DRIVER = CableDriver(
    name="contec-cms50",
    label="Contec CMS50D+, CMS50E, CMS50F with older firmware (serial cable)",
    plugs=GENERIC_CABLES,
    wire=Serial(baud=19200, parity="O", gather=1.0),
    read=read,
    streams=True,
)

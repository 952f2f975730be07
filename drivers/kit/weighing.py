"""The conversation of scales that say their weight in frames of their own: subscribe, listen, and take what was final.

Nothing is sent unless the driver says what. A weighing is over when the next begins, or the scale is silent: then its last final weight is
a reading, with the impedance that came before it or after it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import reduce

from drivers.kit.links import Frame, GattLink
from drivers.kit.readings import Batch, Intermediate, Key, Ordinals, Quantity, Weight
from profiles.floats import FLOAT
from profiles.times import DateTime
from profiles.wire import DecodeError

USUAL = (0xFFB2, 0xFFB3, 0xFFE1, 0xFFE4, 0xFFF1, 0xFFF2, 0xFFF4)
"""Where the boards of such scales speak: for one whose frames are known and whose characteristic is not."""
LIGHTEST, HEAVIEST = Decimal("0.5"), Decimal(300)
"""In kg. What a frame that is none would weigh is more, or next to nothing."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """`raw`: the octets of the weight, by which it is known again. `is_final`: the scale has settled, or never says whether."""

    kilograms: Decimal
    raw: bytes
    impedance: Decimal | None = None
    is_final: bool = True
    time: DateTime | None = None
    """UTC."""


@dataclass(frozen=True, slots=True)
class Impedance:
    """In ohm, for the weight before or behind it."""

    ohm: Decimal


@dataclass(frozen=True, slots=True)
class Settled:
    """The weight before was final."""


Said = Weighed | Impedance | Settled
Understand = Callable[[bytes], Said | None]
"""What a frame says; None if it is about something else. Raises `DecodeError` for one that is damaged."""


def is_weight(kilograms: Decimal) -> bool:
    return LIGHTEST <= kilograms <= HEAVIEST


def weight(data: bytes, at: int, divisor: int, *, size: int = 2, big: bool = True) -> tuple[Decimal, bytes] | None:
    """Kilograms and their octets; None where they are no weight."""
    raw = data[at : at + size]
    value = Decimal(int.from_bytes(raw, "big" if big else "little")) / divisor
    return (value, raw) if len(raw) == size and is_weight(value) else None


def ohm(data: bytes, at: int, *, size: int = 2, big: bool = True) -> Decimal | None:
    """None for 0: nobody stood on it barefoot."""
    raw = data[at : at + size]
    value = int.from_bytes(raw, "big" if big else "little")
    return Decimal(value) if len(raw) == size and value else None


def medfloat(data: bytes, at: int) -> Decimal | None:
    """A FLOAT of IEEE 11073-20601; None where there is none, or no number."""
    raw = data[at : at + FLOAT.size]
    value = FLOAT.convert(int.from_bytes(raw, "little")) if len(raw) == FLOAT.size else None
    return value if isinstance(value, Decimal) else None


def checked(data: bytes, *, since: int = 0, until: int = -1, xor: bool = False) -> None:
    """The octet at `until` is the sum of those from `since` on, or what is left of them by exclusive or. Raises `DecodeError`."""
    covered = data[since:until]
    check = reduce(int.__xor__, covered, 0) if xor else sum(covered) & 0xFF
    if not covered or check != data[until]:
        raise DecodeError("Frame", "checksum", len(data) + until, "does not fit", data)


class _Weighing:
    """What has been said of one."""

    def __init__(self) -> None:
        self.said: Weighed | None = None
        self.frame: Frame | None = None
        self.impedance: Decimal | None = None

    def is_another(self, said: Said) -> bool:
        """Behind a final weight one that still moves begins anew."""
        return isinstance(said, Weighed) and not said.is_final and self.said is not None and self.said.is_final

    def hear(self, said: Said, frame: Frame) -> None:
        if isinstance(said, Weighed):
            self.said, self.frame = said, frame
            self.impedance = said.impedance or self.impedance
        elif isinstance(said, Impedance):
            self.impedance = said.ohm
        elif self.said is not None:
            self.said = replace(self.said, is_final=True)

    def readings(self, ordinals: Ordinals) -> tuple[Weight | Intermediate, ...]:
        said, frame = self.said, self.frame
        if said is None or frame is None:
            return ()
        if not said.is_final:  # whoever it was stepped off too early
            return (Intermediate(frame, Quantity(said.kilograms, "kg")),)
        if said.time is None:
            key = Key.episode(said.raw, ordinals.next(said.raw))
        else:
            key = Key.content(said.time, None, said.raw, ordinals.next(said.time, said.raw))
        impedance = Quantity(self.impedance, "Ohm") if self.impedance else None
        weighed = Quantity(said.kilograms, "kg")
        zone = None if said.time is None else 0
        return (Weight(frame=frame, key=key, device_time=said.time, utc_offset=zone, weight=weighed, impedance=impedance),)


def weighing(
    measured: int | tuple[int, ...],
    understand: Understand | None = None,
    *,
    each: Callable[[], Understand] | None = None,
    hello: Sequence[tuple[int, bytes]] = (),
) -> Callable[[GattLink], AsyncGenerator[Batch]]:
    """`measured`: where the frames come. `each`: makes what understands them anew for each session, where one frame does not say all.
    `hello`: what the scale wants to hear before it speaks.
    """
    characteristics = measured if isinstance(measured, tuple) else (measured,)

    async def read(link: GattLink) -> AsyncGenerator[Batch]:
        await link.subscribe(*characteristics)
        for characteristic, data in hello:
            await link.write(characteristic, data)
        ordinals, now = Ordinals(), _Weighing()
        understood = each() if each is not None else understand
        while (frame := await link.receive()) is not None:
            is_ours = understood is not None and frame.characteristic in characteristics
            said = _understood(link, understood, frame) if is_ours and understood is not None else None
            if said is None:
                continue
            if now.is_another(said):
                before, now = now, _Weighing()
                yield Batch(before.readings(ordinals))
            now.hear(said, frame)
        yield Batch(now.readings(ordinals))

    return read


def _understood(link: GattLink, understand: Understand, frame: Frame) -> Said | None:
    try:
        return understand(frame.data)
    except DecodeError as error:
        link.reject(frame, error)
        return None

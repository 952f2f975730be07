"""SFLOAT (16 bit) and FLOAT (32 bit) of IEEE 11073-20601, annex F.8; "medfloat16" and "medfloat32" in the GATT supplement.

A two's-complement exponent to base ten over a two's-complement mantissa. The exponent says how many digits count:
0xF014 is 2.0, 0x0002 is 2. Five mantissas under exponent 0 are no numbers; they become a `NoValue`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from profiles.wire import Cache, Wire


class NoValue(enum.StrEnum):
    """Why there is no number."""

    NAN = "NaN"
    NRES = "NRes"
    PLUS_INFINITY = "+INFINITY"
    MINUS_INFINITY = "-INFINITY"
    RESERVED = "reserved"


Value = Decimal | NoValue


class _MedFloat(Wire):
    def __init__(self, fmt: str, mantissa_bits: int, exponent_bits: int) -> None:
        self.fmt, self.size = fmt, (mantissa_bits + exponent_bits) // 8
        self._mantissa_bits, self._exponent_bits = mantissa_bits, exponent_bits
        top = 1 << (mantissa_bits - 1)
        self.specials = {
            top - 1: NoValue.NAN,
            top: NoValue.NRES,
            top - 2: NoValue.PLUS_INFINITY,
            top + 2: NoValue.MINUS_INFINITY,
            top + 1: NoValue.RESERVED,
        }
        self.cache = Cache(self.convert)

    def convert(self, raw: int) -> Value:
        if raw in self.specials:
            return self.specials[raw]
        bits = self._mantissa_bits
        mantissa, exponent = raw & ((1 << bits) - 1), raw >> bits
        mantissa -= (mantissa >> (bits - 1)) << bits
        exponent -= (exponent >> (self._exponent_bits - 1)) << self._exponent_bits
        return Decimal(mantissa).scaleb(exponent)

    def expression(self, names: list[str], env: dict[str, Any]) -> str:
        return f"{self.bind(env, self.cache)}[{names[0]}]"

    def write(self, value: Value) -> bytes:
        """Keeps the digits of `value` where they fit; raises `ValueError` where the number does not."""
        if isinstance(value, NoValue):
            raw = next(raw for raw, special in self.specials.items() if special is value)
            return raw.to_bytes(self.size, "little")
        if not value.is_finite():
            raise ValueError(f"{value} is no number: say which NoValue")
        sign, digits, exponent = value.as_tuple()
        mantissa = int("".join(map(str, digits))) * (-1 if sign else 1)
        for shifted, power in _spellings(mantissa, int(exponent)):
            if self._fits(shifted, power):
                return self._pack(shifted, power).to_bytes(self.size, "little")
        raise ValueError(f"{value} does not fit a {self.size * 8}-bit 11073 float")

    def _fits(self, mantissa: int, exponent: int) -> bool:
        half_mantissa, half_exponent = 1 << (self._mantissa_bits - 1), 1 << (self._exponent_bits - 1)
        in_range = -half_mantissa <= mantissa < half_mantissa and -half_exponent <= exponent < half_exponent
        return in_range and self._pack(mantissa, exponent) not in self.specials

    def _pack(self, mantissa: int, exponent: int) -> int:
        return (mantissa & ((1 << self._mantissa_bits) - 1)) | (exponent & ((1 << self._exponent_bits) - 1)) << self._mantissa_bits


def _spellings(mantissa: int, exponent: int) -> Iterator[tuple[int, int]]:
    """The same number with its own digits first, then with fewer and with more trailing zeros."""
    yield mantissa, exponent
    if mantissa == 0:
        yield from ((0, power) for power in range(-128, 128))
        return
    shorter, power = mantissa, exponent
    while shorter % 10 == 0:
        shorter, power = shorter // 10, power + 1
        yield shorter, power
    for zeros in range(1, 9):
        yield mantissa * 10**zeros, exponent - zeros


SFLOAT = _MedFloat("H", 12, 4)
FLOAT = _MedFloat("I", 24, 8)

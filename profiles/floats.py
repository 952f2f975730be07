"""SFLOAT (16 bit) and FLOAT (32 bit) of IEEE 11073-20601, annex F.8; "medfloat16" and "medfloat32" in the GATT supplement.

A two's-complement exponent to base ten over a two's-complement mantissa. The exponent says how many digits count:
0xF014 is 2.0, 0x0002 is 2. Five mantissas under exponent 0 are no numbers; they become a `NoValue`.
"""

from __future__ import annotations

import enum
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
            top - 1: NoValue.NAN, top: NoValue.NRES, top - 2: NoValue.PLUS_INFINITY,
            top + 2: NoValue.MINUS_INFINITY, top + 1: NoValue.RESERVED,
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
        sign, digits, exponent = value.as_tuple()
        if not isinstance(exponent, int):
            raise ValueError(f"{value} is no number: say which NoValue")  # noqa: TRY004 - a value, not a type, is wrong
        mantissa = int("".join(map(str, digits)) or "0") * (-1 if sign else 1)
        lowest, highest = -(1 << (self._exponent_bits - 1)), (1 << (self._exponent_bits - 1)) - 1
        limit = 1 << (self._mantissa_bits - 1)
        while mantissa % 10 == 0 and mantissa and (not -limit <= mantissa < limit or exponent < lowest):
            mantissa, exponent = mantissa // 10, exponent + 1
        while exponent > highest or (exponent > lowest and self._is_special(mantissa, exponent) and abs(mantissa) * 10 < limit):
            mantissa, exponent = mantissa * 10, exponent - 1
        if self._is_special(mantissa, exponent) and mantissa % 10 == 0:
            mantissa, exponent = mantissa // 10, exponent + 1
        if mantissa == 0:
            exponent = min(max(exponent, lowest), highest)
        if not -limit <= mantissa < limit or not lowest <= exponent <= highest or self._is_special(mantissa, exponent):
            raise ValueError(f"{value} does not fit a {self.size * 8}-bit 11073 float")
        return self._pack(mantissa, exponent).to_bytes(self.size, "little")

    def _pack(self, mantissa: int, exponent: int) -> int:
        return (mantissa & ((1 << self._mantissa_bits) - 1)) | (exponent & ((1 << self._exponent_bits) - 1)) << self._mantissa_bits

    def _is_special(self, mantissa: int, exponent: int) -> bool:
        return self._pack(mantissa, exponent) in self.specials


SFLOAT = _MedFloat("H", 12, 4)
FLOAT = _MedFloat("I", 24, 8)

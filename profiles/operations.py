"""Control points that carry an opcode and what belongs to it: one small table per opcode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from profiles.crc import strip_crc
from profiles.wire import DecodeError, Layout

CRC_OCTETS = 2
Tables = Mapping[int, type[Layout]]
"""Opcode to what follows it."""


class Operation(Layout):
    """Base of a control point. `tables` says what follows an opcode; what follows the others stays octets.

    `may_have_crc`: the opcode has one octet, and an E2E-CRC can stand behind the parameter. Whether the device uses one is in its Feature
    characteristic; here two octets more than the table has are taken for it, and have to fit.
    """

    __slots__ = ()
    tables: ClassVar[Tables] = {}
    may_have_crc: ClassVar[bool] = False
    derived: ClassVar[tuple[str, ...]] = ("parameters",)

    opcode: int
    parameter: bytes

    @property
    def parameters(self) -> Layout | None:
        """The parameter by its table; None for an opcode without one."""
        table = self.tables.get(self.opcode)
        return table.decode(self.parameter) if table is not None else None

    @property
    def has_crc(self) -> bool:
        said = self.parameters
        return self.may_have_crc and said is not None and len(said.trailing) == CRC_OCTETS

    def problem(self) -> tuple[str, str] | None:
        try:
            said = self.parameters
            if self.may_have_crc and said is not None and said.trailing:
                if len(said.trailing) != CRC_OCTETS:
                    return "parameter", f"{len(said.trailing)} bytes more than opcode {int(self.opcode)} has; an E2E-CRC has 2"
                strip_crc(bytes((int(self.opcode),)) + self.parameter)
        except DecodeError as error:
            return "parameter", f"{error.field}: {error.reason}"
        except ValueError as error:
            return "parameter", str(error)
        return None

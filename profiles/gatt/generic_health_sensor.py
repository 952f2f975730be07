"""Generic Health Sensor Service, 0x1840. Source: GHSS 1.0, 3.1 to 3.6; Core 6.0, Vol 3, Part C, 12.7, for the security levels.

Observations come in segments (`profiles.segments`); what they hold is in `profiles.acom`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Annotated

from profiles.segments import Segmented
from profiles.wire import REST, U8, Layout, Wire

SERVICE = 0x1840


class Features(IntFlag):
    DEVICE_SPECIALIZATIONS = 0x01


@dataclass(frozen=True, slots=True)
class HealthSensorFeatures(Layout):
    """GHSS 3.1: flags, then the MDC codes of what it observes. What is behind them (device specializations) stays octets."""

    uuid = 0x2BF3
    derived = ("observation_types",)

    flags: Annotated[Features, U8]
    count: Annotated[int, U8]
    rest: Annotated[bytes, REST]

    @property
    def observation_types(self) -> tuple[int, ...]:
        return struct.unpack_from(f"<{self.count}I", self.rest)

    def problem(self) -> tuple[str, str] | None:
        if len(self.rest) < 4 * self.count:
            return "rest", f"{self.count} codes of 4 bytes were said, {len(self.rest)} bytes are left"
        return None


@dataclass(frozen=True, slots=True)
class _Observations(Segmented, Layout):
    derived = ("first_segment", "last_segment", "segment_counter")

    segmentation: Annotated[int, U8]
    body: Annotated[bytes, REST]


class LiveHealthObservations(_Observations):
    """GHSS 3.2."""

    __slots__ = ()
    uuid = 0x2B8B


class StoredHealthObservations(_Observations):
    """GHSS 3.3. Its body begins with the record's number, 32 bits."""

    __slots__ = ()
    uuid = 0x2BDD


@dataclass(frozen=True, slots=True)
class ObservationScheduleChanged(Layout):
    """GHSS 3.5: the MDC code whose schedule changed, and its new measurement and update intervals as octets."""

    uuid = 0x2BF1

    schedule: Annotated[bytes, REST]


class OpCode(IntEnum):
    ENABLE_LIVE_OBSERVATIONS = 0x01
    DISABLE_LIVE_OBSERVATIONS = 0x02
    RESPONSE_CODE = 0x80


@dataclass(frozen=True, slots=True)
class GHSControlPoint(Layout):
    """GHSS 3.6."""

    uuid = 0x2BF4

    opcode: Annotated[OpCode | int, U8]
    parameter: Annotated[bytes, REST] = b""


class Mode(IntEnum):
    ENCRYPTION = 1
    DATA_SIGNING = 2
    BROADCAST_ISOCHRONOUS = 3


@dataclass(frozen=True, slots=True)
class Requirement(Layout):
    mode: Annotated[Mode | int, U8]
    level: Annotated[int, U8]


class _Requirements(Wire):
    fmt, size = "", -1

    def read_rest(self, data: bytes, at: int) -> tuple[Requirement, ...]:
        left = len(data) - at
        if left % 2:
            raise ValueError(f"requirements of 2 bytes each, {left} are left")
        return tuple(Requirement.decode(data[n : n + 2]) for n in range(at, len(data), 2))

    def write(self, value: tuple[Requirement, ...]) -> bytes:
        return b"".join(requirement.encode() for requirement in value)


@dataclass(frozen=True, slots=True)
class LEGATTSecurityLevels(Layout):
    """Each line alone suffices for everything that the device has."""

    uuid = 0x2BF5

    requirements: Annotated[tuple[Requirement, ...], _Requirements()]

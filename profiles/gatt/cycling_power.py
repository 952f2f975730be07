"""Cycling Power Service, 0x1818. Source: CPS 1.1 and the GATT Specification Supplement."""

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum, IntFlag
from typing import Annotated, Any, ClassVar, NamedTuple

from profiles.gatt.speed_cadence import CumulativeValue, ResponseValue, SensorLocation
from profiles.operations import Operation, Tables
from profiles.wire import REST, S16, U8, U16, U32, Layout, Repeated, Wire

SERVICE = 0x1818


class Flags(IntFlag):
    PEDAL_POWER_BALANCE = 0x0001
    BALANCE_REFERENCE_LEFT = 0x0002
    ACCUMULATED_TORQUE = 0x0004
    TORQUE_SOURCE_CRANK = 0x0008
    WHEEL_REVOLUTIONS = 0x0010
    CRANK_REVOLUTIONS = 0x0020
    EXTREME_FORCES = 0x0040
    EXTREME_TORQUES = 0x0080
    EXTREME_ANGLES = 0x0100
    TOP_DEAD_SPOT_ANGLE = 0x0200
    BOTTOM_DEAD_SPOT_ANGLE = 0x0400
    ACCUMULATED_ENERGY = 0x0800
    OFFSET_COMPENSATION = 0x1000


class Angles(NamedTuple):
    """Degrees, 12 bits each, the maximum first."""

    maximum: int
    minimum: int


class _AnglesWire(Wire):
    fmt, size = "HB", 3

    def expression(self, names: list[str], env: dict[str, Any]) -> str:
        return f"{self.bind(env, Angles)}({names[0]} & 0xFFF, {names[0]} >> 12 | {names[1]} << 4)"

    def write(self, value: Angles) -> bytes:
        if not all(0 <= angle <= 0xFFF for angle in value):  # noqa: PLR2004 - 12 bits
            raise ValueError(f"{value} do not fit 12 bits each")
        return (value.maximum | value.minimum << 12).to_bytes(3, "little")


@dataclass(frozen=True, slots=True)
class CyclingPowerMeasurement(Layout):
    """CPS 3.2. Power in W, balance in percent, torques in N m, forces in N, angles in degrees, energy in kJ.

    Event times in seconds, by clocks that start again: the wheel's every 32 s, the crank's every 64 s.
    """

    uuid = 0x2A63
    derived = ("pedal_power_balance_reference", "accumulated_torque_source")

    flags: Annotated[Flags, U16]
    power: Annotated[int, S16]
    pedal_power_balance: Annotated[Decimal | None, U8 / 2, Flags.PEDAL_POWER_BALANCE] = None
    accumulated_torque: Annotated[Decimal | None, U16 / 32, Flags.ACCUMULATED_TORQUE] = None
    wheel_revolutions: Annotated[int | None, U32, Flags.WHEEL_REVOLUTIONS] = None
    wheel_event_time: Annotated[Decimal | None, U16 / 2048, Flags.WHEEL_REVOLUTIONS] = None
    crank_revolutions: Annotated[int | None, U16, Flags.CRANK_REVOLUTIONS] = None
    crank_event_time: Annotated[Decimal | None, U16 / 1024, Flags.CRANK_REVOLUTIONS] = None
    maximum_force: Annotated[int | None, S16, Flags.EXTREME_FORCES] = None
    minimum_force: Annotated[int | None, S16, Flags.EXTREME_FORCES] = None
    maximum_torque: Annotated[Decimal | None, S16 / 32, Flags.EXTREME_TORQUES] = None
    minimum_torque: Annotated[Decimal | None, S16 / 32, Flags.EXTREME_TORQUES] = None
    extreme_angles: Annotated[Angles | None, _AnglesWire(), Flags.EXTREME_ANGLES] = None
    top_dead_spot_angle: Annotated[int | None, U16, Flags.TOP_DEAD_SPOT_ANGLE] = None
    bottom_dead_spot_angle: Annotated[int | None, U16, Flags.BOTTOM_DEAD_SPOT_ANGLE] = None
    accumulated_energy: Annotated[int | None, U16, Flags.ACCUMULATED_ENERGY] = None

    @property
    def pedal_power_balance_reference(self) -> str | None:
        if self.pedal_power_balance is None:
            return None
        return "left" if self.flags & Flags.BALANCE_REFERENCE_LEFT else "unknown"

    @property
    def accumulated_torque_source(self) -> str | None:
        if self.accumulated_torque is None:
            return None
        return "crank" if self.flags & Flags.TORQUE_SOURCE_CRANK else "wheel"


class VectorFlags(IntFlag):
    CRANK_REVOLUTIONS = 0x01
    FIRST_CRANK_ANGLE = 0x02
    FORCES = 0x04
    TORQUES = 0x08
    DIRECTION = 0x30


class Direction(IntEnum):
    UNKNOWN = 0
    TANGENTIAL = 1
    RADIAL = 2
    LATERAL = 3


@dataclass(frozen=True, slots=True)
class CyclingPowerVector(Layout):
    """CPS 3.4. One turn of the crank in samples: forces in N, or torques in N m, never both."""

    uuid = 0x2A64
    derived = ("direction",)

    flags: Annotated[VectorFlags, U8]
    crank_revolutions: Annotated[int | None, U16, VectorFlags.CRANK_REVOLUTIONS] = None
    crank_event_time: Annotated[Decimal | None, U16 / 1024, VectorFlags.CRANK_REVOLUTIONS] = None
    first_crank_angle: Annotated[int | None, U16, VectorFlags.FIRST_CRANK_ANGLE] = None
    forces: Annotated[tuple[int, ...] | None, Repeated(S16), VectorFlags.FORCES] = None
    torques: Annotated[tuple[Decimal, ...] | None, Repeated(S16 / 32), VectorFlags.TORQUES] = None

    @property
    def direction(self) -> Direction:
        return Direction(int(self.flags & VectorFlags.DIRECTION) >> 4)

    def problem(self) -> tuple[str, str] | None:
        if self.forces is not None and self.torques is not None:
            return "flags", "forces and torques exclude each other"
        return None


class Features(IntFlag):
    PEDAL_POWER_BALANCE = 1 << 0
    ACCUMULATED_TORQUE = 1 << 1
    WHEEL_REVOLUTIONS = 1 << 2
    CRANK_REVOLUTIONS = 1 << 3
    EXTREME_MAGNITUDES = 1 << 4
    EXTREME_ANGLES = 1 << 5
    DEAD_SPOT_ANGLES = 1 << 6
    ACCUMULATED_ENERGY = 1 << 7
    OFFSET_COMPENSATION_INDICATOR = 1 << 8
    OFFSET_COMPENSATION = 1 << 9
    CONTENT_MASKING = 1 << 10
    MULTIPLE_SENSOR_LOCATIONS = 1 << 11
    CRANK_LENGTH_ADJUSTMENT = 1 << 12
    CHAIN_LENGTH_ADJUSTMENT = 1 << 13
    CHAIN_WEIGHT_ADJUSTMENT = 1 << 14
    SPAN_LENGTH_ADJUSTMENT = 1 << 15
    TORQUE_BASED = 1 << 16
    INSTANTANEOUS_MEASUREMENT_DIRECTION = 1 << 17
    FACTORY_CALIBRATION_DATE = 1 << 18
    ENHANCED_OFFSET_COMPENSATION = 1 << 19
    DISTRIBUTED_SYSTEM = 3 << 20


@dataclass(frozen=True, slots=True)
class CyclingPowerFeature(Layout):
    uuid = 0x2A65

    features: Annotated[Features, U32]


class OpCode(IntEnum):
    SET_CUMULATIVE_VALUE = 1
    UPDATE_SENSOR_LOCATION = 2
    REQUEST_SUPPORTED_SENSOR_LOCATIONS = 3
    SET_CRANK_LENGTH = 4
    REQUEST_CRANK_LENGTH = 5
    SET_CHAIN_LENGTH = 6
    REQUEST_CHAIN_LENGTH = 7
    SET_CHAIN_WEIGHT = 8
    REQUEST_CHAIN_WEIGHT = 9
    SET_SPAN_LENGTH = 10
    REQUEST_SPAN_LENGTH = 11
    START_OFFSET_COMPENSATION = 12
    MASK_CONTENT = 13
    REQUEST_SAMPLING_RATE = 14
    REQUEST_FACTORY_CALIBRATION_DATE = 15
    START_ENHANCED_OFFSET_COMPENSATION = 16
    RESPONSE_CODE = 32


@dataclass(frozen=True, slots=True)
class CrankLength(Layout):
    """In mm."""

    length: Annotated[Decimal, U16 / 2]


@dataclass(frozen=True, slots=True)
class Length(Layout):
    """In mm."""

    length: Annotated[int, U16]


@dataclass(frozen=True, slots=True)
class ChainWeight(Layout):
    """In g."""

    weight: Annotated[Decimal, U16 / 10]


@dataclass(frozen=True, slots=True)
class ContentMask(Layout):
    mask: Annotated[int, U16]


@dataclass(frozen=True, slots=True)
class Response(Layout):
    request_opcode: Annotated[OpCode | int, U8]
    response_value: Annotated[ResponseValue | int, U8]
    response_parameter: Annotated[bytes, REST] = b""


@dataclass(frozen=True, slots=True)
class CyclingPowerControlPoint(Operation):
    """CPS 3.6."""

    uuid = 0x2A66
    tables: ClassVar[Tables] = {
        OpCode.SET_CUMULATIVE_VALUE: CumulativeValue,
        OpCode.UPDATE_SENSOR_LOCATION: SensorLocation,
        OpCode.SET_CRANK_LENGTH: CrankLength,
        OpCode.SET_CHAIN_LENGTH: Length,
        OpCode.SET_CHAIN_WEIGHT: ChainWeight,
        OpCode.SET_SPAN_LENGTH: Length,
        OpCode.MASK_CONTENT: ContentMask,
        OpCode.RESPONSE_CODE: Response,
    }

    opcode: Annotated[OpCode | int, U8]
    parameter: Annotated[bytes, REST] = b""

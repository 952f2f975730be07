"""Fitness Machine Service, 0x1826: features, ranges, training status, control point and machine status.

Source: FTMS 1.0, 4.3 and 4.10 to 4.17, and the GATT Specification Supplement. The gateway reads machines and never steers one.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum, IntFlag
from typing import Annotated, Any, ClassVar

from profiles.operations import Operation, Tables
from profiles.wire import REST, S16, TEXT, U8, U16, U24, U32, Layout, Repeated, Wire


class MachineFeatures(IntFlag):
    AVERAGE_SPEED = 1 << 0
    CADENCE = 1 << 1
    TOTAL_DISTANCE = 1 << 2
    INCLINATION = 1 << 3
    ELEVATION_GAIN = 1 << 4
    PACE = 1 << 5
    STEP_COUNT = 1 << 6
    RESISTANCE_LEVEL = 1 << 7
    STRIDE_COUNT = 1 << 8
    EXPENDED_ENERGY = 1 << 9
    HEART_RATE_MEASUREMENT = 1 << 10
    METABOLIC_EQUIVALENT = 1 << 11
    ELAPSED_TIME = 1 << 12
    REMAINING_TIME = 1 << 13
    POWER_MEASUREMENT = 1 << 14
    FORCE_ON_BELT_AND_POWER_OUTPUT = 1 << 15
    USER_DATA_RETENTION = 1 << 16


class TargetSettingFeatures(IntFlag):
    SPEED = 1 << 0
    INCLINATION = 1 << 1
    RESISTANCE = 1 << 2
    POWER = 1 << 3
    HEART_RATE = 1 << 4
    EXPENDED_ENERGY = 1 << 5
    STEP_NUMBER = 1 << 6
    STRIDE_NUMBER = 1 << 7
    DISTANCE = 1 << 8
    TRAINING_TIME = 1 << 9
    TIME_IN_TWO_HEART_RATE_ZONES = 1 << 10
    TIME_IN_THREE_HEART_RATE_ZONES = 1 << 11
    TIME_IN_FIVE_HEART_RATE_ZONES = 1 << 12
    INDOOR_BIKE_SIMULATION = 1 << 13
    WHEEL_CIRCUMFERENCE = 1 << 14
    SPIN_DOWN_CONTROL = 1 << 15
    CADENCE = 1 << 16


@dataclass(frozen=True, slots=True)
class FitnessMachineFeature(Layout):
    uuid = 0x2ACC

    machine_features: Annotated[MachineFeatures, U32]
    target_setting_features: Annotated[TargetSettingFeatures, U32]


class StatusFlags(IntFlag):
    STRING = 0x01
    EXTENDED_STRING = 0x02


class Training(IntEnum):
    OTHER = 0x00
    IDLE = 0x01
    WARMING_UP = 0x02
    LOW_INTENSITY_INTERVAL = 0x03
    HIGH_INTENSITY_INTERVAL = 0x04
    RECOVERY_INTERVAL = 0x05
    ISOMETRIC = 0x06
    HEART_RATE_CONTROL = 0x07
    FITNESS_TEST = 0x08
    SPEED_TOO_LOW = 0x09
    SPEED_TOO_HIGH = 0x0A
    COOL_DOWN = 0x0B
    WATT_CONTROL = 0x0C
    MANUAL_MODE = 0x0D
    PRE_WORKOUT = 0x0E
    POST_WORKOUT = 0x0F


@dataclass(frozen=True, slots=True)
class TrainingStatus(Layout):
    """FTMS 4.10. An extended string goes on in Read Long."""

    uuid = 0x2AD3

    flags: Annotated[StatusFlags, U8]
    status: Annotated[Training | int, U8]
    text: Annotated[str | None, TEXT, StatusFlags.STRING] = None


@dataclass(frozen=True, slots=True)
class SupportedSpeedRange(Layout):
    """In km/h."""

    uuid = 0x2AD4

    minimum: Annotated[Decimal, U16 / 100]
    maximum: Annotated[Decimal, U16 / 100]
    minimum_increment: Annotated[Decimal, U16 / 100]


@dataclass(frozen=True, slots=True)
class SupportedInclinationRange(Layout):
    """In percent."""

    uuid = 0x2AD5

    minimum: Annotated[Decimal, S16 / 10]
    maximum: Annotated[Decimal, S16 / 10]
    minimum_increment: Annotated[Decimal, U16 / 10]


class _Resistances(Wire):
    """Three levels: one octet each, in tens (the supplement of today), or a sint16 each, in tenths (FTMS 1.0, 4.13)."""

    fmt, size = "", -1
    _short, _long = Repeated(U8 * "10"), Repeated(S16 / 10)

    def read_rest(self, data: bytes, at: int) -> tuple[Any, ...]:
        left = len(data) - at
        if left not in (3, 6):
            raise ValueError(f"three levels have 3 or 6 bytes, {left} are left")
        return (self._short if left == 3 else self._long).read_rest(data, at)  # noqa: PLR2004 - said above

    def write(self, value: tuple[Decimal, ...]) -> bytes:
        tens = all(level % 10 == 0 and 0 <= level <= 2550 for level in value)  # noqa: PLR2004 - what an octet of tens holds
        return (self._short if tens else self._long).write(value)


@dataclass(frozen=True, slots=True)
class SupportedResistanceLevelRange(Layout):
    uuid = 0x2AD6
    derived = ("minimum", "maximum", "minimum_increment")

    levels: Annotated[tuple[Decimal, ...], _Resistances()]

    @property
    def minimum(self) -> Decimal:
        return self.levels[0]

    @property
    def maximum(self) -> Decimal:
        return self.levels[1]

    @property
    def minimum_increment(self) -> Decimal:
        return self.levels[2]


@dataclass(frozen=True, slots=True)
class SupportedHeartRateRange(Layout):
    """In beats per minute."""

    uuid = 0x2AD7

    minimum: Annotated[int, U8]
    maximum: Annotated[int, U8]
    minimum_increment: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class SupportedPowerRange(Layout):
    """In W."""

    uuid = 0x2AD8

    minimum: Annotated[int, S16]
    maximum: Annotated[int, S16]
    minimum_increment: Annotated[int, U16]


class OpCode(IntEnum):
    REQUEST_CONTROL = 0x00
    RESET = 0x01
    SET_TARGET_SPEED = 0x02
    SET_TARGET_INCLINATION = 0x03
    SET_TARGET_RESISTANCE_LEVEL = 0x04
    SET_TARGET_POWER = 0x05
    SET_TARGET_HEART_RATE = 0x06
    START_OR_RESUME = 0x07
    STOP_OR_PAUSE = 0x08
    SET_TARGETED_EXPENDED_ENERGY = 0x09
    SET_TARGETED_NUMBER_OF_STEPS = 0x0A
    SET_TARGETED_NUMBER_OF_STRIDES = 0x0B
    SET_TARGETED_DISTANCE = 0x0C
    SET_TARGETED_TRAINING_TIME = 0x0D
    SET_TARGETED_TIME_IN_TWO_HEART_RATE_ZONES = 0x0E
    SET_TARGETED_TIME_IN_THREE_HEART_RATE_ZONES = 0x0F
    SET_TARGETED_TIME_IN_FIVE_HEART_RATE_ZONES = 0x10
    SET_INDOOR_BIKE_SIMULATION = 0x11
    SET_WHEEL_CIRCUMFERENCE = 0x12
    SPIN_DOWN_CONTROL = 0x13
    SET_TARGETED_CADENCE = 0x14
    RESPONSE_CODE = 0x80


class Result(IntEnum):
    SUCCESS = 1
    OP_CODE_NOT_SUPPORTED = 2
    INVALID_PARAMETER = 3
    OPERATION_FAILED = 4
    CONTROL_NOT_PERMITTED = 5


class Stop(IntEnum):
    STOP = 1
    PAUSE = 2


@dataclass(frozen=True, slots=True)
class StopOrPause(Layout):
    information: Annotated[Stop | int, U8]


@dataclass(frozen=True, slots=True)
class TargetSpeed(Layout):
    target_speed: Annotated[Decimal, U16 / 100]


@dataclass(frozen=True, slots=True)
class TargetInclination(Layout):
    target_inclination: Annotated[Decimal, S16 / 10]


@dataclass(frozen=True, slots=True)
class TargetResistance(Layout):
    target_resistance_level: Annotated[Decimal, U8 / 10]


@dataclass(frozen=True, slots=True)
class TargetPower(Layout):
    target_power: Annotated[int, S16]


@dataclass(frozen=True, slots=True)
class TargetHeartRate(Layout):
    target_heart_rate: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class TargetedEnergy(Layout):
    targeted_expended_energy: Annotated[int, U16]


@dataclass(frozen=True, slots=True)
class TargetedSteps(Layout):
    targeted_number_of_steps: Annotated[int, U16]


@dataclass(frozen=True, slots=True)
class TargetedStrides(Layout):
    targeted_number_of_strides: Annotated[int, U16]


@dataclass(frozen=True, slots=True)
class TargetedDistance(Layout):
    targeted_distance: Annotated[int, U24]


@dataclass(frozen=True, slots=True)
class TargetedTime(Layout):
    targeted_training_time: Annotated[int, U16]


@dataclass(frozen=True, slots=True)
class TargetedTimeInZones(Layout):
    """Seconds in each heart rate zone, the lightest first."""

    seconds: Annotated[tuple[int, ...], Repeated(U16)]


@dataclass(frozen=True, slots=True)
class BikeSimulation(Layout):
    """Wind in m/s, grade in percent, coefficient of rolling resistance, of wind resistance in kg/m."""

    wind_speed: Annotated[Decimal, S16 / 1000]
    grade: Annotated[Decimal, S16 / 100]
    rolling_resistance: Annotated[Decimal, U8 / 10000]
    wind_resistance: Annotated[Decimal, U8 / 100]


@dataclass(frozen=True, slots=True)
class WheelCircumference(Layout):
    """In mm."""

    wheel_circumference: Annotated[Decimal, U16 / 10]


@dataclass(frozen=True, slots=True)
class TargetedCadence(Layout):
    targeted_cadence: Annotated[Decimal, U16 / 2]


@dataclass(frozen=True, slots=True)
class Response(Layout):
    request_opcode: Annotated[OpCode | int, U8]
    result_code: Annotated[Result | int, U8]
    response_parameter: Annotated[bytes, REST] = b""


TARGETS: dict[int, type[Layout]] = {
    OpCode.SET_TARGET_SPEED: TargetSpeed,
    OpCode.SET_TARGET_INCLINATION: TargetInclination,
    OpCode.SET_TARGET_RESISTANCE_LEVEL: TargetResistance,
    OpCode.SET_TARGET_POWER: TargetPower,
    OpCode.SET_TARGET_HEART_RATE: TargetHeartRate,
    OpCode.SET_TARGETED_EXPENDED_ENERGY: TargetedEnergy,
    OpCode.SET_TARGETED_NUMBER_OF_STEPS: TargetedSteps,
    OpCode.SET_TARGETED_NUMBER_OF_STRIDES: TargetedStrides,
    OpCode.SET_TARGETED_DISTANCE: TargetedDistance,
    OpCode.SET_TARGETED_TRAINING_TIME: TargetedTime,
    OpCode.SET_TARGETED_TIME_IN_TWO_HEART_RATE_ZONES: TargetedTimeInZones,
    OpCode.SET_TARGETED_TIME_IN_THREE_HEART_RATE_ZONES: TargetedTimeInZones,
    OpCode.SET_TARGETED_TIME_IN_FIVE_HEART_RATE_ZONES: TargetedTimeInZones,
    OpCode.SET_INDOOR_BIKE_SIMULATION: BikeSimulation,
    OpCode.SET_WHEEL_CIRCUMFERENCE: WheelCircumference,
    OpCode.SET_TARGETED_CADENCE: TargetedCadence,
}


@dataclass(frozen=True, slots=True)
class FitnessMachineControlPoint(Operation):
    """FTMS 4.16."""

    uuid = 0x2AD9
    tables: ClassVar[Tables] = {**TARGETS, OpCode.STOP_OR_PAUSE: StopOrPause, OpCode.RESPONSE_CODE: Response}

    opcode: Annotated[OpCode | int, U8]
    parameter: Annotated[bytes, REST] = b""


class StatusOpCode(IntEnum):
    RESET = 0x01
    STOPPED_OR_PAUSED_BY_USER = 0x02
    STOPPED_BY_SAFETY_KEY = 0x03
    STARTED_OR_RESUMED_BY_USER = 0x04
    TARGET_SPEED_CHANGED = 0x05
    TARGET_INCLINE_CHANGED = 0x06
    TARGET_RESISTANCE_LEVEL_CHANGED = 0x07
    TARGET_POWER_CHANGED = 0x08
    TARGET_HEART_RATE_CHANGED = 0x09
    TARGETED_EXPENDED_ENERGY_CHANGED = 0x0A
    TARGETED_NUMBER_OF_STEPS_CHANGED = 0x0B
    TARGETED_NUMBER_OF_STRIDES_CHANGED = 0x0C
    TARGETED_DISTANCE_CHANGED = 0x0D
    TARGETED_TRAINING_TIME_CHANGED = 0x0E
    TARGETED_TIME_IN_TWO_HEART_RATE_ZONES_CHANGED = 0x0F
    TARGETED_TIME_IN_THREE_HEART_RATE_ZONES_CHANGED = 0x10
    TARGETED_TIME_IN_FIVE_HEART_RATE_ZONES_CHANGED = 0x11
    INDOOR_BIKE_SIMULATION_CHANGED = 0x12
    WHEEL_CIRCUMFERENCE_CHANGED = 0x13
    SPIN_DOWN_STATUS = 0x14
    TARGETED_CADENCE_CHANGED = 0x15
    CONTROL_PERMISSION_LOST = 0xFF


class SpinDown(IntEnum):
    REQUESTED = 1
    SUCCESS = 2
    ERROR = 3
    STOP_PEDALING = 4


@dataclass(frozen=True, slots=True)
class SpinDownStatus(Layout):
    status: Annotated[SpinDown | int, U8]


@dataclass(frozen=True, slots=True)
class FitnessMachineStatus(Operation):
    """FTMS 4.17. Its opcodes for targets are those of the control point, three higher at first, then one."""

    uuid = 0x2ADA
    tables: ClassVar[Tables] = {
        **{opcode + (3 if opcode <= OpCode.SET_TARGET_HEART_RATE else 1): table for opcode, table in TARGETS.items()},
        StatusOpCode.STOPPED_OR_PAUSED_BY_USER: StopOrPause,
        StatusOpCode.SPIN_DOWN_STATUS: SpinDownStatus,
    }

    opcode: Annotated[StatusOpCode | int, U8]
    parameter: Annotated[bytes, REST] = b""

"""Fitness Machine Service, 0x1826: what the six kinds of machine send while they are used. Source: FTMS 1.0, 4.4 to 4.9, and the GATT
Specification Supplement.

Flag bit 0, "more data", is upside down: while it is *not* set, the first fields are there, and the packet is the last of its record.
A machine may split a record over several packets. Distances in m, energy in kcal (per hour and per minute too), times in s, speed in
km/h, power in W. Resistance is a plain number: the documents do not agree on its resolution, and machines follow none of them.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import IntFlag
from typing import Annotated

from profiles.wire import S16, U8, U16, U24, Layout, Maybe, Scaled, Unless

SERVICE = 0x1826

ENERGY, ENERGY_PER_MINUTE = Maybe(U16, 0xFFFF), Maybe(U8, 0xFF)
"""The highest code says "not available" (FTMS 4.9.1.11)."""
UNAVAILABLE = 0x7FFF


class TreadmillFlags(IntFlag):
    MORE_DATA = 1 << 0
    AVERAGE_SPEED = 1 << 1
    TOTAL_DISTANCE = 1 << 2
    INCLINATION = 1 << 3
    ELEVATION_GAIN = 1 << 4
    INSTANTANEOUS_PACE = 1 << 5
    AVERAGE_PACE = 1 << 6
    EXPENDED_ENERGY = 1 << 7
    HEART_RATE = 1 << 8
    METABOLIC_EQUIVALENT = 1 << 9
    ELAPSED_TIME = 1 << 10
    REMAINING_TIME = 1 << 11
    FORCE_AND_POWER = 1 << 12
    STEP_COUNT = 1 << 13


@dataclass(frozen=True, slots=True)
class TreadmillData(Layout):
    """FTMS 4.9. Inclination in percent, ramp angle in degrees, pace in km/min, force on the belt in N."""

    uuid = 0x2ACD

    flags: Annotated[TreadmillFlags, U16]
    speed: Annotated[Decimal | None, U16 / 100, Unless(TreadmillFlags.MORE_DATA)] = None
    average_speed: Annotated[Decimal | None, U16 / 100, TreadmillFlags.AVERAGE_SPEED] = None
    total_distance: Annotated[int | None, U24, TreadmillFlags.TOTAL_DISTANCE] = None
    inclination: Annotated[Decimal | None, Scaled(S16, Decimal("0.1"), UNAVAILABLE), TreadmillFlags.INCLINATION] = None
    ramp_angle: Annotated[Decimal | None, Scaled(S16, Decimal("0.1"), UNAVAILABLE), TreadmillFlags.INCLINATION] = None
    positive_elevation_gain: Annotated[Decimal | None, U16 / 10, TreadmillFlags.ELEVATION_GAIN] = None
    negative_elevation_gain: Annotated[Decimal | None, U16 / 10, TreadmillFlags.ELEVATION_GAIN] = None
    instantaneous_pace: Annotated[Decimal | None, U8 / 10, TreadmillFlags.INSTANTANEOUS_PACE] = None
    average_pace: Annotated[Decimal | None, U8 / 10, TreadmillFlags.AVERAGE_PACE] = None
    total_energy: Annotated[int | None, ENERGY, TreadmillFlags.EXPENDED_ENERGY] = None
    energy_per_hour: Annotated[int | None, ENERGY, TreadmillFlags.EXPENDED_ENERGY] = None
    energy_per_minute: Annotated[int | None, ENERGY_PER_MINUTE, TreadmillFlags.EXPENDED_ENERGY] = None
    heart_rate: Annotated[int | None, U8, TreadmillFlags.HEART_RATE] = None
    metabolic_equivalent: Annotated[Decimal | None, U8 / 10, TreadmillFlags.METABOLIC_EQUIVALENT] = None
    elapsed_time: Annotated[int | None, U16, TreadmillFlags.ELAPSED_TIME] = None
    remaining_time: Annotated[int | None, U16, TreadmillFlags.REMAINING_TIME] = None
    force_on_belt: Annotated[int | None, Maybe(S16, UNAVAILABLE), TreadmillFlags.FORCE_AND_POWER] = None
    power: Annotated[int | None, Maybe(S16, UNAVAILABLE), TreadmillFlags.FORCE_AND_POWER] = None
    step_count: Annotated[int | None, U24, TreadmillFlags.STEP_COUNT] = None


class CrossTrainerFlags(IntFlag):
    MORE_DATA = 1 << 0
    AVERAGE_SPEED = 1 << 1
    TOTAL_DISTANCE = 1 << 2
    STEP_COUNT = 1 << 3
    STRIDE_COUNT = 1 << 4
    ELEVATION_GAIN = 1 << 5
    INCLINATION = 1 << 6
    RESISTANCE_LEVEL = 1 << 7
    INSTANTANEOUS_POWER = 1 << 8
    AVERAGE_POWER = 1 << 9
    EXPENDED_ENERGY = 1 << 10
    HEART_RATE = 1 << 11
    METABOLIC_EQUIVALENT = 1 << 12
    ELAPSED_TIME = 1 << 13
    REMAINING_TIME = 1 << 14
    BACKWARD = 1 << 15


@dataclass(frozen=True, slots=True)
class CrossTrainerData(Layout):
    """FTMS 4.5. Its flags have three octets. Elevation in whole m here."""

    uuid = 0x2ACE
    derived = ("movement_direction",)

    flags: Annotated[CrossTrainerFlags, U24]
    speed: Annotated[Decimal | None, U16 / 100, Unless(CrossTrainerFlags.MORE_DATA)] = None
    average_speed: Annotated[Decimal | None, U16 / 100, CrossTrainerFlags.AVERAGE_SPEED] = None
    total_distance: Annotated[int | None, U24, CrossTrainerFlags.TOTAL_DISTANCE] = None
    steps_per_minute: Annotated[int | None, Maybe(U16, 0xFFFF), CrossTrainerFlags.STEP_COUNT] = None
    average_step_rate: Annotated[int | None, Maybe(U16, 0xFFFF), CrossTrainerFlags.STEP_COUNT] = None
    stride_count: Annotated[Decimal | None, U16 / 10, CrossTrainerFlags.STRIDE_COUNT] = None
    positive_elevation_gain: Annotated[int | None, U16, CrossTrainerFlags.ELEVATION_GAIN] = None
    negative_elevation_gain: Annotated[int | None, U16, CrossTrainerFlags.ELEVATION_GAIN] = None
    inclination: Annotated[Decimal | None, Scaled(S16, Decimal("0.1"), UNAVAILABLE), CrossTrainerFlags.INCLINATION] = None
    ramp_angle: Annotated[Decimal | None, Scaled(S16, Decimal("0.1"), UNAVAILABLE), CrossTrainerFlags.INCLINATION] = None
    resistance_level: Annotated[int | None, S16, CrossTrainerFlags.RESISTANCE_LEVEL] = None
    power: Annotated[int | None, S16, CrossTrainerFlags.INSTANTANEOUS_POWER] = None
    average_power: Annotated[int | None, S16, CrossTrainerFlags.AVERAGE_POWER] = None
    total_energy: Annotated[int | None, ENERGY, CrossTrainerFlags.EXPENDED_ENERGY] = None
    energy_per_hour: Annotated[int | None, ENERGY, CrossTrainerFlags.EXPENDED_ENERGY] = None
    energy_per_minute: Annotated[int | None, ENERGY_PER_MINUTE, CrossTrainerFlags.EXPENDED_ENERGY] = None
    heart_rate: Annotated[int | None, U8, CrossTrainerFlags.HEART_RATE] = None
    metabolic_equivalent: Annotated[Decimal | None, U8 / 10, CrossTrainerFlags.METABOLIC_EQUIVALENT] = None
    elapsed_time: Annotated[int | None, U16, CrossTrainerFlags.ELAPSED_TIME] = None
    remaining_time: Annotated[int | None, U16, CrossTrainerFlags.REMAINING_TIME] = None

    @property
    def movement_direction(self) -> str:
        return "backward" if self.flags & CrossTrainerFlags.BACKWARD else "forward"


class StepClimberFlags(IntFlag):
    MORE_DATA = 1 << 0
    STEPS_PER_MINUTE = 1 << 1
    AVERAGE_STEP_RATE = 1 << 2
    POSITIVE_ELEVATION_GAIN = 1 << 3
    EXPENDED_ENERGY = 1 << 4
    HEART_RATE = 1 << 5
    METABOLIC_EQUIVALENT = 1 << 6
    ELAPSED_TIME = 1 << 7
    REMAINING_TIME = 1 << 8


@dataclass(frozen=True, slots=True)
class StepClimberData(Layout):
    """FTMS 4.6."""

    uuid = 0x2ACF

    flags: Annotated[StepClimberFlags, U16]
    floors: Annotated[int | None, U16, Unless(StepClimberFlags.MORE_DATA)] = None
    step_count: Annotated[int | None, U16, Unless(StepClimberFlags.MORE_DATA)] = None
    steps_per_minute: Annotated[int | None, U16, StepClimberFlags.STEPS_PER_MINUTE] = None
    average_step_rate: Annotated[int | None, U16, StepClimberFlags.AVERAGE_STEP_RATE] = None
    positive_elevation_gain: Annotated[int | None, U16, StepClimberFlags.POSITIVE_ELEVATION_GAIN] = None
    total_energy: Annotated[int | None, ENERGY, StepClimberFlags.EXPENDED_ENERGY] = None
    energy_per_hour: Annotated[int | None, ENERGY, StepClimberFlags.EXPENDED_ENERGY] = None
    energy_per_minute: Annotated[int | None, ENERGY_PER_MINUTE, StepClimberFlags.EXPENDED_ENERGY] = None
    heart_rate: Annotated[int | None, U8, StepClimberFlags.HEART_RATE] = None
    metabolic_equivalent: Annotated[Decimal | None, U8 / 10, StepClimberFlags.METABOLIC_EQUIVALENT] = None
    elapsed_time: Annotated[int | None, U16, StepClimberFlags.ELAPSED_TIME] = None
    remaining_time: Annotated[int | None, U16, StepClimberFlags.REMAINING_TIME] = None


class StairClimberFlags(IntFlag):
    MORE_DATA = 1 << 0
    STEPS_PER_MINUTE = 1 << 1
    AVERAGE_STEP_RATE = 1 << 2
    POSITIVE_ELEVATION_GAIN = 1 << 3
    STRIDE_COUNT = 1 << 4
    EXPENDED_ENERGY = 1 << 5
    HEART_RATE = 1 << 6
    METABOLIC_EQUIVALENT = 1 << 7
    ELAPSED_TIME = 1 << 8
    REMAINING_TIME = 1 << 9


@dataclass(frozen=True, slots=True)
class StairClimberData(Layout):
    """FTMS 4.7."""

    uuid = 0x2AD0

    flags: Annotated[StairClimberFlags, U16]
    floors: Annotated[int | None, U16, Unless(StairClimberFlags.MORE_DATA)] = None
    steps_per_minute: Annotated[int | None, U16, StairClimberFlags.STEPS_PER_MINUTE] = None
    average_step_rate: Annotated[int | None, U16, StairClimberFlags.AVERAGE_STEP_RATE] = None
    positive_elevation_gain: Annotated[int | None, U16, StairClimberFlags.POSITIVE_ELEVATION_GAIN] = None
    stride_count: Annotated[int | None, U16, StairClimberFlags.STRIDE_COUNT] = None
    total_energy: Annotated[int | None, ENERGY, StairClimberFlags.EXPENDED_ENERGY] = None
    energy_per_hour: Annotated[int | None, ENERGY, StairClimberFlags.EXPENDED_ENERGY] = None
    energy_per_minute: Annotated[int | None, ENERGY_PER_MINUTE, StairClimberFlags.EXPENDED_ENERGY] = None
    heart_rate: Annotated[int | None, U8, StairClimberFlags.HEART_RATE] = None
    metabolic_equivalent: Annotated[Decimal | None, U8 / 10, StairClimberFlags.METABOLIC_EQUIVALENT] = None
    elapsed_time: Annotated[int | None, U16, StairClimberFlags.ELAPSED_TIME] = None
    remaining_time: Annotated[int | None, U16, StairClimberFlags.REMAINING_TIME] = None


class RowerFlags(IntFlag):
    MORE_DATA = 1 << 0
    AVERAGE_STROKE_RATE = 1 << 1
    TOTAL_DISTANCE = 1 << 2
    INSTANTANEOUS_PACE = 1 << 3
    AVERAGE_PACE = 1 << 4
    INSTANTANEOUS_POWER = 1 << 5
    AVERAGE_POWER = 1 << 6
    RESISTANCE_LEVEL = 1 << 7
    EXPENDED_ENERGY = 1 << 8
    HEART_RATE = 1 << 9
    METABOLIC_EQUIVALENT = 1 << 10
    ELAPSED_TIME = 1 << 11
    REMAINING_TIME = 1 << 12


@dataclass(frozen=True, slots=True)
class RowerData(Layout):
    """FTMS 4.8. Stroke rate in strokes per minute, pace in s per 500 m."""

    uuid = 0x2AD1

    flags: Annotated[RowerFlags, U16]
    stroke_rate: Annotated[Decimal | None, U8 / 2, Unless(RowerFlags.MORE_DATA)] = None
    stroke_count: Annotated[int | None, U16, Unless(RowerFlags.MORE_DATA)] = None
    average_stroke_rate: Annotated[Decimal | None, U8 / 2, RowerFlags.AVERAGE_STROKE_RATE] = None
    total_distance: Annotated[int | None, U24, RowerFlags.TOTAL_DISTANCE] = None
    instantaneous_pace: Annotated[int | None, U16, RowerFlags.INSTANTANEOUS_PACE] = None
    average_pace: Annotated[int | None, U16, RowerFlags.AVERAGE_PACE] = None
    power: Annotated[int | None, S16, RowerFlags.INSTANTANEOUS_POWER] = None
    average_power: Annotated[int | None, S16, RowerFlags.AVERAGE_POWER] = None
    resistance_level: Annotated[int | None, S16, RowerFlags.RESISTANCE_LEVEL] = None
    total_energy: Annotated[int | None, ENERGY, RowerFlags.EXPENDED_ENERGY] = None
    energy_per_hour: Annotated[int | None, ENERGY, RowerFlags.EXPENDED_ENERGY] = None
    energy_per_minute: Annotated[int | None, ENERGY_PER_MINUTE, RowerFlags.EXPENDED_ENERGY] = None
    heart_rate: Annotated[int | None, U8, RowerFlags.HEART_RATE] = None
    metabolic_equivalent: Annotated[Decimal | None, U8 / 10, RowerFlags.METABOLIC_EQUIVALENT] = None
    elapsed_time: Annotated[int | None, U16, RowerFlags.ELAPSED_TIME] = None
    remaining_time: Annotated[int | None, U16, RowerFlags.REMAINING_TIME] = None


class IndoorBikeFlags(IntFlag):
    MORE_DATA = 1 << 0
    AVERAGE_SPEED = 1 << 1
    INSTANTANEOUS_CADENCE = 1 << 2
    AVERAGE_CADENCE = 1 << 3
    TOTAL_DISTANCE = 1 << 4
    RESISTANCE_LEVEL = 1 << 5
    INSTANTANEOUS_POWER = 1 << 6
    AVERAGE_POWER = 1 << 7
    EXPENDED_ENERGY = 1 << 8
    HEART_RATE = 1 << 9
    METABOLIC_EQUIVALENT = 1 << 10
    ELAPSED_TIME = 1 << 11
    REMAINING_TIME = 1 << 12


@dataclass(frozen=True, slots=True)
class IndoorBikeData(Layout):
    """FTMS 4.4. Cadence in revolutions per minute."""

    uuid = 0x2AD2

    flags: Annotated[IndoorBikeFlags, U16]
    speed: Annotated[Decimal | None, U16 / 100, Unless(IndoorBikeFlags.MORE_DATA)] = None
    average_speed: Annotated[Decimal | None, U16 / 100, IndoorBikeFlags.AVERAGE_SPEED] = None
    cadence: Annotated[Decimal | None, U16 / 2, IndoorBikeFlags.INSTANTANEOUS_CADENCE] = None
    average_cadence: Annotated[Decimal | None, U16 / 2, IndoorBikeFlags.AVERAGE_CADENCE] = None
    total_distance: Annotated[int | None, U24, IndoorBikeFlags.TOTAL_DISTANCE] = None
    resistance_level: Annotated[int | None, S16, IndoorBikeFlags.RESISTANCE_LEVEL] = None
    power: Annotated[int | None, S16, IndoorBikeFlags.INSTANTANEOUS_POWER] = None
    average_power: Annotated[int | None, S16, IndoorBikeFlags.AVERAGE_POWER] = None
    total_energy: Annotated[int | None, ENERGY, IndoorBikeFlags.EXPENDED_ENERGY] = None
    energy_per_hour: Annotated[int | None, ENERGY, IndoorBikeFlags.EXPENDED_ENERGY] = None
    energy_per_minute: Annotated[int | None, ENERGY_PER_MINUTE, IndoorBikeFlags.EXPENDED_ENERGY] = None
    heart_rate: Annotated[int | None, U8, IndoorBikeFlags.HEART_RATE] = None
    metabolic_equivalent: Annotated[Decimal | None, U8 / 10, IndoorBikeFlags.METABOLIC_EQUIVALENT] = None
    elapsed_time: Annotated[int | None, U16, IndoorBikeFlags.ELAPSED_TIME] = None
    remaining_time: Annotated[int | None, U16, IndoorBikeFlags.REMAINING_TIME] = None

"""Physical Activity Monitor Service, 0x183E. Source: PAMS 1.0, 3.1 to 3.11.

Each summary says which session it belongs to and how many seconds after the session's start it ended. The fields behind the common
head are decoded for the step counter; for the others, whose clauses are to be read again, they stay octets with their flags.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Annotated

from profiles.wire import REST, U8, U16, U24, U32, Int, Layout

SERVICE = 0x183E


class Features(IntFlag):
    MULTIPLE_USERS = 1 << 0
    USER_DATA_SERVICE = 1 << 1
    DEVICE_WORN = 1 << 2
    NORMAL_WALKING_ENERGY_EXPENDITURE = 1 << 3
    NORMAL_WALKING_ENERGY_EXPENDITURE_PER_HOUR = 1 << 4
    INTENSITY_ENERGY_EXPENDITURE = 1 << 5
    INTENSITY_ENERGY_EXPENDITURE_PER_HOUR = 1 << 6
    TOTAL_ENERGY_EXPENDITURE = 1 << 7
    TOTAL_ENERGY_EXPENDITURE_PER_HOUR = 1 << 8
    FAT_BURNED = 1 << 9
    FAT_BURNED_PER_HOUR = 1 << 10
    METABOLIC_EQUIVALENT = 1 << 11
    DISTANCE = 1 << 12
    SPEED = 1 << 13
    DURATION_NORMAL_WALKING_EPISODES = 1 << 14
    DURATION_INTENSITY_WALKING_EPISODES = 1 << 15
    MOTION_CADENCE = 1 << 16
    FLOORS = 1 << 17
    POSITIVE_ELEVATION_GAIN = 1 << 18
    NEGATIVE_ELEVATION_GAIN = 1 << 19
    ELEVATION = 1 << 20
    ACTIVITY_COUNT = 1 << 21
    ACTIVITY_COUNT_PER_MINUTE = 1 << 22
    ACTIVITY_LEVEL = 1 << 23
    ACTIVITY_TYPE = 1 << 24
    WORN_DURATION = 1 << 25
    TIME_IN_HEART_RATE_ZONE_1 = 1 << 26
    TIME_IN_HEART_RATE_ZONE_2 = 1 << 27
    TIME_IN_HEART_RATE_ZONE_3 = 1 << 28
    TIME_IN_HEART_RATE_ZONE_4 = 1 << 29
    TIME_IN_HEART_RATE_ZONE_5 = 1 << 30
    VO2_MAX = 1 << 31
    HEART_RATE = 1 << 32
    PULSE_INTER_BEAT_INTERVAL = 1 << 33
    RESTING_HEART_RATE = 1 << 34
    HEART_RATE_VARIABILITY = 1 << 35
    RESPIRATION_RATE = 1 << 36
    RESTING_RESPIRATION_RATE = 1 << 37
    NORMAL_WALKING_STEPS = 1 << 38
    INTENSITY_STEPS = 1 << 39
    FLOOR_STEPS = 1 << 40
    TOTAL_SLEEP_TIME = 1 << 41
    TOTAL_WAKE_TIME = 1 << 42
    TOTAL_BED_TIME = 1 << 43
    NUMBER_OF_AWAKENINGS = 1 << 44
    SLEEP_LATENCY = 1 << 45
    SLEEP_EFFICIENCY = 1 << 46
    SNOOZE_TIME = 1 << 47
    TOSS_AND_TURN_EVENTS = 1 << 48
    TIME_OF_AWAKENING_AFTER_ALARM = 1 << 49
    VISIBLE_LIGHT_LEVEL = 1 << 50
    UV_LIGHT_LEVEL = 1 << 51
    IR_LIGHT_LEVEL = 1 << 52
    SLEEP_STAGE = 1 << 53
    SLEEPING_HEART_RATE = 1 << 54


@dataclass(frozen=True, slots=True)
class PhysicalActivityMonitorFeatures(Layout):
    uuid = 0x2B3B

    features: Annotated[Features, Int("Q")]


class InstantaneousFlags(IntFlag):
    NORMAL_WALKING_ENERGY_PER_HOUR = 0x000001
    INTENSITY_ENERGY_PER_HOUR = 0x000002
    TOTAL_ENERGY_PER_HOUR = 0x000004
    FAT_BURNED_PER_HOUR = 0x000008
    METABOLIC_EQUIVALENT = 0x000010
    SPEED = 0x000020
    MOTION_CADENCE = 0x000040
    ELEVATION = 0x000080
    ACTIVITY_COUNT_PER_MINUTE = 0x000100
    ACTIVITY_LEVEL = 0x000200
    ACTIVITY_TYPE = 0x000400
    DEVICE_WORN = 0x800000


@dataclass(frozen=True, slots=True)
class GeneralActivityInstantaneousData(Layout):
    uuid = 0x2B3C

    segmentation: Annotated[int, U8]
    flags: Annotated[InstantaneousFlags, U24]
    session_id: Annotated[int, U16]
    sub_session_id: Annotated[int, U16]
    relative_timestamp: Annotated[int, U32]
    sequence_number: Annotated[int, U32]
    fields: Annotated[bytes, REST] = b""


class SummaryFlags(IntFlag):
    NORMAL_WALKING_ENERGY = 1 << 0
    INTENSITY_ENERGY = 1 << 1
    TOTAL_ENERGY = 1 << 2
    FAT_BURNED = 1 << 3
    MINIMUM_METABOLIC_EQUIVALENT = 1 << 4
    MAXIMUM_METABOLIC_EQUIVALENT = 1 << 5
    AVERAGE_METABOLIC_EQUIVALENT = 1 << 6
    DISTANCE = 1 << 7
    MINIMUM_SPEED = 1 << 8
    MAXIMUM_SPEED = 1 << 9
    AVERAGE_SPEED = 1 << 10
    DURATION_NORMAL_WALKING = 1 << 11
    DURATION_INTENSITY_WALKING = 1 << 12
    MINIMUM_MOTION_CADENCE = 1 << 13
    MAXIMUM_MOTION_CADENCE = 1 << 14
    AVERAGE_MOTION_CADENCE = 1 << 15
    FLOORS = 1 << 16
    POSITIVE_ELEVATION_GAIN = 1 << 17
    NEGATIVE_ELEVATION_GAIN = 1 << 18
    ACTIVITY_COUNT = 1 << 19
    MINIMUM_ACTIVITY_LEVEL = 1 << 20
    MAXIMUM_ACTIVITY_LEVEL = 1 << 21
    AVERAGE_ACTIVITY_LEVEL = 1 << 22
    AVERAGE_ACTIVITY_TYPE = 1 << 23
    WORN_DURATION = 1 << 24


@dataclass(frozen=True, slots=True)
class GeneralActivitySummaryData(Layout):
    uuid = 0x2B3D

    segmentation: Annotated[int, U8]
    flags: Annotated[SummaryFlags, U32]
    session_id: Annotated[int, U16]
    sub_session_id: Annotated[int, U16]
    relative_timestamp: Annotated[int, U32]
    sequence_number: Annotated[int, U32]
    fields: Annotated[bytes, REST] = b""


class StepFlags(IntFlag):
    NORMAL_WALKING_STEPS = 0x01
    INTENSITY_STEPS = 0x02
    FLOOR_STEPS = 0x04
    DISTANCE = 0x08
    WORN_DURATION = 0x10


@dataclass(frozen=True, slots=True)
class StepCounterActivitySummaryData(Layout):
    """Steps that the device counted; distance in m, time worn in s."""

    uuid = 0x2B40

    segmentation: Annotated[int, U8]
    flags: Annotated[StepFlags, U8]
    session_id: Annotated[int, U16]
    sub_session_id: Annotated[int, U16]
    relative_timestamp: Annotated[int, U32]
    sequence_number: Annotated[int, U32]
    normal_walking_steps: Annotated[int | None, U24, StepFlags.NORMAL_WALKING_STEPS] = None
    intensity_steps: Annotated[int | None, U24, StepFlags.INTENSITY_STEPS] = None
    floor_steps: Annotated[int | None, U24, StepFlags.FLOOR_STEPS] = None
    distance: Annotated[int | None, U24, StepFlags.DISTANCE] = None
    worn_duration: Annotated[int | None, U24, StepFlags.WORN_DURATION] = None


class OpCode(IntEnum):
    ENQUIRE_SESSIONS = 0x01
    ENQUIRE_SUB_SESSIONS = 0x02
    GET_ENDED_SESSION_DATA = 0x03
    START_SESSION_SUB_SESSION = 0x04
    STOP_SESSION = 0x05
    DELETE_ENDED_SESSION = 0x06
    SET_AVERAGE_ACTIVITY_TYPE = 0x07
    GET_ENDED_SESSION_DATA_SUCCESS_RESPONSE = 0xFA
    ENQUIRE_SUB_SESSIONS_SUCCESS_RESPONSE = 0xFB
    ENQUIRE_SESSIONS_SUCCESS_RESPONSE = 0xFC
    GET_ENDED_SESSION_DATA_ERROR_RESPONSE = 0xFD
    ENQUIRE_SUB_SESSIONS_ERROR_RESPONSE = 0xFE
    ENQUIRE_SESSIONS_ERROR_RESPONSE = 0xFF


@dataclass(frozen=True, slots=True)
class PhysicalActivityMonitorControlPoint(Layout):
    uuid = 0x2B43

    opcode: Annotated[OpCode | int, U8]
    parameter: Annotated[bytes, REST] = b""


class SessionFlags(IntFlag):
    ACTIVE = 0x01
    ACTIVITY_TYPE = 0x02


@dataclass(frozen=True, slots=True)
class PhysicalActivityCurrentSession(Layout):
    uuid = 0x2B44

    flags: Annotated[SessionFlags, U8]
    session_id: Annotated[int, U16]
    activity_type: Annotated[int | None, U8, SessionFlags.ACTIVITY_TYPE] = None


class SessionStatus(IntEnum):
    COMPLETE = 0
    IN_PROGRESS = 1
    PAUSED = 2


class Activity(IntEnum):
    UNSPECIFIED = 0x00
    OTHER = 0x01
    SIT = 0x02
    LIE = 0x03
    STAND = 0x04
    WALK = 0x05
    SHUFFLE = 0x06
    RUN = 0x07
    CYCLE_INDOOR = 0x08
    CYCLE_OUTDOOR = 0x09
    CYCLE = 0x0A
    AEROBIC_WORKOUT = 0x0B
    ELLIPTICAL = 0x0C
    SPORTS = 0x0D
    SWIM = 0x0E
    UNKNOWN = 0xFF


@dataclass(frozen=True, slots=True)
class PhysicalActivitySessionDescriptor(Layout):
    uuid = 0x2B45

    session_id: Annotated[int, U16]
    status: Annotated[SessionStatus | int, U8]
    activity_type: Annotated[Activity | int, U8]
    more: Annotated[bytes, REST] = b""

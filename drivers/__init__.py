"""Who says it, and how to get it to speak: the words a driver file is written in.

`__all__` is what out-of-tree drivers may rely on.
"""

from drivers.kit import steps
from drivers.kit.declare import Advertisement, Command, GattDriver, Match
from drivers.kit.errors import Busy, Confused, DeviceError, NotAllowed, Refused, Silent, Why
from drivers.kit.links import Frame, GattLink, Policy
from drivers.kit.readings import (
    Batch,
    BloodPressure,
    BodyComposition,
    Coded,
    DeviceClock,
    DeviceInfo,
    Exercise,
    Glucose,
    HeartRate,
    Insulin,
    Intermediate,
    Key,
    Notice,
    Observation,
    Ordinals,
    OxygenSaturation,
    Quantity,
    Reading,
    Series,
    Temperature,
    Weight,
)

__all__ = [
    "Advertisement",
    "Batch",
    "BloodPressure",
    "BodyComposition",
    "Busy",
    "Coded",
    "Command",
    "Confused",
    "DeviceClock",
    "DeviceError",
    "DeviceInfo",
    "Exercise",
    "Frame",
    "GattDriver",
    "GattLink",
    "Glucose",
    "HeartRate",
    "Insulin",
    "Intermediate",
    "Key",
    "Match",
    "NotAllowed",
    "Notice",
    "Observation",
    "Ordinals",
    "OxygenSaturation",
    "Policy",
    "Quantity",
    "Reading",
    "Refused",
    "Series",
    "Silent",
    "Temperature",
    "Weight",
    "Why",
    "steps",
]

"""Who says it, and how to get it to speak: the words a driver file is written in.

`__all__`, and the fields and methods of what is in it, is what out-of-tree drivers may rely on. `VOCABULARY` is its version: the second
number grows when something is added; the first, when something goes, which has been deprecated before for two releases and half a year at
least.
"""

from drivers.kit import steps, weighing
from drivers.kit.cable import (
    GENERIC_CABLES,
    MAIN,
    Blocks,
    Bulk,
    CableDriver,
    CableLink,
    Files,
    Hid,
    HidUart,
    Plug,
    Serial,
    Stream,
)
from drivers.kit.declare import Advertisement, Command, GattDriver, Hearing, Match
from drivers.kit.errors import Busy, Confused, DeviceError, NotAllowed, Refused, Silent, Stranger, Why
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
from drivers.kit.talk import Talk

VOCABULARY = (1, 0)

__all__ = [
    "GENERIC_CABLES",
    "MAIN",
    "VOCABULARY",
    "Advertisement",
    "Batch",
    "Blocks",
    "BloodPressure",
    "BodyComposition",
    "Bulk",
    "Busy",
    "CableDriver",
    "CableLink",
    "Coded",
    "Command",
    "Confused",
    "DeviceClock",
    "DeviceError",
    "DeviceInfo",
    "Exercise",
    "Files",
    "Frame",
    "GattDriver",
    "GattLink",
    "Glucose",
    "Hearing",
    "HeartRate",
    "Hid",
    "HidUart",
    "Insulin",
    "Intermediate",
    "Key",
    "Match",
    "NotAllowed",
    "Notice",
    "Observation",
    "Ordinals",
    "OxygenSaturation",
    "Plug",
    "Policy",
    "Quantity",
    "Reading",
    "Refused",
    "Serial",
    "Series",
    "Silent",
    "Stranger",
    "Stream",
    "Talk",
    "Temperature",
    "Weight",
    "Why",
    "steps",
    "weighing",
]

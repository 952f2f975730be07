"""Readings: what a device said, in its own units and by its own clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from drivers.kit.links import Frame
from profiles.times import DateTime


@dataclass(frozen=True, slots=True)
class Key:
    """Which record of the device this is. Decoded values, units, the person and the gateway's time are never in it.

    `sequence`: the device numbers its records. `content`: it stamps them; the octets as sent and the ordinal among
    identical ones tell two in one minute apart. `episode`: it does neither; the gateway's journal keeps count.
    """

    kind: str
    parts: tuple[str, ...]

    @classmethod
    def sequence(cls, number: int, base_time: DateTime) -> Key:
        return cls("sequence", (str(number), str(base_time)))

    @classmethod
    def content(cls, device_time: DateTime, user_index: int | None, raw: bytes, ordinal: int) -> Key:
        return cls("content", (str(device_time), "" if user_index is None else str(user_index), raw.hex(), str(ordinal)))

    @classmethod
    def episode(cls, raw: bytes, ordinal: int) -> Key:
        return cls("episode", (raw.hex(), str(ordinal)))

    @property
    def ordinal(self) -> int:
        """How many equal records of the device's stand before this one; 0 where numbers tell."""
        return int(self.parts[3]) if self.kind == "content" else 0


class Ordinals:
    """Numbers identical records of one session: 0, 1, …"""

    def __init__(self) -> None:
        self._seen: dict[object, int] = {}

    def next(self, *identity: object) -> int:
        number = self._seen.get(identity, 0)
        self._seen[identity] = number + 1
        return number


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value and its unit (UCUM) as measured."""

    value: Decimal
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    frame: Frame
    key: Key
    device_time: DateTime | None = None
    """As the device said it, uncorrected; with a user-facing offset already added."""
    clock_not_set: bool = False
    """The device says that its clock had not been set: the stamp tells records apart, not when they were."""
    utc_offset: int | None = None
    """Minutes, where the device says how far from UTC its time is; else it is local."""
    user_index: int | None = None
    sequence_number: int | None = None
    status: tuple[str, ...] = ()
    """Names of the status bits that were set, as the profile calls them."""


@dataclass(frozen=True, slots=True)
class Series:
    """The values that a summary was made of, each with its seconds since the reading's frame: as they came, or as the device counts."""

    name: str
    unit: str
    offsets: tuple[Decimal, ...]
    values: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BloodPressure(Reading):
    systolic: Quantity
    diastolic: Quantity
    mean: Quantity | None = None
    pulse: Quantity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight(Reading):
    weight: Quantity
    bmi: Quantity | None = None
    height: Quantity | None = None
    impedance: Quantity | None = None
    """Where the scale leaves it to others to make a body composition of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyComposition(Reading):
    """What a scale makes of the body's impedance. The weight is there only if the scale has no weight measurement of its own."""

    fat: Quantity | None = None
    muscle: Quantity | None = None
    """In percent."""
    muscle_mass: Quantity | None = None
    fat_free_mass: Quantity | None = None
    soft_lean_mass: Quantity | None = None
    water_mass: Quantity | None = None
    impedance: Quantity | None = None
    basal_metabolism: Quantity | None = None
    weight: Quantity | None = None
    height: Quantity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Glucose(Reading):
    concentration: Quantity
    sample_type: str | None = None
    sample_location: str | None = None
    meal: str | None = None
    context: Mapping[str, str] = field(default_factory=dict)
    """What else the context record says: carbohydrate, exercise, medication, each as text with its unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Temperature(Reading):
    temperature: Quantity
    site: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OxygenSaturation(Reading):
    """A spot check; or the mean over a period, and then with its extremes and how many values went in."""

    spo2: Quantity
    pulse: Quantity | None = None
    pulse_amplitude_index: Quantity | None = None
    lowest: Quantity | None = None
    highest: Quantity | None = None
    samples: int | None = None
    seconds: Decimal | None = None
    series: tuple[Series, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartRate(Reading):
    """The mean over a period of wearing, with its extremes and how many values went in."""

    rate: Quantity
    lowest: Quantity | None = None
    highest: Quantity | None = None
    samples: int = 1
    seconds: Decimal | None = None
    series: tuple[Series, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exercise(Reading):
    """A session of moving, or a period that the device itself sums up.

    `details`: what it comes to, by name: `distance`, `energy`, `steps`; `cadence`, `speed` and the like are means, `highest-speed` its
    extreme. `derived`: those of them that the device did not count, but the driver reckoned.
    """

    activity: str
    seconds: Decimal
    details: Mapping[str, Quantity]
    derived: tuple[str, ...] = ()
    series: tuple[Series, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Insulin(Reading):
    """A bolus that a device has delivered, all of it; `extended` of it over so many seconds."""

    kind: str
    amount: Quantity
    extended: Quantity | None = None
    seconds: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """A value that says itself what it is. `code`, `terms` and `dimension` are of ISO/IEEE 11073-10101; the first with its partition,
    the last without, for dimensions have one of their own.
    """

    code: int | None
    number: Decimal | None = None
    dimension: int | None = None
    terms: tuple[int, ...] = ()
    text: str | None = None
    octets: bytes = b""
    samples: tuple[Decimal, ...] = ()
    interval: Decimal | None = None
    """Seconds between two samples."""

    @property
    def is_empty(self) -> bool:
        return self.number is None and not (self.terms or self.text or self.octets or self.samples)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation(Reading):
    """What a device observed that tells by codes what it is; the gateway's table knows which have a thing-type of their own."""

    observed: Coded
    components: tuple[Coded, ...] = ()
    supplemental: tuple[int, ...] = ()
    seconds: Decimal | None = None
    """Over how long it was observed."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What the owner of a device should know of it, such as an empty battery. `code` tells one from another; no health values in it."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Intermediate:
    """A value on the way to a result. Never filed, never counted as one."""

    frame: Frame
    quantity: Quantity


@dataclass(frozen=True, slots=True)
class DeviceClock:
    """What the device's clock showed when `frame` came."""

    frame: Frame
    device_time: DateTime
    fraction: Decimal = Decimal(0)
    """Of a second, on top of `device_time`."""
    synchronized: bool = False
    """The device says that an external reference set its clock."""
    utc_offset: int | None = None
    """As in a reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceInfo:
    frame: Frame
    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None
    firmware: str | None = None
    hardware: str | None = None
    software: str | None = None
    system_id: str | None = None
    pnp_id: str | None = None
    """Who assigned the vendor's number, vendor, product, version: `bluetooth:0171:0002:0100`."""
    udi: Mapping[str, str] = field(default_factory=dict)
    """Unique Device Identification, by part."""
    regulatory: str | None = None
    """Regulatory certification data as they are, hexadecimal."""
    battery: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """All that is complete so far. The gateway holds it for good before the driver waits for anything, or writes, again.

    `mark`, if given, replaces the device's mark in the same transaction.
    """

    items: tuple[Reading | Intermediate | DeviceClock | DeviceInfo | Notice, ...] = ()
    mark: Mapping[str, Any] | None = None

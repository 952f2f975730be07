"""Observations of the Generic Health Sensor Service: the byte form of the IEEE 11073-10206 abstract content model ("ACOM").

An observation describes itself: its class, a length, flags for what it carries, and a value by its class. Nothing here knows what an MDC
code stands for; unknown ones pass through. Source: GHSS 1.0, 3.2 (observation body) and IEEE 11073-10206. No octets of other people's
devices were at hand: the clauses are to be read again before conformance is claimed.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum, IntFlag

from profiles.floats import FLOAT, Value
from profiles.gatt.elapsed_time import ElapsedTime
from profiles.wire import DecodeError

DEEPEST = 4
"""Bundles in bundles; devices have one level."""


class Class(IntEnum):
    NUMERIC = 0x01
    DISCRETE = 0x02
    STRING = 0x03
    SAMPLE_ARRAY = 0x04
    COMPOUND_DISCRETE_EVENT = 0x05
    COMPOUND_STATE = 0x06
    COMPOUND = 0x07
    TLV = 0x08
    BUNDLE = 0xFF


class Flags(IntFlag):
    TYPE = 0x0001
    TIMESTAMP = 0x0002
    DURATION = 0x0004
    STATUS = 0x0008
    OBSERVATION_ID = 0x0010
    PATIENT = 0x0020
    SUPPLEMENTAL = 0x0040
    DERIVED_FROM = 0x0080
    MEMBER_OF = 0x0100
    TLVS = 0x0200


class Status(IntFlag):
    INVALID = 0x0001
    QUESTIONABLE = 0x0002
    NOT_AVAILABLE = 0x0004
    CALIBRATING = 0x0008
    TEST_DATA = 0x0010
    EARLY_ESTIMATE = 0x0020
    MANUALLY_ENTERED = 0x0040
    SETTING = 0x0080
    THRESHOLD_ERROR = 0x4000
    THRESHOLDING_DISABLED = 0x8000


@dataclass(frozen=True, slots=True)
class Numeric:
    """The unit is an MDC code of the dimensions' partition."""

    value: Value
    unit: int


@dataclass(frozen=True, slots=True)
class Discrete:
    code: int


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class SampleArray:
    """Samples as octets, little-endian; a sample times the scale plus the offset is the value. The period is in seconds."""

    unit: int
    scale: Value
    offset: Value
    minimum: int
    maximum: int
    period: Value
    samples_per_period: int
    octets_per_sample: int
    samples: bytes

    @property
    def values(self) -> tuple[Decimal, ...]:
        size, scale, offset = self.octets_per_sample, self.scale, self.offset
        if not (isinstance(scale, Decimal) and isinstance(offset, Decimal)):
            return ()
        raw = (int.from_bytes(self.samples[at : at + size], "little", signed=True) for at in range(0, len(self.samples), size))
        return tuple(sample * scale + offset for sample in raw)


@dataclass(frozen=True, slots=True)
class Events:
    codes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class States:
    """Which bits the device supports, which hold, and which mean "off" as well."""

    supported: int
    state: int
    size: int


@dataclass(frozen=True, slots=True)
class Component:
    type: int
    value: Numeric | Discrete | Text | SampleArray | Events | States | Opaque


@dataclass(frozen=True, slots=True)
class Opaque:
    """A value of a class that is not known, or that nobody needs taken apart."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class Tlv:
    type: int
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What a bundle says for all its members is filled into each of them."""

    observation_class: Class | int
    flags: Flags
    type: int | None = None
    timestamp: ElapsedTime | None = None
    duration: Value | None = None
    status: Status | None = None
    observation_id: int | None = None
    patient: int | None = None
    supplemental: tuple[int, ...] = ()
    derived_from: tuple[int, ...] = ()
    member_of: tuple[int, ...] = ()
    tlvs: tuple[Tlv, ...] = ()
    value: Numeric | Discrete | Text | SampleArray | Events | States | Opaque | tuple[Component, ...] | None = None
    members: tuple[Observation, ...] = ()
    """Of a bundle."""


class _Octets:
    """A place in the octets, that moves on with what is read."""

    def __init__(self, data: bytes, end: int, at: int = 0) -> None:
        self.data, self.at, self.end = data, at, end

    def error(self, field: str, reason: str) -> DecodeError:
        return DecodeError("Observation", field, self.at, reason, self.data)

    def take(self, size: int, field: str) -> bytes:
        if size > self.end - self.at:
            raise self.error(field, f"needs {size} bytes, {self.end - self.at} left")
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, size: int, field: str) -> int:
        return int.from_bytes(self.take(size, field), "little")

    def float(self, field: str) -> Value:
        return FLOAT.convert(self.number(4, field))

    def numbers(self, size: int, field: str) -> tuple[int, ...]:
        count = self.number(1, field)
        return tuple(self.number(size, field) for _ in range(count))


def decode(data: bytes) -> Observation:
    """One observation with all that is in it. Raises `DecodeError`."""
    octets = _Octets(data, len(data))
    found = _observation(octets, Observation(observation_class=Class.BUNDLE, flags=Flags(0)), 0)
    if octets.at != len(data):
        raise octets.error("end", f"{len(data) - octets.at} bytes more than the observation said")
    return found


def single(observation: Observation) -> tuple[Observation, ...]:
    """The observations that say something: a bundle's members, and theirs."""
    if observation.observation_class != Class.BUNDLE:
        return (observation,)
    return tuple(one for member in observation.members for one in single(member))


def _observation(octets: _Octets, above: Observation, depth: int) -> Observation:
    code = octets.number(1, "class")
    length = octets.number(2, "length")
    if length > octets.end - octets.at:
        raise octets.error("length", f"{length} bytes were said, {octets.end - octets.at} are left")
    inner = _Octets(octets.data, octets.at + length, octets.at)
    octets.at += length
    flags = Flags(inner.number(2, "flags"))
    kind = Class(code) if code in set(Class) else code
    head = Observation(
        observation_class=kind,
        flags=flags,
        type=inner.number(4, "type") if flags & Flags.TYPE else above.type,
        timestamp=ElapsedTime.decode(inner.take(9, "timestamp")) if flags & Flags.TIMESTAMP else above.timestamp,
        duration=inner.float("duration") if flags & Flags.DURATION else above.duration,
        status=Status(inner.number(2, "status")) if flags & Flags.STATUS else above.status,
        observation_id=inner.number(4, "observation_id") if flags & Flags.OBSERVATION_ID else None,
        patient=inner.number(1, "patient") if flags & Flags.PATIENT else above.patient,
        supplemental=inner.numbers(4, "supplemental") if flags & Flags.SUPPLEMENTAL else above.supplemental,
        derived_from=inner.numbers(4, "derived_from") if flags & Flags.DERIVED_FROM else (),
        member_of=inner.numbers(4, "member_of") if flags & Flags.MEMBER_OF else (),
        tlvs=_tlvs(inner) if flags & Flags.TLVS else (),
    )
    members: tuple[Observation, ...] = ()
    value: Numeric | Discrete | Text | SampleArray | Events | States | Opaque | tuple[Component, ...] | None = None
    if kind == Class.BUNDLE:
        if depth >= DEEPEST:
            raise inner.error("members", f"bundles are nested more than {DEEPEST} deep")
        members = tuple(_observation(inner, head, depth + 1) for _ in range(inner.number(1, "count")))
    elif kind == Class.COMPOUND:
        value = tuple(_component(inner) for _ in range(inner.number(1, "count")))
    else:
        value = _value(inner, kind)
    if inner.at != inner.end:
        raise inner.error("value", f"{inner.end - inner.at} bytes more than its class has")
    return _with(head, value, members)


def _with(head: Observation, value: object, members: tuple[Observation, ...]) -> Observation:
    fields = {name: getattr(head, name) for name in Observation.__slots__}
    return Observation(**(fields | {"value": value, "members": members}))


def _component(octets: _Octets) -> Component:
    return Component(octets.number(4, "component"), _value(octets, octets.number(1, "component class")))


def _tlvs(octets: _Octets) -> tuple[Tlv, ...]:
    count = octets.number(1, "tlvs")
    return tuple(Tlv(octets.number(4, "tlv type"), octets.take(octets.number(2, "tlv length"), "tlv")) for _ in range(count))


def _value(octets: _Octets, kind: int) -> Numeric | Discrete | Text | SampleArray | Events | States | Opaque:  # noqa: PLR0911 - one return a class
    if kind == Class.NUMERIC:
        unit = octets.number(2, "unit")
        return Numeric(octets.float("value"), unit)
    if kind == Class.DISCRETE:
        return Discrete(octets.number(4, "code"))
    if kind == Class.STRING:
        raw = octets.take(octets.number(2, "text length"), "text")
        try:
            return Text(raw.decode())
        except UnicodeDecodeError:
            raise octets.error("text", "it is no UTF-8") from None
    if kind == Class.SAMPLE_ARRAY:
        return _samples(octets)
    if kind == Class.COMPOUND_DISCRETE_EVENT:
        return Events(octets.numbers(4, "codes"))
    if kind == Class.COMPOUND_STATE:
        size = octets.number(1, "state size")
        return States(octets.number(size, "supported"), octets.number(size, "state"), size)
    return Opaque(octets.take(octets.end - octets.at, "value"))


def _samples(octets: _Octets) -> SampleArray:
    unit, scale, offset = octets.number(2, "unit"), octets.float("scale"), octets.float("offset")
    low, high = struct.unpack("<ii", octets.take(8, "range"))
    period, per_period, size = octets.float("period"), octets.number(1, "samples per period"), octets.number(1, "octets per sample")
    count = octets.number(4, "number of samples")
    if not size and count:
        raise octets.error("octets per sample", "samples without octets")
    return SampleArray(unit, scale, offset, low, high, period, per_period, size, octets.take(count * size, "samples"))

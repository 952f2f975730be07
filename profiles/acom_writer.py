"""Observations as octets: the other direction of `profiles.acom`."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from profiles.acom import (
    Class,
    Component,
    Discrete,
    Events,
    Flags,
    Numeric,
    Observation,
    Opaque,
    SampleArray,
    States,
    Text,
)
from profiles.floats import FLOAT

Single = Numeric | Discrete | Text | SampleArray | Events | States | Opaque

_CLASSES: dict[type[object], Class] = {
    Numeric: Class.NUMERIC,
    Discrete: Class.DISCRETE,
    Text: Class.STRING,
    SampleArray: Class.SAMPLE_ARRAY,
    Events: Class.COMPOUND_DISCRETE_EVENT,
    States: Class.COMPOUND_STATE,
    Opaque: Class.TLV,
}


def encode(observation: Observation) -> bytes:
    """What is None or empty is left out, and the flags say so. Raises `ValueError` for a number that no FLOAT can hold."""
    flags, head = Flags(0), bytearray()
    for flag, octets in _parts(observation):
        if octets is not None:
            flags |= flag
            head += octets
    body = struct.pack("<H", flags) + head
    if observation.observation_class == Class.BUNDLE:
        body += bytes((len(observation.members),)) + b"".join(map(encode, observation.members))
    elif isinstance(observation.value, tuple):
        body += bytes((len(observation.value),)) + b"".join(map(_component, observation.value))
    elif observation.value is not None:
        body += _value(observation.value)
    return struct.pack("<BH", observation.observation_class, len(body)) + body


def _parts(said: Observation) -> Iterable[tuple[Flags, bytes | None]]:
    yield Flags.TYPE, None if said.type is None else struct.pack("<I", said.type)
    yield Flags.TIMESTAMP, None if said.timestamp is None else said.timestamp.encode()
    yield Flags.DURATION, None if said.duration is None else FLOAT.write(said.duration)
    yield Flags.STATUS, None if said.status is None else struct.pack("<H", said.status)
    yield Flags.OBSERVATION_ID, None if said.observation_id is None else struct.pack("<I", said.observation_id)
    yield Flags.PATIENT, None if said.patient is None else bytes((said.patient,))
    yield Flags.SUPPLEMENTAL, _numbers(said.supplemental)
    yield Flags.DERIVED_FROM, _numbers(said.derived_from)
    yield Flags.MEMBER_OF, _numbers(said.member_of)
    tlvs = b"".join(struct.pack("<IH", one.type, len(one.value)) + one.value for one in said.tlvs)
    yield Flags.TLVS, bytes((len(said.tlvs),)) + tlvs if said.tlvs else None


def _numbers(values: tuple[int, ...]) -> bytes | None:
    return bytes((len(values),)) + struct.pack(f"<{len(values)}I", *values) if values else None


def _component(component: Component) -> bytes:
    return struct.pack("<IB", component.type, _CLASSES[type(component.value)]) + _value(component.value)


def _value(value: Single) -> bytes:
    match value:
        case Numeric():
            octets = struct.pack("<H", value.unit) + FLOAT.write(value.value)
        case Discrete():
            octets = struct.pack("<I", value.code)
        case Text():
            raw = value.text.encode()
            octets = struct.pack("<H", len(raw)) + raw
        case Events():
            octets = bytes((len(value.codes),)) + struct.pack(f"<{len(value.codes)}I", *value.codes)
        case States():
            octets = bytes((value.size,)) + value.supported.to_bytes(value.size, "little") + value.state.to_bytes(value.size, "little")
        case SampleArray():
            octets = _samples(value)
        case Opaque():
            octets = value.octets
    return octets


def _samples(array: SampleArray) -> bytes:
    size = array.octets_per_sample
    count = len(array.samples) // size if size else 0
    head = struct.pack("<H", array.unit) + FLOAT.write(array.scale) + FLOAT.write(array.offset)
    head += struct.pack("<ii", array.minimum, array.maximum) + FLOAT.write(array.period)
    return head + struct.pack("<BBI", array.samples_per_period, size, count) + array.samples

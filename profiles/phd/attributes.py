"""Attributes of 20601 objects: how the octets of each read.

Source: IEEE 11073-20601, annex A. Decoded values: numbers are `int`, measured ones `Decimal` or `NoValue`, times by the device's clock
`Moment`, texts `str`; what is not known here stays octets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from profiles.floats import Value
from profiles.phd.codes import Attribute
from profiles.phd.mder import Reader, text
from profiles.times import DateTime
from profiles.wire import DecodeError


class Term(NamedTuple):
    """Of the nomenclature of ISO/IEEE 11073-10101."""

    partition: int
    code: int

    @property
    def number(self) -> int:
        """The 32 bits by which the rest of the world knows it."""
        return self.partition << 16 | self.code


class Moment(NamedTuple):
    """AbsoluteTime. The date is None where the octets are no time: all zero, or no BCD."""

    date: DateTime | None
    hundredths: int = 0


class BaseOffset(NamedTuple):
    """Base-offset time: seconds since 1900, in 1/65,536, and minutes from UTC."""

    seconds: int
    fraction: int
    offset: int


class Slice(NamedTuple):
    """Of a fixed report: which attribute, and how many octets."""

    attribute: int
    size: int


class TimeInfo(NamedTuple):
    """Mds-Time-Info: what the device's clocks can do."""

    capabilities: int
    sync_protocol: int
    sync_accuracy: int
    resolution_absolute: int
    resolution_relative: int
    resolution_hires: int

    @property
    def has_clock(self) -> bool:
        return bool(self.capabilities & 0x8000)

    @property
    def can_be_set(self) -> bool:
        return bool(self.capabilities & 0x4000)

    @property
    def wants_to_be_set(self) -> bool:
        return bool(self.capabilities & 0x0010)


class Component(NamedTuple):
    """One line of the production specification: a serial number, a revision."""

    kind: int
    component: int
    text: str


class NuObserved(NamedTuple):
    """A value that says itself what it is: metric, state, unit."""

    metric: int
    state: int
    unit: int
    value: Value


class Bits(NamedTuple):
    value: int
    width: int


class SaSpecification(NamedTuple):
    """How the samples of an array lie: how many, of how many bits, of which so many count."""

    array_size: int
    sample_bits: int
    significant_bits: int
    flags: int


class ScaleAndRange(NamedTuple):
    lower: Value
    upper: Value
    lower_scaled: int
    upper_scaled: int


class Model(NamedTuple):
    manufacturer: str
    model: str


_BCD = {tens << 4 | ones: tens * 10 + ones for tens in range(10) for ones in range(10)}
_TO_BCD = {number: octet for octet, number in _BCD.items()}


def absolute_time(data: bytes) -> Moment:
    """Eight octets in BCD: century, year, month, day, hour, minute, second, hundredth."""
    try:
        century, year, month, day, hours, minutes, seconds, hundredths = map(_BCD.__getitem__, data)
    except KeyError:
        return Moment(None)
    if not (century or year or month or day):
        return Moment(None)
    date = DateTime(century * 100 + year or None, month or None, day or None, hours, minutes, seconds)
    return Moment(date, hundredths) if date.naive() is not None or date.unknown_parts else Moment(None)


def bcd(moment: DateTime, hundredths: int = 0) -> bytes:
    """AbsoluteTime as it is written."""
    parts = (moment.year or 0) // 100, (moment.year or 0) % 100, moment.month or 0, moment.day or 0, *moment[3:], hundredths
    return bytes(_TO_BCD[part] for part in parts)


def _moment(reader: Reader) -> Moment:
    return absolute_time(reader.take(8, "absolute-time"))


def _base_offset(reader: Reader) -> BaseOffset:
    seconds, fraction, offset = reader.u32("bo-seconds"), reader.u16("bo-fraction"), reader.u16("bo-time-offset")
    return BaseOffset(seconds, fraction, offset - (offset >> 15 << 16))


def _term(reader: Reader) -> Term:
    return Term(reader.u16("partition"), reader.u16("code"))


def attribute_map(reader: Reader) -> tuple[Slice, ...]:
    return tuple(Slice(item.u16("attribute-id"), item.u16("attribute-len")) for item in reader.items("attribute-value-map"))


def _handle_map(reader: Reader) -> tuple[tuple[int, tuple[Slice, ...]], ...]:
    return tuple((item.u16("obj-handle"), attribute_map(item)) for item in reader.items("handle-attr-val-map"))


def _nu_observed(reader: Reader) -> NuObserved:
    return NuObserved(reader.u16("metric-id"), reader.u16("state"), reader.u16("unit-code"), reader.float("value"))


def _signed_scale(size: int) -> Callable[[Reader], ScaleAndRange]:
    def read(reader: Reader) -> ScaleAndRange:
        return ScaleAndRange(
            reader.float("lower-absolute-value"),
            reader.float("upper-absolute-value"),
            reader.number(size, "lower-scaled-value"),
            reader.number(size, "upper-scaled-value"),
        )

    return read


def _number(size: int) -> Callable[[Reader], int]:
    return lambda reader: reader.number(size, "value")


def _numbers(reader: Reader) -> tuple[int, ...]:
    return tuple(item.u16("item") for item in reader.items("list"))


def _terms(reader: Reader) -> tuple[Term, ...]:
    return tuple(_term(item) for item in reader.items("list"))


def _component(reader: Reader) -> Component:
    return Component(reader.u16("spec-type"), reader.u16("component-id"), text(reader.octets("prod-spec")))


def _float(reader: Reader) -> Value:
    return reader.float("value")


def _sfloat(reader: Reader) -> Value:
    return reader.sfloat("value")


def _octets(reader: Reader) -> bytes:
    return reader.octets("value")


def _text(reader: Reader) -> str:
    return text(reader.octets("value"))


def _metric_id(reader: Reader) -> int | Term:
    """An OID of the object's partition; some send a whole TYPE."""
    return reader.u16("metric-id") if reader.left < 4 else _term(reader)  # noqa: PLR2004 - the octets of a TYPE


_A = Attribute
_READ: dict[int, Callable[[Reader], Any]] = {
    _A.TYPE: _term,
    _A.UNIT_CODE: _number(2),
    _A.METRIC_SPEC_SMALL: _number(2),
    _A.METRIC_STRUCTURE_SMALL: lambda reader: (reader.u8("ms-struct"), reader.u8("ms-comp-no")),
    _A.METRIC_ID: _metric_id,
    _A.METRIC_ID_LIST: _numbers,
    _A.METRIC_ID_PARTITION: _number(2),
    _A.SUPPLEMENTAL_TYPES: _terms,
    _A.SOURCE_HANDLE_REFERENCE: _number(2),
    _A.SOURCE_HANDLE_REFERENCES: _numbers,
    _A.ACCURACY: _float,
    _A.MEASURE_ACTIVE_PERIOD: _float,
    _A.MEASUREMENT_STATUS: lambda reader: Bits(reader.u16("status"), 16),
    _A.ATTRIBUTE_VALUE_MAP: attribute_map,
    _A.SCAN_HANDLE_ATTR_VAL_MAP: _handle_map,
    _A.BASIC_NU_OBSERVED_VALUE: _sfloat,
    _A.SIMPLE_NU_OBSERVED_VALUE: _float,
    _A.OBSERVED_VALUE: _nu_observed,
    _A.COMPOUND_BASIC_OBSERVED_VALUE: lambda reader: tuple(item.sfloat("value") for item in reader.items("list")),
    _A.COMPOUND_SIMPLE_OBSERVED_VALUE: lambda reader: tuple(item.float("value") for item in reader.items("list")),
    _A.COMPOUND_OBSERVED_VALUE: lambda reader: tuple(_nu_observed(item) for item in reader.items("list")),
    _A.ENUM_OBSERVED_VALUE_OID: _number(2),
    _A.ENUM_OBSERVED_VALUE_STRING: _text,
    _A.ENUM_OBSERVED_VALUE_BITS_16: lambda reader: Bits(reader.u16("value"), 16),
    _A.ENUM_OBSERVED_VALUE_BITS_32: lambda reader: Bits(reader.u32("value"), 32),
    _A.SIMPLE_SA_OBSERVED_VALUE: _octets,
    _A.SA_SPECIFICATION: lambda reader: SaSpecification(
        reader.u16("array-size"), reader.u8("size"), reader.u8("bits"), reader.u16("flags")
    ),
    _A.SCALE_AND_RANGE_8: _signed_scale(1),
    _A.SCALE_AND_RANGE_16: _signed_scale(2),
    _A.SCALE_AND_RANGE_32: _signed_scale(4),
    _A.SAMPLE_PERIOD: _number(4),
    _A.ABSOLUTE_TIME_STAMP: _moment,
    _A.DATE_AND_TIME: _moment,
    _A.RELATIVE_TIME_STAMP: _number(4),
    _A.RELATIVE_TIME: _number(4),
    _A.HIRES_RELATIVE_TIME_STAMP: _number(8),
    _A.HIRES_RELATIVE_TIME: _number(8),
    _A.BASE_OFFSET_TIME_STAMP: _base_offset,
    _A.PERSON_ID: _number(2),
    _A.SYSTEM_MODEL: lambda reader: Model(text(reader.octets("manufacturer")), text(reader.octets("model-number"))),
    _A.SYSTEM_ID: _octets,
    _A.DEV_CONFIGURATION_ID: _number(2),
    _A.PRODUCTION_SPECIFICATION: lambda reader: tuple(_component(item) for item in reader.items("list")),
    _A.SYSTEM_TYPE_SPEC_LIST: lambda reader: tuple((item.u16("type"), item.u16("version")) for item in reader.items("list")),
    _A.MDS_TIME_INFO: lambda reader: TimeInfo(
        reader.u16("capabilities"),
        reader.u16("sync-protocol"),
        reader.u32("sync-accuracy"),
        reader.u16("resolution-abs"),
        reader.u16("resolution-rel"),
        reader.u32("resolution-hires"),
    ),
    _A.POWER_STATUS: _number(2),
    _A.BATTERY_LEVEL: _number(2),
    _A.CONFIRM_TIMEOUT: _number(4),
    _A.CLEAR_TIMEOUT: _number(4),
    _A.TRANSFER_TIMEOUT: _number(4),
    _A.OPERATIONAL_STATE: _number(2),
    _A.INSTANCE_NUMBER: _number(2),
    _A.NUMBER_OF_SEGMENTS: _number(2),
    _A.SEGMENT_USAGE_COUNT: _number(4),
    _A.STORE_USAGE_COUNT: _number(4),
    _A.STORE_CAPACITY_COUNT: _number(4),
    _A.PM_STORE_CAPAB: _number(2),
    _A.PM_STORE_LABEL: _text,
    _A.SEGMENT_LABEL: _text,
    _A.SEGMENT_START_TIME: _moment,
    _A.SEGMENT_END_TIME: _moment,
}

NATURAL: dict[int, int] = {
    # Octets that an attribute has, whatever a map says of it.
    _A.BASIC_NU_OBSERVED_VALUE: 2,
    _A.SIMPLE_NU_OBSERVED_VALUE: 4,
    _A.OBSERVED_VALUE: 10,
    _A.ENUM_OBSERVED_VALUE_OID: 2,
    _A.ENUM_OBSERVED_VALUE_BITS_16: 2,
    _A.ENUM_OBSERVED_VALUE_BITS_32: 4,
    _A.MEASUREMENT_STATUS: 2,
    _A.UNIT_CODE: 2,
    _A.ACCURACY: 4,
    _A.ABSOLUTE_TIME_STAMP: 8,
    _A.DATE_AND_TIME: 8,
    _A.RELATIVE_TIME_STAMP: 4,
    _A.HIRES_RELATIVE_TIME_STAMP: 8,
    _A.BASE_OFFSET_TIME_STAMP: 8,
}


_NAMES = {int(one): one.name.lower() for one in Attribute}


def read(number: int, data: bytes) -> Any:
    """The value of an attribute. One that is not known, or does not read as it should, is its octets."""
    reader = Reader(data, name(number))
    try:
        return _READ[number](reader)
    except (KeyError, DecodeError):
        return data


def read_exactly(number: int, data: bytes) -> Any:
    """As `read`, but raises `DecodeError` where the octets do not fit: these are a measurement."""
    found = _READ.get(number)
    return data if found is None else found(Reader(data, name(number)))


def name(number: int) -> str:
    return _NAMES.get(number) or f"attribute {number}"


def attributes(reader: Reader) -> dict[int, bytes]:
    """An AttributeList: each attribute's octets by its number."""
    return {item.u16("attribute-id"): item.octets("attribute-value") for item in reader.items("attribute-list")}


TICKS_A_SECOND = 8000
"""Of RelativeTime."""

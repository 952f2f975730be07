"""What one object observed, out of its description and the attributes that a report gave for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from profiles.floats import Value
from profiles.phd import attributes as attrs
from profiles.phd.attributes import TICKS_A_SECOND, BaseOffset, Bits, Moment, NuObserved, SaSpecification, ScaleAndRange, Slice, Term
from profiles.phd.codes import NO_PERSON, Attribute
from profiles.phd.mder import Reader, float_, sfloat
from profiles.phd.objects import Object
from profiles.wire import DecodeError


@dataclass(frozen=True, slots=True)
class Part:
    """Of a compound value. `unit` is a code of the nomenclature's partition of dimensions."""

    type: Term
    value: Value
    unit: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Stamps are by the device's clocks, as sent: `relative` in 1/8 ms, `hires` in µs, since whenever they began to count."""

    handle: int
    type: Term | None
    unit: int | None = None
    value: Value | None = None
    parts: tuple[Part, ...] = ()
    term: Term | None = None
    text: str | None = None
    bits: Bits | None = None
    samples: tuple[Decimal, ...] = ()
    period: Decimal | None = None
    """Seconds between two samples."""
    octets: bytes = b""
    """A value that nothing here can read."""
    moment: Moment | None = None
    relative: int | None = None
    hires: int | None = None
    base_offset: BaseOffset | None = None
    person: int | None = None
    status: Bits | None = None
    supplemental: tuple[Term, ...] = ()
    active_period: Value | None = None
    """Seconds over which it was observed."""
    raw: bytes = b""
    """The value's octets as sent."""
    entry: tuple[int, int] | None = None
    """Of a store: its segment, and which one of the segment."""


_VALUES = (
    *(Attribute.BASIC_NU_OBSERVED_VALUE, Attribute.SIMPLE_NU_OBSERVED_VALUE, Attribute.OBSERVED_VALUE),
    *(Attribute.COMPOUND_BASIC_OBSERVED_VALUE, Attribute.COMPOUND_SIMPLE_OBSERVED_VALUE, Attribute.COMPOUND_OBSERVED_VALUE),
    *(Attribute.ENUM_OBSERVED_VALUE_OID, Attribute.ENUM_OBSERVED_VALUE_STRING, Attribute.ENUM_OBSERVED_VALUE_BITS_16),
    *(Attribute.ENUM_OBSERVED_VALUE_BITS_32, Attribute.ENUM_OBSERVED_VALUE, Attribute.SIMPLE_SA_OBSERVED_VALUE),
)
_DESCRIBING = (
    *(Attribute.TYPE, Attribute.UNIT_CODE, Attribute.METRIC_ID, Attribute.METRIC_ID_LIST, Attribute.METRIC_ID_PARTITION),
    *(Attribute.SUPPLEMENTAL_TYPES, Attribute.PERSON_ID, Attribute.MEASUREMENT_STATUS, Attribute.MEASURE_ACTIVE_PERIOD),
    *(Attribute.ABSOLUTE_TIME_STAMP, Attribute.RELATIVE_TIME_STAMP, Attribute.HIRES_RELATIVE_TIME_STAMP, Attribute.BASE_OFFSET_TIME_STAMP),
)
_STAMP_SIZE = 8


def sliced(slices: Iterable[Slice], data: bytes, what: Object) -> dict[int, bytes]:
    """A fixed observation's octets by attribute, as the map says; where the map cannot be meant (its lengths do not add up to the octets
    that came, those of the attributes do), as the attributes are. Octets behind the map may be a time stamp. Raises `DecodeError`.
    """
    by_map = list(slices)
    natural = [Slice(one.attribute, attrs.NATURAL.get(one.attribute, one.size)) for one in by_map]
    chosen = by_map
    if sum(one.size for one in by_map) != len(data) == sum(one.size for one in natural):
        chosen = natural
    reader = Reader(data, f"observation of handle {what.handle}")
    found = {one.attribute: reader.take(one.size, attrs.name(one.attribute)) for one in chosen}
    if reader.left == _STAMP_SIZE and Attribute.ABSOLUTE_TIME_STAMP not in found:
        stamp = reader.rest()
        if attrs.absolute_time(stamp).date is not None:
            found[Attribute.ABSOLUTE_TIME_STAMP] = stamp
    return found


def observed(what: Object, values: Mapping[int, bytes], person: int | None = None, entry: tuple[int, int] | None = None) -> Observed | None:
    """None where there is no value among the attributes. Raises `DecodeError`."""
    key = next((number for number in _VALUES if number in values), None)
    if key is None:
        return None
    for number in _DESCRIBING:
        what.get(number)  # once for all that it observes
    merged = what.changed(values)
    value = attrs.read_exactly(key, values[key])
    own = merged.of(Attribute.PERSON_ID, int)
    person = own if person is None else person
    return Observed(
        handle=what.handle,
        person=None if person == NO_PERSON else person,
        moment=merged.of(Attribute.ABSOLUTE_TIME_STAMP, Moment) or _date_and_time(values),
        relative=merged.of(Attribute.RELATIVE_TIME_STAMP, int),
        hires=merged.of(Attribute.HIRES_RELATIVE_TIME_STAMP, int),
        base_offset=merged.of(Attribute.BASE_OFFSET_TIME_STAMP, BaseOffset),
        status=merged.of(Attribute.MEASUREMENT_STATUS, Bits),
        supplemental=merged.of(Attribute.SUPPLEMENTAL_TYPES, tuple) or (),
        active_period=_number(merged, Attribute.MEASURE_ACTIVE_PERIOD),
        raw=values[key],
        entry=entry,
        **{"type": _own_type(merged), "unit": merged.of(Attribute.UNIT_CODE, int)} | _value(key, value, merged),
    )


PLAIN = frozenset(
    {
        *(Attribute.BASIC_NU_OBSERVED_VALUE, Attribute.SIMPLE_NU_OBSERVED_VALUE),
        *(Attribute.ABSOLUTE_TIME_STAMP, Attribute.RELATIVE_TIME_STAMP),
    }
)
"""Attributes that change nothing else of an observation."""


def again(before: Observed, values: Mapping[int, bytes], entry: tuple[int, int]) -> Observed:
    """What the same object observed another time, of which only `PLAIN` attributes are told: most entries of a store are like that."""
    basic = values.get(Attribute.BASIC_NU_OBSERVED_VALUE)
    raw = values[Attribute.SIMPLE_NU_OBSERVED_VALUE] if basic is None else basic
    stamp, ticks = values.get(Attribute.ABSOLUTE_TIME_STAMP), values.get(Attribute.RELATIVE_TIME_STAMP)
    return Observed(
        handle=before.handle,
        type=before.type,
        unit=before.unit,
        value=float_(int.from_bytes(raw, "big")) if basic is None else sfloat(int.from_bytes(raw, "big")),
        moment=before.moment if stamp is None else attrs.absolute_time(stamp),
        relative=before.relative if ticks is None else int.from_bytes(ticks, "big"),
        person=before.person,
        status=before.status,
        supplemental=before.supplemental,
        active_period=before.active_period,
        raw=raw,
        entry=entry,
    )


def _date_and_time(values: Mapping[int, bytes]) -> Moment | None:
    """Some have the number of the device's own clock in their maps where that of the stamp should be."""
    data = values.get(Attribute.DATE_AND_TIME)
    return None if data is None else attrs.read(Attribute.DATE_AND_TIME, data)


def _own_type(what: Object) -> Term | None:
    """Metric-Id says more than Type, where it is given."""
    return _metric(what, what.get(Attribute.METRIC_ID)) or what.type


def _metric(what: Object, said: Any) -> Term | None:
    if isinstance(said, Term):
        return said
    if not isinstance(said, int):
        return None
    partition = what.of(Attribute.METRIC_ID_PARTITION, int)
    return Term(partition if partition is not None else what.type.partition if what.type else 0, said)


def _number(what: Object, attribute: int) -> Value | None:
    found = what.get(attribute)
    return None if found is None or isinstance(found, bytes) else found


def _value(key: int, value: Any, what: Object) -> dict[str, Any]:  # noqa: PLR0911 - one return for each kind of value
    if key in (Attribute.BASIC_NU_OBSERVED_VALUE, Attribute.SIMPLE_NU_OBSERVED_VALUE):
        return {"value": value}
    if isinstance(value, NuObserved):
        return {"value": value.value, "unit": value.unit, "type": _metric(what, value.metric)}
    if key == Attribute.COMPOUND_OBSERVED_VALUE:
        return {"parts": tuple(Part(_metric(what, one.metric) or Term(0, one.metric), one.value, one.unit) for one in value)}
    if key in (Attribute.COMPOUND_BASIC_OBSERVED_VALUE, Attribute.COMPOUND_SIMPLE_OBSERVED_VALUE):
        metrics = what.of(Attribute.METRIC_ID_LIST, tuple) or ()
        if len(metrics) < len(value):
            reason = f"names {len(metrics)} of {len(value)} values"
            raise DecodeError(f"observation of handle {what.handle}", "metric-id-list", 0, reason, what.octets[key])
        unit = what.of(Attribute.UNIT_CODE, int)
        named = [_metric(what, metric) or Term(0, metric) for metric in metrics]
        return {"parts": tuple(Part(metric, one, unit) for metric, one in zip(named, value, strict=False))}
    if key == Attribute.ENUM_OBSERVED_VALUE_OID:
        return {"term": _metric(what, value)}
    if key == Attribute.ENUM_OBSERVED_VALUE_STRING:
        return {"text": value}
    if isinstance(value, Bits):
        return {"bits": value}
    if key == Attribute.SIMPLE_SA_OBSERVED_VALUE:
        samples = _samples(what, value)
        ticks = what.of(Attribute.SAMPLE_PERIOD, int)
        period = Decimal(ticks) / TICKS_A_SECOND if ticks else None
        return {"samples": samples, "period": period} if samples else {"octets": value}
    return {"octets": value}


def _samples(what: Object, data: bytes) -> tuple[Decimal, ...]:
    """Scaled as the object says; none where it does not say how they lie."""
    layout = what.of(Attribute.SA_SPECIFICATION, SaSpecification)
    size = layout.sample_bits // 8 if layout else 0
    if layout is None or size not in (1, 2, 4) or len(data) % size:
        return ()
    signed = layout.significant_bits == 255  # noqa: PLR2004 - by which the standard says so
    numbers = [int.from_bytes(data[at : at + size], "big", signed=signed) for at in range(0, len(data), size)]
    scales = (Attribute.SCALE_AND_RANGE_8, Attribute.SCALE_AND_RANGE_16, Attribute.SCALE_AND_RANGE_32)
    scale = next((found for name in scales if (found := what.of(name, ScaleAndRange)) is not None), None)
    if scale is None or not isinstance(scale.lower, Decimal) or not isinstance(scale.upper, Decimal):
        return tuple(Decimal(number) for number in numbers)
    span = scale.upper_scaled - scale.lower_scaled
    if not span:
        return ()
    step = (scale.upper - scale.lower) / span
    return tuple((scale.lower + (number - scale.lower_scaled) * step).normalize() for number in numbers)

"""How a device describes itself: the objects of its configuration, each with its attributes.

A configuration that is not known is asked for and decodes itself. Known beforehand are only those standard ones whose layout was seen on
the wire. Source: the recordings of signove/antidote's agents and of Freescale's (configuration reports, and fixed reports that fit them).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from profiles.phd import attributes as attrs
from profiles.phd import mder
from profiles.phd.attributes import Slice, Term
from profiles.phd.codes import SCANNING, Attribute, ObjectClass
from profiles.phd.mder import Reader


@dataclass(frozen=True, slots=True)
class Object:
    """One object of a device: what it measures, how it scans, where it stores."""

    object_class: int
    handle: int
    octets: Mapping[int, bytes]
    _read: dict[int, Any] = field(default_factory=dict, compare=False, repr=False)

    def get(self, attribute: int) -> Any:
        """None if it lacks the attribute; octets where it does not read as it should."""
        if attribute not in self._read:
            data = self.octets.get(attribute)
            self._read[attribute] = None if data is None else attrs.read(attribute, data)
        return self._read[attribute]

    def of(self, attribute: int, kind: type) -> Any:
        """None also where the value is not of this kind."""
        found = self.get(attribute)
        return found if isinstance(found, kind) else None

    @property
    def type(self) -> Term | None:
        found: Term | None = self.of(Attribute.TYPE, Term)
        return found

    @property
    def map(self) -> tuple[Slice, ...] | None:
        found: tuple[Slice, ...] | None = self.of(Attribute.ATTRIBUTE_VALUE_MAP, tuple)
        return found

    def changed(self, octets: Mapping[int, bytes]) -> Object:
        # What stays the same has been read before: entries of a store are many.
        known = {number: value for number, value in self._read.items() if number not in octets}
        return Object(self.object_class, self.handle, {**self.octets, **octets}, known)


@dataclass(frozen=True, slots=True)
class Configuration:
    number: int
    objects: Mapping[int, Object]
    """By handle."""

    def stores(self) -> list[Object]:
        return [item for item in self.objects.values() if item.object_class == ObjectClass.PM_STORE]

    def scanners(self) -> list[Object]:
        return [item for item in self.objects.values() if item.object_class in SCANNING]

    def written(self) -> bytes:
        """As the information of a configuration report."""
        items = [
            mder.u16(item.object_class, item.handle)
            + mder.sequence(*(mder.u16(number) + mder.octets(data) for number, data in item.octets.items()))
            for item in self.objects.values()
        ]
        return mder.u16(self.number) + mder.sequence(*items)


def configuration(reader: Reader) -> Configuration:
    """The information of a configuration report. Raises `DecodeError`."""
    number = reader.u16("config-report-id")
    found: dict[int, Object] = {}
    for item in reader.items("config-obj-list"):
        object_class, handle = item.u16("obj-class"), item.u16("obj-handle")
        found[handle] = Object(object_class, handle, attrs.attributes(item))
    return Configuration(number, found)


def _numeric(handle: int, code: int, unit: int, spec: int, slices: tuple[Slice, ...], **more: bytes) -> Object:
    octets = {
        int(Attribute.TYPE): mder.u16(2, code),
        int(Attribute.METRIC_SPEC_SMALL): mder.u16(spec),
        int(Attribute.UNIT_CODE): mder.u16(unit),
        int(Attribute.ATTRIBUTE_VALUE_MAP): mder.sequence(*(mder.u16(one.attribute, one.size) for one in slices)),
    }
    octets |= {int(Attribute[name.upper()]): data for name, data in more.items()}
    return Object(ObjectClass.NUMERIC, handle, octets)


_BASIC = Slice(Attribute.BASIC_NU_OBSERVED_VALUE, 2)
_SIMPLE = Slice(Attribute.SIMPLE_NU_OBSERVED_VALUE, 4)
_STAMP = Slice(Attribute.ABSOLUTE_TIME_STAMP, 8)
_SPOT_CHECK = mder.sequence(mder.u16(2, 19516))
_COMPOUND_OF_THREE = bytes((3, 3))
_PRESSURES = mder.sequence(*(mder.u16(code) for code in (18949, 18950, 18951)))


@cache
def standard() -> dict[int, Configuration]:
    """By configuration id."""
    made = {
        # Pulse oximeter (10404), and for spot checks.
        0x0190: [_numeric(1, 19384, 544, 0x4040, (_BASIC,)), _numeric(10, 18458, 2720, 0x4040, (_BASIC,))],
        0x0191: [
            _numeric(1, 19384, 544, 0xF040, (_BASIC, _STAMP), supplemental_types=_SPOT_CHECK),
            _numeric(10, 18458, 2720, 0xF040, (_BASIC, _STAMP), supplemental_types=_SPOT_CHECK),
        ],
        # Blood pressure (10407).
        0x02BC: [
            _numeric(
                *(1, 18948, 3872, 0xF040),
                (Slice(Attribute.COMPOUND_BASIC_OBSERVED_VALUE, 10), _STAMP),
                metric_structure_small=_COMPOUND_OF_THREE,
                metric_id_list=_PRESSURES,
            ),
            _numeric(2, 18474, 2720, 0xF040, (_BASIC, _STAMP)),
        ],
        # Thermometer (10408).
        0x0320: [_numeric(1, 19292, 6048, 0xF040, (_SIMPLE, _STAMP))],
        # Weighing scale (10415).
        0x05DC: [_numeric(1, 57664, 1731, 0xF040, (_SIMPLE, _STAMP))],
        # Glucose meter (10417).
        0x06A4: [_numeric(1, 29112, 2130, 0xF048, (_BASIC, _STAMP))],
    }
    return {number: Configuration(number, {item.handle: item for item in objects}) for number, objects in made.items()}

"""Persistent metric stores: segments of stored entries, and the events in which they come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from profiles.phd import attributes as attrs
from profiles.phd import mder
from profiles.phd.attributes import Slice, Term
from profiles.phd.codes import Attribute, ObjectClass
from profiles.phd.mder import Reader
from profiles.phd.objects import Configuration, Object
from profiles.phd.observation import PLAIN, Observed, again, observed
from profiles.phd.reports import Unreadable
from profiles.wire import DecodeError

FIRST, LAST, AGENT_ABORT, CONFIRM, MANAGER_ABORT = 0x8000, 0x4000, 0x0800, 0x0080, 0x0008
ALL_SEGMENTS = mder.u16(1, 2, 0)

_HEADER = {
    # Bits of an entry's header, in the order in which their values lie.
    0x8000: Slice(Attribute.ABSOLUTE_TIME_STAMP, 8),
    0x4000: Slice(Attribute.RELATIVE_TIME_STAMP, 4),
    0x2000: Slice(Attribute.HIRES_RELATIVE_TIME_STAMP, 8),
    0x1000: Slice(Attribute.BASE_OFFSET_TIME_STAMP, 8),
}


class Element(NamedTuple):
    """What one entry holds of one object."""

    object_class: int
    type: Term
    handle: int
    map: tuple[Slice, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    instance: int
    header: int
    elements: tuple[Element, ...]
    octets: Mapping[int, bytes]
    """Its attributes."""

    @property
    def usage(self) -> int | None:
        """How many entries it has; None if it does not say."""
        data = self.octets.get(Attribute.SEGMENT_USAGE_COUNT)
        return None if data is None else int.from_bytes(data, "big")

    @property
    def person(self) -> int | None:
        """0 is nobody: devices for one person leave it at that."""
        data = self.octets.get(Attribute.PERSON_ID)
        return None if data is None else int.from_bytes(data, "big") or None

    @property
    def is_readable(self) -> bool:
        """Whether nothing stands in an entry's header whose length we do not know."""
        return not self.header & ~sum(_HEADER) and bool(self.elements)

    @property
    def header_slices(self) -> list[Slice]:
        return [one for bit, one in _HEADER.items() if self.header & bit]

    @property
    def entry_size(self) -> int:
        return sum(one.size for one in (*self.header_slices, *(item for element in self.elements for item in element.map)))


@dataclass(frozen=True, slots=True)
class Chunk:
    """A segment data event: some entries of a segment."""

    instance: int
    index: int
    count: int
    status: int
    entries: bytes

    def confirmed(self) -> bytes:
        return mder.u16(self.instance) + mder.u32(self.index, self.count) + mder.u16(CONFIRM)


def segments(reader: Reader) -> list[Segment]:
    """What a device answers when it is asked for its segments. Raises `DecodeError`."""
    found = []
    for item in reader.items("segment-info-list"):
        instance, octets = item.u16("seg-inst-no"), attrs.attributes(item)
        header, elements = _entry_map(octets.get(Attribute.PM_SEGMENT_ENTRY_MAP))
        found.append(Segment(instance, header, elements, octets))
    return found


def _entry_map(data: bytes | None) -> tuple[int, tuple[Element, ...]]:
    if data is None:
        return 0, ()
    reader = Reader(data, "pm-segment-entry-map")
    header = reader.u16("segm-entry-header")
    elements = tuple(
        Element(item.u16("class-id"), Term(item.u16("partition"), item.u16("code")), item.u16("handle"), attrs.attribute_map(item))
        for item in reader.items("segm-entry-elem-list")
    )
    return header, elements


def chunk(reader: Reader) -> Chunk:
    return Chunk(
        reader.u16("segm-instance"),
        reader.u32("segm-evt-entry-index"),
        reader.u32("segm-evt-entry-count"),
        reader.u16("segm-evt-status"),
        reader.octets("segm-data-event-entries"),
    )


def entries(said: Chunk, segment: Segment, config: Configuration) -> list[Observed | Unreadable]:
    """What the entries of an event observed. Raises `DecodeError` where they cannot be told from one another."""
    if not segment.is_readable:
        reason = f"the header 0x{segment.header:04X} has parts of unknown length"
        raise DecodeError("segment data", "segm-entry-header", 0, reason, said.entries)
    size = segment.entry_size
    if said.count * size != len(said.entries):
        raise DecodeError("segment data", "entries", 0, f"{said.count} entries of {size} octets are not {len(said.entries)}", said.entries)
    objects = [_object(element, config) for element in segment.elements]
    header = segment.header_slices
    alike: dict[int, Observed] = {}
    found: list[Observed | Unreadable] = []
    for number in range(said.count):
        at = number * size
        stamps = {}
        for one in header:
            stamps[one.attribute], at = said.entries[at : at + one.size], at + one.size
        for index, (what, element) in enumerate(zip(objects, segment.elements, strict=True)):
            values = dict(stamps)
            for one in element.map:
                values[one.attribute], at = said.entries[at : at + one.size], at + one.size
            entry = said.instance, said.index + number
            try:
                made = again(alike[index], values, entry) if index in alike else observed(what, values, segment.person, entry)
            except DecodeError as error:
                found.append(Unreadable(what.handle, error))
                continue
            if made is not None:
                found.append(made)
                if index not in alike and values.keys() <= PLAIN:
                    alike[index] = made
    return found


def _object(element: Element, config: Configuration) -> Object:
    """The configuration's object, if it has one; its type is as the map says."""
    known = config.objects.get(element.handle) or Object(ObjectClass.NUMERIC, element.handle, {})
    return known.changed({Attribute.TYPE: mder.u16(*element.type)})

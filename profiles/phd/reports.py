"""Scan reports in their twelve forms: fixed, variable and grouped; of one person or several; from the device or its scanners."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from profiles.phd import attributes as attrs
from profiles.phd.attributes import Slice
from profiles.phd.codes import Attribute, Event, ObjectClass
from profiles.phd.mder import Reader
from profiles.phd.objects import Configuration, Object
from profiles.phd.observation import Observed, observed, sliced
from profiles.wire import DecodeError


class Unreadable(NamedTuple):
    """An observation that could not be read, alone; the others of its report are good."""

    handle: int
    error: DecodeError


@dataclass(frozen=True, slots=True)
class Report:
    request_id: int
    number: int
    observations: tuple[Observed | Unreadable, ...]
    new_maps: tuple[Object, ...] = ()
    """Objects that have described themselves anew."""


_E = Event
FIXED = frozenset({_E.SCAN_REPORT_FIXED, _E.UNBUF_SCAN_REPORT_FIXED, _E.BUF_SCAN_REPORT_FIXED})
VARIABLE = frozenset({_E.SCAN_REPORT_VAR, _E.UNBUF_SCAN_REPORT_VAR, _E.BUF_SCAN_REPORT_VAR})
GROUPED = frozenset({_E.UNBUF_SCAN_REPORT_GROUPED, _E.BUF_SCAN_REPORT_GROUPED})
FIXED_OF_PERSONS = frozenset({_E.SCAN_REPORT_MP_FIXED, _E.UNBUF_SCAN_REPORT_MP_FIXED, _E.BUF_SCAN_REPORT_MP_FIXED})
VARIABLE_OF_PERSONS = frozenset({_E.SCAN_REPORT_MP_VAR, _E.UNBUF_SCAN_REPORT_MP_VAR, _E.BUF_SCAN_REPORT_MP_VAR})
GROUPED_OF_PERSONS = frozenset({_E.UNBUF_SCAN_REPORT_MP_GROUPED, _E.BUF_SCAN_REPORT_MP_GROUPED})
SCAN_REPORTS = FIXED | VARIABLE | GROUPED | FIXED_OF_PERSONS | VARIABLE_OF_PERSONS | GROUPED_OF_PERSONS


def report(event: int, info: bytes, config: Configuration, scanner: int) -> Report:
    """`scanner`: handle of the object that reports. Raises `DecodeError` where the report itself is broken."""
    reader = Reader(info, Event(event).name.lower())
    request_id, number = reader.u16("data-req-id"), reader.u16("scan-report-no")
    reading = _Reading(config, scanner)
    if event in GROUPED | GROUPED_OF_PERSONS:
        reading.groups(reader, of_persons=event in GROUPED_OF_PERSONS)
    else:
        read = reading.fixed if event in FIXED | FIXED_OF_PERSONS else reading.variable
        if event in FIXED | VARIABLE:
            read(reader, None)
        else:
            for item in reader.items("scan-per-list"):
                read(item, item.u16("person-id"))
    return Report(request_id, number, tuple(reading.found), tuple(reading.changed))


class _Reading:
    """One report in the making."""

    def __init__(self, config: Configuration, scanner: int) -> None:
        self._config, self._scanner = config, scanner
        self.found: list[Observed | Unreadable] = []
        self.changed: list[Object] = []

    def fixed(self, reader: Reader, person: int | None) -> None:
        for item in reader.items("obs-scan-fixed"):
            handle, data = item.u16("obj-handle"), item.octets("obs-val-data")
            self._add(handle, partial(self._sliced, handle, data), person)

    def variable(self, reader: Reader, person: int | None) -> None:
        for item in reader.items("obs-scan-var"):
            handle, values = item.u16("obj-handle"), attrs.attributes(item)
            if Attribute.ATTRIBUTE_VALUE_MAP in values and handle in self._config.objects:
                self.changed.append(
                    self._config.objects[handle].changed({Attribute.ATTRIBUTE_VALUE_MAP: values[Attribute.ATTRIBUTE_VALUE_MAP]})
                )
            self._add(handle, partial(dict, values), person)

    def groups(self, reader: Reader, *, of_persons: bool) -> None:
        """Each the octets of several objects, one behind the other, as the scanner's map says."""
        what = self._config.objects.get(self._scanner)
        handles = what.of(Attribute.SCAN_HANDLE_ATTR_VAL_MAP, tuple) if what else None
        for item in reader.items("obs-scan-grouped"):
            person = item.u16("person-id") if of_persons else None
            data = item.octets("obs-val-data")
            if handles is None:
                reason = f"scanner {self._scanner} has no map"
                self.found.append(Unreadable(self._scanner, DecodeError("scan report", "scan-handle-attr-val-map", 0, reason, data)))
                continue
            group = Reader(data, f"group of scanner {self._scanner}")
            for handle, slices in handles:
                self._add(handle, partial(_cut, group, slices), person)

    def _add(self, handle: int, values: Callable[[], Mapping[int, bytes]], person: int | None) -> None:
        what = self._config.objects.get(handle) or Object(ObjectClass.NUMERIC, handle, {})
        try:
            made = observed(what, values(), person)
        except DecodeError as error:
            self.found.append(Unreadable(handle, error))
        else:
            if made is not None:
                self.found.append(made)

    def _sliced(self, handle: int, data: bytes) -> dict[int, bytes]:
        what = self._config.objects.get(handle)
        if what is None:
            raise DecodeError("scan report", "obj-handle", 0, f"the configuration has no object {handle}", data)
        if what.map is None:
            raise DecodeError("scan report", "attribute-value-map", 0, f"object {handle} has no map for fixed reports", data)
        return sliced(what.map, data, what)


def _cut(reader: Reader, slices: Iterable[Slice]) -> dict[int, bytes]:
    return {one.attribute: reader.take(one.size, attrs.name(one.attribute)) for one in slices}

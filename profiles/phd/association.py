"""One association as it was heard: from the device's APDUs alone, in order, to what it observed.

It sends nothing and expects no order beyond what makes sense: our own side of the conversation is `profiles.phd.manager`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from profiles.phd import apdu as apdus
from profiles.phd import attributes as attrs
from profiles.phd import store
from profiles.phd.codes import MDS_HANDLE, Action, Attribute, Choice, Event
from profiles.phd.mder import Reader
from profiles.phd.objects import Configuration, Object, configuration, standard
from profiles.phd.observation import Observed
from profiles.phd.reports import SCAN_REPORTS, Report, Unreadable, report
from profiles.phd.store import Chunk, Segment
from profiles.wire import DecodeError


@dataclass(frozen=True, slots=True)
class EventReport:
    handle: int
    time: int
    event: int
    info: bytes
    is_confirmed: bool
    """Whether the device waits for an answer."""


@dataclass(slots=True)
class Heard:
    """What one APDU said."""

    apdu: apdus.Apdu
    event: EventReport | None = None
    configuration: Configuration | None = None
    description: Mapping[int, bytes] | None = None
    """Attributes of the device itself, or of the object with `handle`."""
    handle: int | None = None
    report: Report | None = None
    segments: tuple[Segment, ...] | None = None
    triggered: tuple[int, int] | None = None
    """A segment, and whether it will come (0)."""
    chunk: Chunk | None = None
    observations: tuple[Observed, ...] = ()
    unreadable: list[Unreadable] = field(default_factory=list)


class Association:
    def __init__(self) -> None:
        self.system_id = b""
        self.configuration = Configuration(0, {})
        self.mds: dict[int, bytes] = {}
        self.segments: dict[tuple[int, int], Segment] = {}
        """By store and number."""

    def begin(self, said: apdus.Association, known: Configuration | None) -> None:
        self.mds, self.segments = {}, {}
        self.system_id = said.system_id
        self.configuration = known or Configuration(said.dev_config_id, {})

    def attribute(self, number: int) -> Any:
        """Of the device itself; None if it has not said it, octets where it does not read as it should."""
        data = self.mds.get(number)
        return None if data is None else attrs.read(number, data)

    def hear(self, data: bytes) -> Heard:
        """Raises `DecodeError`; nothing is changed then."""
        return self.take(apdus.read(data))

    def take(self, said: apdus.Apdu) -> Heard:
        heard = Heard(said)
        if isinstance(said, apdus.Aarq) and said.ieee_20601 is not None:
            self.begin(said.ieee_20601, standard().get(said.ieee_20601.dev_config_id))
        elif isinstance(said, apdus.Prst):
            reader = said.reader()
            if said.choice in (Choice.ROIV_EVENT_REPORT, Choice.ROIV_CONFIRMED_EVENT_REPORT):
                self._event(heard, reader, is_confirmed=said.choice == Choice.ROIV_CONFIRMED_EVENT_REPORT)
            elif said.choice == Choice.RORS_GET:
                self._described(heard, reader)
            elif said.choice == Choice.RORS_CONFIRMED_ACTION:
                self._acted(heard, reader)
        return heard

    def _event(self, heard: Heard, reader: Reader, *, is_confirmed: bool) -> None:
        handle, time, event = reader.u16("obj-handle"), reader.u32("event-time"), reader.u16("event-type")
        info = reader.at_most("event-info").rest()
        heard.event = EventReport(handle, time, event, info, is_confirmed)
        if event == Event.CONFIGURATION:
            heard.configuration = configuration(Reader(info, "configuration"))
            self.configuration = heard.configuration
        elif event in SCAN_REPORTS:
            heard.report = report(event, info, self.configuration, handle)
            self._sort(heard, heard.report.observations)
            self._change(heard.report.new_maps)
        elif event == Event.SEGMENT_DATA:
            heard.chunk = store.chunk(Reader(info, "segment data"))
            segment = self.segments.get((handle, heard.chunk.instance))
            try:
                if segment is None:
                    raise DecodeError("segment data", "segm-instance", 0, "the device has not said what its entries are", info)
                self._sort(heard, tuple(store.entries(heard.chunk, segment, self.configuration)))
            except DecodeError as error:
                heard.unreadable.append(Unreadable(handle, error))

    @staticmethod
    def _sort(heard: Heard, found: tuple[Observed | Unreadable, ...]) -> None:
        heard.observations = tuple(item for item in found if isinstance(item, Observed))
        heard.unreadable += [item for item in found if isinstance(item, Unreadable)]

    def _change(self, objects: tuple[Object, ...]) -> None:
        if objects:
            changed = {item.handle: item for item in objects}
            self.configuration = Configuration(self.configuration.number, {**self.configuration.objects, **changed})

    def _described(self, heard: Heard, reader: Reader) -> None:
        heard.handle, heard.description = reader.u16("obj-handle"), attrs.attributes(reader)
        if heard.handle != MDS_HANDLE:
            what = self.configuration.objects.get(heard.handle)
            if what is not None:
                self._change((what.changed(heard.description),))
            return
        self.mds.update(heard.description)
        number = self.attribute(Attribute.DEV_CONFIGURATION_ID)
        if not self.configuration.objects and isinstance(number, int) and number in standard():
            self.configuration = standard()[number]

    def _acted(self, heard: Heard, reader: Reader) -> None:
        heard.handle, action = reader.u16("obj-handle"), reader.u16("action-type")
        inner = reader.within("action-info")
        if action == Action.GET_SEGMENT_INFO:
            heard.segments = tuple(store.segments(inner))
            self.segments |= {(heard.handle, segment.instance): segment for segment in heard.segments}
        elif action == Action.TRIGGER_SEGMENT_TRANSFER:
            heard.triggered = inner.u16("seg-inst-no"), inner.u16("trig-segm-xfer-rsp")
        elif action == Action.DATA_REQUEST:
            self._data_response(heard, inner)

    def _data_response(self, heard: Heard, reader: Reader) -> None:
        """A report that comes as the answer to a data request."""
        reader.u32("rel-time-stamp")
        result, event = reader.u16("data-req-result"), reader.u16("event-type")
        info = reader.octets("event-info")
        if result == 0 and event in SCAN_REPORTS:
            heard.report = report(event, info, self.configuration, heard.handle or MDS_HANDLE)
            self._sort(heard, heard.report.observations)

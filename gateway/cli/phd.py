"""`decode -` for IEEE 11073-20601: the APDUs of one association, and what the device observed by them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from gateway.normalize.codes import DIMENSIONS
from profiles.floats import NoValue, Value
from profiles.phd import apdu as apdus
from profiles.phd import attributes as attrs
from profiles.phd import mder
from profiles.phd.apdu import Aare, Aarq, Prst, Rlre, Rlrq
from profiles.phd.association import Association, Heard
from profiles.phd.attributes import BaseOffset, Bits, Component, Model, Moment, Term, TimeInfo
from profiles.phd.codes import Abort, Action, Attribute, Choice, Event, ObjectClass, Verdict
from profiles.phd.mder import Reader
from profiles.phd.objects import Configuration, Object
from profiles.phd.observation import Observed
from profiles.phd.reports import FIXED, FIXED_OF_PERSONS, VARIABLE, VARIABLE_OF_PERSONS
from profiles.wire import DecodeError


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """To {"phd": ["apdu hex", …]}. One that cannot be read is told in its place, and the others are read."""
    texts = asked["phd"]
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError('"phd" needs a list of APDUs, each as hexadecimal text')
    association = Association()
    told: list[dict[str, Any]] = []
    observations: list[dict[str, Any]] = []
    unreadable: list[dict[str, Any]] = []
    for number, text in enumerate(texts):
        try:
            data = bytes.fromhex(text)
        except ValueError:
            raise ValueError(f"APDU {number} is not hexadecimal") from None
        try:
            said, envelope = _read(data)
            if not association.configuration.objects and isinstance(said, Prst):
                association.configuration = guessed(said)
            heard = association.take(said)
        except DecodeError as error:
            told.append({"error": str(error)})
            continue
        told.append({"apdu": envelope, **described(heard)})
        observations += [observed(item) for item in heard.observations]
        unreadable += [{"apdu": number, "handle": item.handle, "error": str(item.error)} for item in heard.unreadable]
    is_good = not any("error" in one for one in told)
    return {
        "ok": is_good,
        **({} if is_good else {"error": next(one["error"] for one in told if "error" in one)}),
        "system_id": association.system_id.hex() or None,
        "device": {attrs.name(number): value(number, data) for number, data in association.mds.items()},
        "observations": observations,
        "unreadable": unreadable,
        "apdus": told,
    }


def _read(data: bytes) -> tuple[apdus.Apdu, str]:
    if data[:2].hex() in {f"{kind:04x}" for kind in apdus.Type}:
        said = apdus.read(data)
        return said, type(said).__name__.lower()
    return apdus.read_data(data), "data_apdu_without_prst_header"


def guessed(said: Prst) -> Configuration:
    """For a report alone, without the configuration that explains it: of a fixed one only the lengths say what its values are."""
    found: dict[int, Object] = {}
    reader = said.reader()
    if said.choice not in (Choice.ROIV_EVENT_REPORT, Choice.ROIV_CONFIRMED_EVENT_REPORT):
        return Configuration(0, found)
    reader.take(6, "obj-handle")
    event = reader.u16("event-type")
    if event not in FIXED | FIXED_OF_PERSONS | VARIABLE | VARIABLE_OF_PERSONS:
        return Configuration(0, found)
    info = reader.at_most("event-info")
    info.take(4, "data-req-id")
    of_persons, is_fixed = event in FIXED_OF_PERSONS | VARIABLE_OF_PERSONS, event in FIXED | FIXED_OF_PERSONS
    for person in info.items("scan-per-list") if of_persons else (info,):
        if of_persons:
            person.u16("person-id")
        for item in person.items("observations"):
            handle = item.u16("obj-handle")
            size = len(item.octets("obs-val-data")) if is_fixed else _passed_over(item)
            slices = _GUESSES.get(size, [])
            octets = {
                int(Attribute.ATTRIBUTE_VALUE_MAP): mder.sequence(*(mder.u16(*one) for one in slices)),
                int(Attribute.METRIC_ID_LIST): mder.sequence(*[mder.u16(0)] * 3),
            }
            found[handle] = Object(ObjectClass.NUMERIC, handle, octets)
    return Configuration(0, found)


def _passed_over(item: Reader) -> int:
    attrs.attributes(item)
    return 0


_BASIC, _SIMPLE, _THREE = (
    (Attribute.BASIC_NU_OBSERVED_VALUE, 2),
    (Attribute.SIMPLE_NU_OBSERVED_VALUE, 4),
    (Attribute.COMPOUND_BASIC_OBSERVED_VALUE, 10),
)
_STAMP = (Attribute.ABSOLUTE_TIME_STAMP, 8)
_GUESSES = {2: [_BASIC], 4: [_SIMPLE], 10: [_BASIC, _STAMP], 12: [_SIMPLE, _STAMP], 18: [_THREE, _STAMP]}


def described(heard: Heard) -> dict[str, Any]:
    """An APDU's own fields."""
    said = heard.apdu
    if isinstance(said, Aarq):
        first = {"assoc_version": said.assoc_version, "proto_count": len(said.protocols)}
        protocol = next(iter(said.protocols), (0, None))
        return first | {"data_proto_id": protocol[0]} | _association(said.ieee_20601)
    if isinstance(said, Aare):
        return {"result": said.result, "data_proto_id": said.protocol} | _association(said.association)
    if isinstance(said, Rlrq | Rlre):
        return {"reason": said.reason}
    if isinstance(said, Prst):
        return {"invoke_id": said.invoke_id, "choice": _name(Choice, said.choice)} | _message(heard, said)
    return {"reason": _name(Abort, said.reason)}


def _association(said: apdus.Association | None) -> dict[str, Any]:
    if said is None:
        return {}
    return {
        "protocol_version": f"{said.protocol_version:08x}",
        "encoding_rules": f"{said.encoding_rules:04x}",
        "nomenclature_version": f"{said.nomenclature_version:08x}",
        "functional_units": f"{said.functional_units:08x}",
        "system_type": f"{said.system_type:08x}",
        "system_id": said.system_id.hex(),
        "dev_config_id": said.dev_config_id,
        "data_req_mode_flags": said.data_req_mode_flags,
        "data_req_init_agent_count": said.init_agent_count,
        "data_req_init_manager_count": said.init_manager_count,
    }


def _message(heard: Heard, said: Prst) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if heard.event is not None:
        found |= {"obj_handle": heard.event.handle, "event_time": heard.event.time, "event_type": _event(heard.event.event)}
    if heard.configuration is not None:
        objects = heard.configuration.objects.values()
        found |= {
            "config_id": heard.configuration.number,
            "config_obj_count": len(objects),
            "config_objects": [
                {"obj_class": one.object_class, "handle": one.handle, "attributes": {str(n): data.hex() for n, data in one.octets.items()}}
                for one in objects
            ],
        }
    if heard.report is not None:
        found |= {"data_req_id": heard.report.request_id, "scan_report_no": heard.report.number}
    if heard.description is not None:
        found |= {
            "obj_handle": heard.handle,
            "attribute_count": len(heard.description),
            "attributes": {str(number): data.hex() for number, data in heard.description.items()},
        }
    if said.choice == Choice.ROIV_GET:
        reader = said.reader()
        found |= {"obj_handle": reader.u16("obj-handle"), "attribute_count": sum(1 for item in reader.items("ids") if item.u16("id") >= 0)}
    if said.choice == Choice.RORS_CONFIRMED_EVENT_REPORT:
        found |= _confirmed(said)
    if said.choice in (Choice.ROIV_CONFIRMED_ACTION, Choice.RORS_CONFIRMED_ACTION):
        reader = said.reader()
        found |= {"obj_handle": reader.u16("obj-handle"), "action_type": _name(Action, reader.u16("action-type"))}
    if heard.segments is not None:
        found["segments"] = [{"instance": one.instance, "usage": one.usage, "readable": one.is_readable} for one in heard.segments]
    if heard.chunk is not None:
        chunk = heard.chunk
        found |= {"segm_instance": chunk.instance, "entry_index": chunk.index, "entry_count": chunk.count, "status": f"{chunk.status:04x}"}
    return found


def _confirmed(said: Prst) -> dict[str, Any]:
    reader = said.reader()
    found: dict[str, Any] = {"obj_handle": reader.u16("obj-handle"), "event_time": reader.u32("current-time")}
    event = reader.u16("event-type")
    found["event_type"] = _event(event)
    info = reader.within("event-reply-info")
    if event == Event.CONFIGURATION and info.left:
        found |= {"config_id": info.u16("config-report-id"), "config_result": _name(Verdict, info.u16("config-result"))}
    return found


def _event(number: int) -> str | int:
    return "mdc_noti_config" if number == Event.CONFIGURATION else _name(Event, number)


def _name(kind: Any, number: int) -> str | int:
    return kind(number).name.lower() if number in set(kind) else number


def observed(said: Observed) -> dict[str, Any]:
    """What one object observed. Times are the device's own."""
    found: dict[str, Any] = {"handle": said.handle, "type": _term(said.type), "unit": _unit(said.unit)}
    if said.value is not None:
        found |= _number(said.value)
    if said.parts:
        found["components"] = [{"type": _term(part.type), "unit": _unit(part.unit), **_number(part.value)} for part in said.parts]
    if said.entry is not None:
        found["segment"], found["entry"] = said.entry
    others = {
        "person": said.person,
        "term": _term(said.term),
        "text": said.text,
        "bits": _plain(said.bits),
        "samples": _plain(said.samples or None),
        "period": _plain(said.period),
        "octets": _plain(said.octets or None),
        "time": _plain(said.moment),
        "relative_time": said.relative,
        "hires_relative_time": said.hires,
        "base_offset_time": _plain(said.base_offset),
        "status": _plain(said.status) if said.status and said.status.value else None,
        "supplemental": [_term(term) for term in said.supplemental] or None,
        "active_period": _plain(said.active_period),
    }
    return found | {name: one for name, one in others.items() if one is not None}


def _term(term: Term | None) -> dict[str, int] | None:
    return None if term is None else {"partition": term.partition, "code": term.code, "mdc": term.number}


def _unit(code: int | None) -> dict[str, Any] | None:
    return None if code is None else {"code": code, "ucum": DIMENSIONS.get(code)}


def _number(said: Value) -> dict[str, Any]:
    return {"value": None, "special": said.value} if isinstance(said, NoValue) else {"value": format(said, "f")}


def value(number: int, data: bytes) -> Any:
    """An attribute of the device itself."""
    said = attrs.read(number, data)
    if number == Attribute.SYSTEM_TYPE_SPEC_LIST and isinstance(said, tuple):
        return [{"type": kind, "version": version} for kind, version in said]
    return _plain(said)


def _plain(said: Any) -> Any:  # noqa: PLR0911 - a table of types, one return each
    if isinstance(said, Moment):
        return None if said.date is None else f"{said.date}.{said.hundredths:02}" if said.hundredths else str(said.date)
    if isinstance(said, bytes):
        return said.hex()
    if isinstance(said, Decimal):
        return format(said, "f")
    if isinstance(said, NoValue):
        return said.value
    if isinstance(said, Bits):
        return f"{said.value:0{said.width // 4}x}"
    if isinstance(said, Model | TimeInfo | BaseOffset | Component):
        return said._asdict()
    if isinstance(said, tuple):
        return [_plain(item) for item in said]
    return said

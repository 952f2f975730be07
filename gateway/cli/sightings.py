"""Advertisements in questions to `decode -`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from gateway.sealed import opener
from profiles.adv import Sighting, decode, no_key
from profiles.adv.bthome import BTHome
from profiles.adv.mibeacon import MiBeacon
from profiles.describe import describe, plain
from profiles.gatt import short_uuid
from profiles.wire import Layout

COMPANY_OCTETS = 2


def answer(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What the advertisement says. Raises `DecodeError` (the octets) or another `ValueError` (the question, a key, an unknown form)."""
    key = asked.get("bindkey") or _mapping(asked, "keys").get("aeskey")
    seen = sighting(asked["advertisement"], asked.get("mac"))
    form, parts = decode(seen, opener(_octets(key, "bindkey")) if key else no_key)
    fields: dict[str, Any] = {}
    for part in parts:
        if key and not getattr(part, "encrypted", True):
            raise ValueError("it is not encrypted, though its key is known: it may be forged")
        fields |= _shown(part)
    return {"ok": True, "layout": form.name, "fields": fields}


def sighting(said: object, address: object) -> Sighting:
    if not isinstance(said, Mapping):
        raise ValueError('"advertisement" is to be an object')  # noqa: TRY004 - told like the others
    service = {short_uuid(uuid): _octets(data, "service_data") for uuid, data in _mapping(said, "service_data").items()}
    companies = {short_uuid(company): _octets(data, "manufacturer_data") for company, data in _mapping(said, "manufacturer_data").items()}
    if said.get("manufacturer_data_with_company_id_le"):
        whole = _octets(said["manufacturer_data_with_company_id_le"], "manufacturer_data_with_company_id_le")
        if len(whole) < COMPANY_OCTETS:
            raise ValueError("manufacturer data begins with a company's identifier")
        companies[int.from_bytes(whole[:2], "little")] = whole[2:]
    octets = _octets(address, "mac") if address else b""
    if len(octets) not in (0, 6):
        raise ValueError("an address has 6 bytes")
    name = said.get("name")
    if name is not None and not isinstance(name, str):
        raise ValueError('"name" is to be a text')
    return Sighting(address=octets.hex(":").upper(), name=name, service_data=service, manufacturer_data=companies)


def _mapping(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = said.get(name) or {}
    if not isinstance(found, Mapping):
        raise ValueError(f'"{name}" is to be an object')  # noqa: TRY004 - told like the others
    return found


def _octets(text: object, name: str) -> bytes:
    try:
        return bytes.fromhex(str(text).replace(":", "").replace("-", ""))
    except ValueError:
        raise ValueError(f'"{name}" is not hexadecimal') from None


def _shown(part: object) -> dict[str, Any]:
    if isinstance(part, BTHome):
        return _bthome(part)
    if isinstance(part, MiBeacon):
        head = {"product": f"{part.product:04X}", "counter": part.counter, "version": part.version, "encrypted": part.encrypted}
        object_id = {} if part.object_id is None else {"object_id": f"{part.object_id:04X}"}
        return head | object_id | (describe(part.said) if part.said is not None else {})
    assert isinstance(part, Layout)  # noqa: S101 - all the others are
    return describe(part)


def _bthome(said: BTHome) -> dict[str, Any]:
    """The first object of each name by its name; all of them, with units, in `objects`."""
    shown: dict[str, Any] = {"version": said.version, "encrypted": said.encrypted}
    for item in said.items:
        if not item.event:
            shown.setdefault(item.name, _plain(item.value))
    shown["objects"] = [
        {"name": item.name, "value": _plain(item.value), "unit": item.unit} | ({"event": True} if item.event else {}) for item in said.items
    ]
    return shown


def _plain(value: Decimal | int | bool | str | bytes | datetime) -> Any:  # noqa: FBT001 - what an object can be
    return value.isoformat(sep=" ") if isinstance(value, datetime) else plain(value)

"""BTHome, versions 2 (service data FCD2) and 1 (181C, encrypted 181E). Source: bthome.io, format and encryption.

An advertisement is a list of objects. One that is not known, or cut off, ends the reading, since the length of what follows is not
known either; the objects before it count. Health objects are mass, temperature and battery; the others come along.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from profiles.adv.sighting import Locked, Open, Sealed, Sighting
from profiles.wire import DecodeError

UUID, UUID_1, UUID_1_ENCRYPTED = 0xFCD2, 0x181C, 0x181E
ENCRYPTED, WITH_ADDRESS = 0x01, 0x02
VERSION_SHIFT, VERSION = 5, 2
COUNTER_OCTETS, TAG_OCTETS, ADDRESS_OCTETS = 4, 4, 6
ASSOCIATED_1 = b"\x11"

Scalar = Decimal | int | bool | str | bytes | datetime


@dataclass(frozen=True, slots=True)
class Form:
    """How an object lies in the advertisement: octets, sign, and what one step is worth (empty for a plain count)."""

    name: str
    size: int
    step: str = ""
    unit: str = "1"
    signed: bool = False

    def value(self, raw: int) -> Scalar:
        return raw * Decimal(self.step) if self.step else raw


_FORMS: dict[int, Form] = {
    0x00: Form("packet_id", 1),
    0x01: Form("battery", 1, unit="%"),
    0x02: Form("temperature", 2, "0.01", "Cel", signed=True),
    0x03: Form("humidity", 2, "0.01", "%"),
    0x04: Form("pressure", 3, "0.01", "hPa"),
    0x05: Form("illuminance", 3, "0.01", "lx"),
    0x06: Form("mass", 2, "0.01", "kg"),
    0x07: Form("mass", 2, "0.01", "[lb_av]"),
    0x08: Form("dew_point", 2, "0.01", "Cel", signed=True),
    0x09: Form("count", 1),
    0x0A: Form("energy", 3, "0.001", "kW.h"),
    0x0B: Form("power", 3, "0.01", "W"),
    0x0C: Form("voltage", 2, "0.001", "V"),
    0x0D: Form("pm2_5", 2, unit="ug/m3"),
    0x0E: Form("pm10", 2, unit="ug/m3"),
    0x12: Form("carbon_dioxide", 2, unit="[ppm]"),
    0x13: Form("volatile_organic_compounds", 2, unit="ug/m3"),
    0x14: Form("moisture", 2, "0.01", "%"),
    0x2E: Form("humidity", 1, unit="%"),
    0x2F: Form("moisture", 1, unit="%"),
    0x3D: Form("count", 2),
    0x3E: Form("count", 4),
    0x3F: Form("rotation", 2, "0.1", "deg", signed=True),
    0x40: Form("distance", 2, unit="mm"),
    0x41: Form("distance", 2, "0.1", "m"),
    0x42: Form("duration", 3, "0.001", "s"),
    0x43: Form("current", 2, "0.001", "A"),
    0x44: Form("speed", 2, "0.01", "m/s"),
    0x45: Form("temperature", 2, "0.1", "Cel", signed=True),
    0x46: Form("uv_index", 1, "0.1"),
    0x47: Form("volume", 2, "0.1", "L"),
    0x48: Form("volume", 2, unit="mL"),
    0x49: Form("volume_flow_rate", 2, "0.001", "m3/h"),
    0x4A: Form("voltage", 2, "0.1", "V"),
    0x4B: Form("gas", 3, "0.001", "m3"),
    0x4C: Form("gas", 4, "0.001", "m3"),
    0x4D: Form("energy", 4, "0.001", "kW.h"),
    0x4E: Form("volume", 4, "0.001", "L"),
    0x4F: Form("water", 4, "0.001", "L"),
    0x50: Form("timestamp", 4),
    0x51: Form("acceleration", 2, "0.001", "m/s2"),
    0x52: Form("gyroscope", 2, "0.001", "deg/s"),
    0x55: Form("volume_storage", 4, "0.001", "L"),
    0x56: Form("conductivity", 2, unit="uS/cm"),
    0x57: Form("temperature", 1, unit="Cel", signed=True),
    0x58: Form("temperature", 1, "0.35", "Cel", signed=True),
    0x59: Form("count", 1, signed=True),
    0x5A: Form("count", 2, signed=True),
    0x5B: Form("count", 4, signed=True),
    0x5C: Form("power", 4, "0.01", "W", signed=True),
    0x5D: Form("current", 2, "0.001", "A", signed=True),
    0x5E: Form("direction", 2, "0.01", "deg"),
    0x5F: Form("precipitation", 2, "0.1", "mm"),
    0x60: Form("channel", 1),
    0x61: Form("rotational_speed", 2, unit="{rpm}"),
    0x62: Form("speed", 4, "0.000001", "m/s", signed=True),
    0x63: Form("acceleration", 4, "0.000001", "m/s2", signed=True),
    0x64: Form("light_level", 1),
    0xF0: Form("device_type", 2),
    0xF1: Form("firmware_version", 4),
    0xF2: Form("firmware_version", 3),
}
_STATES = (
    *("battery_low", "battery_charging", "carbon_monoxide", "cold", "connectivity", "door", "garage_door", "gas", "heat", "light", "lock"),
    *("moisture", "motion", "moving", "occupancy", "plug", "presence", "problem", "running", "safety", "smoke", "sound", "tamper"),
    *("vibration", "window"),
)
_BINARY = {0x0F: "generic", 0x10: "power", 0x11: "opening", **dict(enumerate(_STATES, 0x15))}
_EVENTS = {0x3A: ("button", 1), 0x3C: ("dimmer", 2)}
_TEXT, _RAW, _TIMESTAMP = 0x53, 0x54, 0x50


@dataclass(frozen=True, slots=True)
class Item:
    """One object. An event says that something was pressed or turned; it is no measurement."""

    name: str
    value: Scalar
    unit: str
    event: bool = False


@dataclass(frozen=True, slots=True)
class BTHome:
    version: int
    encrypted: bool
    items: tuple[Item, ...]

    def first(self, name: str) -> Item | None:
        return next((item for item in self.items if item.name == name and not item.event), None)


def claims(seen: Sighting) -> bool:
    return bool({UUID, UUID_1, UUID_1_ENCRYPTED} & set(seen.service_data))


def decode(seen: Sighting, open_: Open) -> BTHome:
    """Raises `DecodeError` for octets that are no BTHome, `Locked` for what cannot be opened."""
    if (data := seen.service_data.get(UUID)) is not None:
        return _version_2(seen, data, open_)
    if (data := seen.service_data.get(UUID_1_ENCRYPTED)) is not None:
        smallest = COUNTER_OCTETS + TAG_OCTETS
        if len(data) <= smallest:
            raise DecodeError("BTHome", "ciphertext", 0, f"needs more than {smallest} bytes, {len(data)} left", data)
        counter, tag = data[-smallest:-TAG_OCTETS], data[-TAG_OCTETS:]
        nonce = seen.address_octets + UUID_1_ENCRYPTED.to_bytes(2, "little") + counter
        plain = _opened(seen, Sealed(nonce, data[:-smallest], tag, ASSOCIATED_1), open_)
        return BTHome(1, encrypted=True, items=tuple(_objects_1(plain)))
    return BTHome(1, encrypted=False, items=tuple(_objects_1(seen.service_data[UUID_1])))


def _version_2(seen: Sighting, data: bytes, open_: Open) -> BTHome:
    if not data or data[0] >> VERSION_SHIFT != VERSION:
        raise DecodeError("BTHome", "device_information", 0, "it is not version 2", data)
    information, body, address = data[0], data[1:], seen.address_octets
    if information & WITH_ADDRESS:
        address, body = body[:ADDRESS_OCTETS][::-1], body[ADDRESS_OCTETS:]
    if not information & ENCRYPTED:
        return BTHome(VERSION, encrypted=False, items=tuple(_objects_2(body)))
    smallest = COUNTER_OCTETS + TAG_OCTETS
    if len(body) <= smallest:
        raise DecodeError("BTHome", "ciphertext", 1, f"needs more than {smallest} bytes, {len(body)} left", data)
    counter, tag = body[-smallest:-TAG_OCTETS], body[-TAG_OCTETS:]
    nonce = address + UUID.to_bytes(2, "little") + bytes((information,)) + counter
    plain = _opened(seen, Sealed(nonce, body[:-smallest], tag), open_)
    return BTHome(VERSION, encrypted=True, items=tuple(_objects_2(plain)))


def _opened(seen: Sighting, sealed: Sealed, open_: Open) -> bytes:
    if not seen.address and len(sealed.nonce) < 12:  # noqa: PLR2004 - the address is a part of it
        raise Locked("to open it takes the device's address")
    return open_(sealed)


def _item(identifier: int, raw: bytes) -> Item | None:
    if identifier in _BINARY:
        return Item(_BINARY[identifier], bool(raw[0]), "1")
    if identifier in _EVENTS:
        return Item(_EVENTS[identifier][0], raw, "1", event=True)
    form = _FORMS.get(identifier)
    if form is None or len(raw) != form.size:
        return None
    number = int.from_bytes(raw, "little", signed=form.signed)
    if identifier == _TIMESTAMP:
        return Item(form.name, datetime.fromtimestamp(number, UTC), form.unit)
    return Item(form.name, form.value(number), form.unit)


def _objects_2(data: bytes) -> Iterator[Item]:
    at = 0
    while at < len(data):
        identifier, at = data[at], at + 1
        if identifier in (_TEXT, _RAW):
            size, at = (data[at] if at < len(data) else 1), at + 1
        elif identifier in _EVENTS:
            size = _EVENTS[identifier][1]
        elif identifier in _BINARY:
            size = 1
        elif identifier in _FORMS:
            size = _FORMS[identifier].size
        else:
            return
        if at + size > len(data):
            return
        raw, at = data[at : at + size], at + size
        if identifier == _RAW:
            yield Item("raw", raw, "1")
        elif identifier == _TEXT:
            try:
                yield Item("text", raw.decode(), "1")
            except UnicodeDecodeError:
                return
        elif (item := _item(identifier, raw)) is not None:
            yield item


_UNSIGNED, _SIGNED, _FLOAT = 0, 1, 2
_FLOATS = {2: "<e", 4: "<f", 8: "<d"}


def _objects_1(data: bytes) -> Iterator[Item]:
    """Version 1: an octet of length and format in front of each object."""
    at = 0
    while at + 1 < len(data):
        size, kind = data[at] & 0x1F, data[at] >> 5
        identifier, raw = data[at + 1], data[at + 2 : at + 1 + size]
        if size < 2 or at + 1 + size > len(data):  # noqa: PLR2004 - the identifier and an octet of value
            return
        at += 1 + size
        form = _FORMS.get(identifier)
        if form is None or kind not in (_SIGNED, _FLOAT):
            if (item := _item(identifier, raw)) is not None:
                yield item
        elif kind == _FLOAT and len(raw) in _FLOATS:
            [number] = struct.unpack(_FLOATS[len(raw)], raw)
            if number == number and abs(number) != float("inf"):  # noqa: PLR0124 - only NaN is not itself
                yield Item(form.name, Decimal(str(number)) * Decimal(form.step or "1"), form.unit)
        elif kind == _SIGNED:
            yield Item(form.name, form.value(int.from_bytes(raw, "little", signed=True)), form.unit)

"""A decoded value as plain JSON, for technicians and for comparison with other people's decoders.

Decimals are strings that keep their digits. A value that is no number is null, and `special` says why.
An enumerated code is `{"code": 8, "name": "undetermined_plasma"}` (name null if reserved), a bit field is
`{"raw": 6, "set": ["sensor_malfunction", …]}`, octets are hexadecimal.
"""

from __future__ import annotations

import enum
from decimal import Decimal
from typing import Any

from profiles.compiler import table
from profiles.floats import NoValue
from profiles.times import DateTime
from profiles.wire import Layout

Json = Any


def plain(value: Any) -> Json:  # noqa: PLR0911 - a table of types, one return each
    if isinstance(value, Layout):
        return describe(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, DateTime):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, enum.IntFlag):
        return {"raw": int(value), "set": [str(member.name).lower() for member in type(value) if member in value]}
    if isinstance(value, enum.IntEnum):
        return {"code": int(value), "name": value.name.lower()}
    if isinstance(value, enum.StrEnum):
        return value.value
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value


def describe(value: Layout) -> dict[str, Json]:
    shown: dict[str, Json] = {}
    special: dict[str, str] = {}
    for field in table(type(value)):
        item = getattr(value, field.name)
        if isinstance(item, NoValue):
            shown[field.name], special[field.name] = None, item.value
        elif field.enum_type is not None and type(item) is int:
            shown[field.name] = {"code": item, "name": None}
        elif item is not None or field.condition is None:
            shown[field.name] = plain(item)
        if isinstance(item, DateTime) and item.unknown_parts:
            shown[f"{field.name}_unknown_parts"] = list(item.unknown_parts)
    for name in value.derived:
        item = getattr(value, name)
        if item is not None:
            shown[name] = plain(item)
    if special:
        shown["special"] = special
    if value.trailing:
        shown["trailing_bytes"] = len(value.trailing)
    return shown

"""The properties of a thing's message, in MQTT 5's encoding (sections 2.2.2 and 3.3.2.3).

paho's own `Properties` look up each name in tables: of what a message costs, that was a third. What is the same in all messages is
packed by it once; what differs is put behind that here. `tests/gateway/test_mqtt.py` reads both back with paho.
"""

from __future__ import annotations

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties, VariableByteIntegers

USER_PROPERTY, CORRELATION_DATA = b"\x26", b"\x09"


class Packed:
    """What paho takes for properties: it asks for nothing but `pack`."""

    __slots__ = ("_fields",)

    def __init__(self, fields: bytes) -> None:
        self._fields = fields

    def pack(self) -> bytes:
        return bytes(VariableByteIntegers.encode(len(self._fields))) + self._fields  # type: ignore[no-untyped-call]  # paho leaves it untyped


class Template:
    """The same properties in each message (by paho's names), and in each its own user properties and correlation data."""

    def __init__(self, **same: object) -> None:
        packed = publish_properties(**same).pack()  # type: ignore[no-untyped-call]  # see above
        length, _octets = VariableByteIntegers.decode(packed)  # type: ignore[no-untyped-call]  # see above
        self._same = bytes(packed[len(packed) - length :])

    def filled(self, user: dict[str, str], correlation: bytes = b"") -> Packed:
        fields = [self._same, *(USER_PROPERTY + _counted(name.encode()) + _counted(value.encode()) for name, value in user.items())]
        if correlation:
            fields.append(CORRELATION_DATA + _counted(correlation))
        return Packed(b"".join(fields))


def _counted(octets: bytes) -> bytes:
    return len(octets).to_bytes(2, "big") + octets


def publish_properties(**values: object) -> Properties:
    """Those of a PUBLISH, by paho's names."""
    return _made(PacketTypes.PUBLISH, values)


def connect_properties(**values: object) -> Properties:
    """Those of a CONNECT, by paho's names."""
    return _made(PacketTypes.CONNECT, values)


def _made(kind: int, values: dict[str, object]) -> Properties:
    made = Properties(kind)  # type: ignore[no-untyped-call]  # paho leaves it untyped
    for name, value in values.items():
        setattr(made, name, value)
    return made

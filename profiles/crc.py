"""E2E-CRC of the GATT health services: CRC-16, polynomial 0x1021 reflected, start 0xFFFF, least significant octet first.

Source: Continuous Glucose Monitoring Service 1.0.2, 3.11 (the same in Insulin Delivery and Blood Pressure 1.1);
known elsewhere as CRC-16/MCRF4XX, whose check value over "123456789" is 0x6F91.
"""

from __future__ import annotations

from profiles.wire import Wire


def _table() -> tuple[int, ...]:
    entries = []
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = crc >> 1 ^ 0x8408 if crc & 1 else crc >> 1
        entries.append(crc)
    return tuple(entries)


_TABLE = _table()


def e2e_crc(data: bytes) -> int:
    crc = 0xFFFF
    for octet in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ octet) & 0xFF]
    return crc


def append_crc(data: bytes) -> bytes:
    return data + e2e_crc(data).to_bytes(2, "little")


def strip_crc(data: bytes) -> bytes:
    """`data` without its E2E-CRC. Raises `ValueError` when it is missing or wrong."""
    if len(data) < 2:  # noqa: PLR2004 - two octets of CRC
        raise ValueError("too short for an E2E-CRC")
    body, sent = data[:-2], int.from_bytes(data[-2:], "little")
    if e2e_crc(body) != sent:
        raise ValueError(f"E2E-CRC does not fit: sent {sent:#06x}, counted {e2e_crc(body):#06x}")
    return body


class _Crc(Wire):
    """The E2E-CRC at the end of a value: None where it is not there. A wrong one is a `DecodeError`."""

    fmt, size, nullable = "", -1, True

    def read_rest(self, data: bytes, at: int) -> int | None:
        if at == len(data):
            return None
        if len(data) - at != 2:  # noqa: PLR2004 - two octets of CRC
            raise ValueError(f"an E2E-CRC has 2 bytes, {len(data) - at} are left")
        strip_crc(data)
        return int.from_bytes(data[at:], "little")

    def write(self, value: int | None) -> bytes:
        return b"" if value is None else value.to_bytes(2, "little")


E2E_CRC = _Crc()

"""Who a device is, and which thing a reading is: names that never change once given."""

from __future__ import annotations

import hashlib

from drivers import DeviceInfo, Key

# Values that chips carry until somebody programs them: worth nothing as an identity.
_DEFAULT_SYSTEM_IDS = {"0" * 16, "F" * 16, "0102030405060708"[::-1]}
_DEFAULT_SERIALS = {"", "0", "00000000", "12345678", "1234567890", "SERIAL NUMBER", "N/A"}


def device_identity(info: DeviceInfo | None, address: str) -> str:
    """System ID, else maker, model and serial number, else address. Chosen at first contact, then kept for good."""
    if info is not None and info.system_id and info.system_id not in _DEFAULT_SYSTEM_IDS:
        return f"system-id:{info.system_id}"
    if info is not None and info.serial_number and info.serial_number.upper() not in _DEFAULT_SERIALS:
        return f"serial:{info.manufacturer or ''}:{info.model or ''}:{info.serial_number}"
    return f"address:{address.upper()}"


def thing_id(device: str, key: Key, thing_type: str, component: str = "") -> str:
    """128 bits in hexadecimal. The parts are separated by an octet that none of them holds."""
    parts = (device, key.kind, *key.parts, thing_type, component)
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def content_digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()[:16]

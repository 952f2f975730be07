"""MiBeacon, service data FE95: Xiaomi's scales and thermometers. Source: Xiaomi's BLE broadcast format, versions 2 to 5, as
Bluetooth-Devices/xiaomi-ble and others have measured it.

Encrypted since version 4: AES-CCM over the object, the nonce from address, product and counters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntFlag
from typing import Annotated

from profiles.adv.sighting import Locked, Open, Sealed, Sighting
from profiles.wire import S16, U8, U16, U32, DecodeError, Layout

UUID = 0xFE95
ASSOCIATED = b"\x11"
EXTENDED_COUNTER, TAG, ADDRESS = 3, 4, 6
HEAD = 5
ENCRYPTED_VERSION = 5


class Control(IntFlag):
    ENCRYPTED = 0x0008
    ADDRESS = 0x0010
    CAPABILITY = 0x0020
    OBJECT = 0x0040
    VERSION = 0xF000


CAPABILITY_WITH_IO = 0x20


@dataclass(frozen=True, slots=True)
class MiBeacon:
    product: int
    counter: int
    version: int
    encrypted: bool
    address: str | None
    said: Layout | None
    """The object, None for one that is not known."""
    object_id: int | None


@dataclass(frozen=True, slots=True)
class BodyTemperature(Layout):
    """Object 000A."""

    exact = True

    temperature: Annotated[Decimal, S16 / 100]


@dataclass(frozen=True, slots=True)
class TwoProbes(Layout):
    """Object 2000, of a thermometer worn under the arm: two raw temperatures and the battery.

    What its app shows is computed from both; `body_temperature_estimate` is a fit of xiaomi-ble to that app between 36.5 and 37.8 Cel,
    so it is no reading.
    """

    derived = ("body_temperature_estimate",)
    exact = True

    probe_1: Annotated[Decimal, S16 / 100]
    probe_2: Annotated[Decimal, S16 / 100]
    battery: Annotated[int, U8]

    @property
    def body_temperature_estimate(self) -> Decimal:
        first, second = (min(float(probe), 60.0) for probe in (self.probe_1, self.probe_2))
        fitted = 3.71934e-11 * math.exp(0.69314 * first) - 1.02801e-8 * math.exp(0.53871 * second) + 36.413
        return Decimal(f"{fitted:.2f}")


NO_PULSE = (0, 127)
PULSE_OFFSET = 50


@dataclass(frozen=True, slots=True)
class BodyComposition(Layout):
    """Object 6E16, of the S400: mass in 11 bits, pulse in 7, impedance in 14; one measurement comes as two of them.

    The impedance is that at the low frequency with a mass beside it, at the high frequency without; that one comes last.
    """

    derived = ("mass", "heart_rate", "impedance_low", "impedance_high", "stabilized", "timestamp")
    exact = True

    profile_id: Annotated[int, U8]
    packed: Annotated[int, U32]
    seconds: Annotated[int, U32]

    @property
    def mass(self) -> Decimal | None:
        """In kg."""
        raw = self.packed & 0x7FF
        return Decimal(raw) / 10 if raw else None

    @property
    def heart_rate(self) -> int | None:
        raw = self.packed >> 11 & 0x7F
        return None if raw in NO_PULSE else raw + PULSE_OFFSET

    @property
    def _impedance(self) -> Decimal | None:
        raw = self.packed >> 18
        return Decimal(raw) / 10 if raw else None

    @property
    def impedance_low(self) -> Decimal | None:
        return self._impedance if self.mass is not None else None

    @property
    def impedance_high(self) -> Decimal | None:
        return self._impedance if self.mass is None else None

    @property
    def stabilized(self) -> bool:
        return self.impedance_high is not None

    @property
    def timestamp(self) -> str:
        return datetime.fromtimestamp(self.seconds, UTC).isoformat()


@dataclass(frozen=True, slots=True)
class Battery(Layout):
    """Object 100A."""

    exact = True

    battery: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class _Object(Layout):
    object_id: Annotated[int, U16]
    length: Annotated[int, U8]


OBJECTS: dict[int, type[Layout]] = {0x000A: BodyTemperature, 0x100A: Battery, 0x2000: TwoProbes, 0x6E16: BodyComposition}


def claims(seen: Sighting) -> bool:
    return UUID in seen.service_data


def decode(seen: Sighting, open_: Open) -> MiBeacon:
    """Raises `DecodeError` and `Locked`."""
    data = seen.service_data[UUID]
    if len(data) < HEAD:
        raise DecodeError("MiBeacon", "frame_control", 0, f"needs {HEAD} bytes, {len(data)} left", data)
    control = Control(int.from_bytes(data[:2], "little"))
    at, address = HEAD, seen.address_octets
    if control & Control.ADDRESS:
        address, at = data[at : at + ADDRESS][::-1], at + ADDRESS
    if control & Control.CAPABILITY:
        at += 3 if at < len(data) and data[at] & CAPABILITY_WITH_IO else 1
    rest, version = data[at:], int(control & Control.VERSION) >> 12
    if at > len(data):
        raise DecodeError("MiBeacon", "capability", len(data), "it is cut off", data)
    if control & Control.ENCRYPTED and control & Control.OBJECT:
        rest = _opened(data, rest, address, version, open_)
    object_id, said = _read(rest, data) if control & Control.OBJECT else (None, None)
    return MiBeacon(
        product=int.from_bytes(data[2:4], "little"),
        counter=data[4],
        version=version,
        encrypted=bool(control & Control.ENCRYPTED),
        address=address.hex(":").upper() if address else None,
        said=said,
        object_id=object_id,
    )


def _opened(data: bytes, rest: bytes, address: bytes, version: int, open_: Open) -> bytes:
    if version < ENCRYPTED_VERSION - 1:
        raise Locked(f"the encryption of version {version} is not known")
    if not address:
        raise Locked("to open it takes the device's address")
    if len(rest) <= EXTENDED_COUNTER + TAG:
        raise DecodeError("MiBeacon", "ciphertext", len(data) - len(rest), f"needs more than 7 bytes, {len(rest)} left", data)
    ciphertext, counter, tag = rest[: -EXTENDED_COUNTER - TAG], rest[-EXTENDED_COUNTER - TAG : -TAG], rest[-TAG:]
    return open_(Sealed(address[::-1] + data[2:5] + counter, ciphertext, tag, ASSOCIATED))


def _read(plain: bytes, data: bytes) -> tuple[int, Layout | None]:
    head = _Object.decode(plain)
    body = head.trailing
    if len(body) < head.length:
        raise DecodeError("MiBeacon", "object", len(data), f"says {head.length} bytes, {len(body)} are left", data)
    table = OBJECTS.get(head.object_id)
    return head.object_id, table.decode(body[: head.length]) if table is not None else None

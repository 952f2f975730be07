"""Decoding, and an advertisement that nobody wants."""

from __future__ import annotations

import importlib.metadata
import struct

from drivers import Advertisement
from gateway import registry
from profiles.gatt.blood_pressure import BloodPressureMeasurement
from tests.bench.measure import interleaved, per_call

# Flags, three pressures, time stamp, pulse, user, status: derdilla/blood-pressure-monitor-fl@17aba3d0 with a user added.
FULL = bytes.fromhex("1e7c0056006100e807060f11111b3300012700")
CALLS = 100_000


def run() -> None:
    from bluetooth_sig.gatt.characteristics.blood_pressure_measurement import (  # noqa: PLC0415 - only where it is compared
        BloodPressureMeasurementCharacteristic,
    )

    unpack = struct.Struct("<B3HH5BHBH").unpack
    decode = BloodPressureMeasurement.decode
    other = BloodPressureMeasurementCharacteristic()
    decode(FULL)
    decode = BloodPressureMeasurement.decode
    data = bytearray(FULL)
    version = importlib.metadata.version("bluetooth-sig")
    loaded = registry.load()
    stranger = Advertisement(
        address="11:22:33:44:55:66",
        local_name="Lamp",
        services=frozenset({0xFE9F, 0x1812, "6e400001-b5a3-f393-e0a9-e50e24dcca9e"}),
        companies=frozenset({0x004C}),
    )
    found = interleaved(
        {
            "struct.unpack": lambda: per_call(lambda: unpack(FULL), CALLS),
            "health-gateway": lambda: per_call(lambda: decode(FULL), CALLS),
            "bluetooth-sig": lambda: per_call(lambda: other.parse_value(data), CALLS // 10),
            "advertisement": lambda: per_call(lambda: loaded.match(stranger), CALLS),
        }
    )
    ours, theirs, bare = found["health-gateway"], found["bluetooth-sig"], found["struct.unpack"]
    print(f"Blood Pressure Measurement, all {len(FULL)} bytes, medians of 5, interleaved")
    print(f"  struct.unpack                 {bare:7.3f} us")
    print(f"  health-gateway                {ours:7.3f} us   {ours / bare:5.1f} x struct.unpack")
    print(f"  bluetooth-sig {version:<15} {theirs:7.3f} us   health-gateway is {theirs / ours:.1f} x as fast")
    print(f"an advertisement no driver wants {found['advertisement']:6.3f} us   ({found['advertisement'] / bare:.1f} x that struct.unpack)")

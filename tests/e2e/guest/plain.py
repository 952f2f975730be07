"""What the gateway's speed is held against: a plain bleak script with a running scanner. It connects on the advertisement, subscribes, and
prints when the first value was on the disk.

    python -m tests.e2e.guest.plain ADDRESS FILE
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from profiles.gatt import blood_pressure as bls
from profiles.gatt import long_uuid

MEASUREMENT = long_uuid(bls.BloodPressureMeasurement.uuid)


async def main(address: str, path: Path) -> None:
    seen: asyncio.Future[BLEDevice] = asyncio.get_running_loop().create_future()
    written: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def on_seen(device: BLEDevice, _data: AdvertisementData) -> None:
        if device.address == address and not seen.done():
            seen.set_result(device)

    def on_value(_characteristic: object, data: bytearray) -> None:
        if not written.done():
            os.write(file, data.hex().encode() + b"\n")
            os.fdatasync(file)
            written.set_result(time.time())

    async with BleakScanner(on_seen):
        print("scanning", flush=True)
        device = await seen
        async with BleakClient(device) as client:
            await client.start_notify(MEASUREMENT, on_value)
            print(f"written {await written:.6f}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))

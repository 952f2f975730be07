"""The simulator's cuff and meter on the radio of a kernel: what `/dev/vhci` takes for a controller is one of bumble's, and on the same
virtual air are theirs.

One JSON line an event on the standard output: `ready`, `connected`, `passkey`, `paired`, `asked`, `sent`, `disconnected`.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bumble.controller import Controller
from bumble.core import UUID, PhysicalTransport
from bumble.device import Connection, Peer
from bumble.gatt import Characteristic
from bumble.hci import Address
from bumble.link import LocalLink
from bumble.transport import open_transport

from gateway.simulator import peripheral
from gateway.simulator.devices import Meter
from gateway.simulator.memory import Memory, Stored
from gateway.simulator.peripheral import Peripheral
from gateway.simulator.pushers import Cuff
from profiles.gatt import current_time as cts
from profiles.gatt.record_access import RecordAccessControlPoint

KERNEL = "00:AA:01:00:00:42"
ADDRESSES = {"cuff": "C0:FF:EE:00:00:02", "meter": "C0:FF:EE:00:00:03"}
PAUSE_SECONDS = 0.1
"""Between two records, as devices take it, so that there is a middle of a transfer."""
RECORDS = 20
ADVERTISING_MS = 500
"""An emulated machine has its hands full with more."""


TIRED_SECONDS = 10.0
"""A device with which nobody talks hangs up, as real ones do. Linux 6.1.192 answers MGMT Disconnect with success and sends nothing, so
a device that waited for the hub would wait for ever.
"""
_last: dict[str, float] = {}


def say(event: str, **more: object) -> None:
    print(json.dumps({"event": event} | more), flush=True)
    if "device" in more:
        _last[str(more["device"])] = time.monotonic()


class Air(LocalLink):
    """bumble 0.0.236 sends a packet as from the sender's random address. Linux scans by a private address and connects by its public one,
    so what it sent would belong to no connection: the address is the one that the connection was made with.
    """

    def send_acl_data(self, sender_controller: Any, destination_address: Any, transport: Any, data: bytes) -> None:
        if transport == PhysicalTransport.LE:
            for connection in sender_controller.le_connections.values():
                if connection.peer_address == destination_address:
                    receiver = self.find_le_controller(destination_address)
                    if receiver is not None:
                        asyncio.get_running_loop().call_soon(receiver.on_link_acl_data, connection.self_address, transport, data)
                    return
        super().send_acl_data(sender_controller, destination_address, transport, data)


class SlowCuff(Cuff):
    async def indicate(self, characteristic: Characteristic[Any], data: bytes) -> bool:
        confirmed = await super().indicate(characteristic, data)
        if characteristic is self._measured and confirmed:
            say("sent", device="cuff")
            await asyncio.sleep(PAUSE_SECONDS)
        return confirmed


class LockedMeter(Meter):
    secure = True

    async def report(self, command: RecordAccessControlPoint) -> bool:
        say("asked", device="meter", to="report")
        return await super().report(command)

    def delete(self, command: RecordAccessControlPoint) -> bool:
        say("asked", device="meter", to="delete")
        return super().delete(command)

    async def notify(self, characteristic: Characteristic[Any], data: bytes) -> None:
        await super().notify(characteristic, data)
        if characteristic is self._measured:
            say("sent", device="meter")
            await asyncio.sleep(PAUSE_SECONDS)


async def tell_passkeys(name: str, device: Peripheral) -> None:
    """What a person at the hub would read off the display."""
    while True:
        shown = device.display.shown
        say("passkey", device=name, number=await shown)
        while device.display.shown is shown:  # noqa: ASYNC110 - the simulator has no event for it
            await asyncio.sleep(0.02)


async def read_time(name: str, connection: Connection) -> None:
    """As a cuff does that takes its time from the hub: what it reads, and by how many seconds that is off."""
    try:
        async with Peer(connection) as peer:
            found = peer.get_characteristics_by_uuid(UUID.from_16_bits(cts.CurrentTime.uuid))
            said = cts.CurrentTime.decode(await found[0].read_value())
            moment = said.datetime.naive()
            assert moment is not None
            say("time", device=name, off_by=abs((datetime.now() - moment).total_seconds()))  # noqa: DTZ005 - the hub's local time
    except Exception as error:  # noqa: BLE001 - the link may go at any moment, and the scenario asks for one that stays
        say("no time", device=name, why=f"{type(error).__name__}: {error}")


def tell_connections(name: str, device: Peripheral) -> None:
    reading: set[asyncio.Task[None]] = set()

    def connected(connection: Connection) -> None:
        say("connected", device=name)
        if name == "cuff":
            reading.add(asyncio.get_running_loop().create_task(read_time(name, connection)))
        connection.on("pairing", lambda _keys: say("paired", device=name))
        connection.on("disconnection", lambda reason: say("disconnected", device=name, reason=int(reason)))

    device.device.on("connection", connected)


async def main(directory: Path, seed: int) -> None:
    peripheral.ADVERTISING_MS = ADVERTISING_MS
    transport = await open_transport("vhci")
    air = Air()  # type: ignore[no-untyped-call]  # bumble leaves it untyped
    Controller(
        "kernel",
        host_source=transport.source,
        host_sink=transport.sink,
        link=air,
        public_address=Address(KERNEL, Address.PUBLIC_DEVICE_ADDRESS),
    )
    randomness, number = random.Random(seed), iter(range(1, 1000))
    devices: dict[str, Peripheral] = {}
    tasks = []
    for name, kind in (("cuff", SlowCuff), ("meter", LockedMeter)):
        memory = Memory(directory, ADDRESSES[name])
        device: SlowCuff | LockedMeter = kind(
            air, ADDRESSES[name], memory, lambda: datetime.now().astimezone(), clock_behind=timedelta(minutes=6)
        )
        memory.add(Stored(next(number), "", expected=[{"type": "device", "time": None, "values": {"model": device.model}}]))
        memory.forget(memory.records[0].number)
        with memory.together():
            if isinstance(device, SlowCuff):
                device.fill(lambda: next(number), randomness)
            elif isinstance(device, LockedMeter):
                device.fill(lambda: next(number), randomness, RECORDS)
        await device.start()
        tell_connections(name, device)
        tasks.append(asyncio.create_task(tell_passkeys(name, device)))
        devices[name] = device
    say("ready", records={name: len(device.memory.records) for name, device in devices.items()})
    while True:
        for name, one in devices.items():
            if time.monotonic() - _last.get(name, 0.0) > TIRED_SECONDS:
                await one.hang_up()
            await one.advertise()
        await asyncio.sleep(0.5)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))

"""The simulator's cuff and meter on the radio of a kernel: what `/dev/vhci` takes for a controller is one of bumble's, and on the same
virtual air are theirs; beside them is a scale that only advertises.

One JSON line an event on the standard output: `ready`, `connected`, `passkey`, `paired`, `asked`, `sent`, `disconnected`, `awake`.
One JSON line an order on the standard input, `{"do": …, "device": …}`: `wake` (advertise whenever it is not connected), `sleep`,
`measure` (one reading more), `unbond` (it loses its keys), `cut` (it hangs up behind so many `records`), `weigh` (the scale says a
weight for some seconds).
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from bumble import hci
from bumble.controller import Controller
from bumble.core import UUID, PhysicalTransport
from bumble.device import Connection, Peer
from bumble.gatt import Characteristic
from bumble.link import LocalLink
from bumble.transport import open_transport

from gateway.simulator import peripheral
from gateway.simulator.advertisers import Advertiser
from gateway.simulator.devices import Meter
from gateway.simulator.memory import Memory, Stored
from gateway.simulator.peripheral import Peripheral
from gateway.simulator.pushers import Cuff, shown
from profiles.adv import bthome
from profiles.gatt import current_time as cts
from profiles.gatt.record_access import RecordAccessControlPoint
from profiles.times import DateTime

KERNEL = "00:AA:01:00:00:42"
ADDRESSES = {"cuff": "C0:FF:EE:00:00:02", "meter": "C0:FF:EE:00:00:03"}
SCALE = "C0:FF:EE:00:00:04"
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


class KernelController(Controller):
    """bumble 0.0.236 goes on making a connection that the kernel has cancelled, and so refuses the next one; Linux 6.12 takes it at its
    word. A cancelled one ends with a Connection Complete that says so (Vol 4 Part E, 7.8.13).
    """

    def on_hci_le_create_connection_cancel_command(
        self, command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        if (pending := self.pending_le_connection) is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        self.pending_le_connection = None
        ended = hci.HCI_LE_Connection_Complete_Event(
            status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
            connection_handle=0,
            role=hci.Role.CENTRAL,
            peer_address_type=pending.peer_address.address_type,
            peer_address=pending.peer_address,
            connection_interval=0,
            peripheral_latency=0,
            supervision_timeout=0,
            central_clock_accuracy=0,
        )
        asyncio.get_running_loop().call_soon(self.send_hci_packet, ended)
        return super().on_hci_le_create_connection_cancel_command(command)


class Cut:
    """A device that hangs up in the middle of a transfer."""

    behind = 0

    async def count(self, device: Peripheral) -> None:
        if self.behind:
            self.behind -= 1
            if not self.behind:
                await device.hang_up()


class SlowCuff(Cuff):
    cut: Cut

    def measure(self, number: int, randomness: random.Random) -> None:
        self._add(number, self._value(DateTime.of(self.time()), randomness.randrange(105, 150)).encode())

    async def indicate(self, characteristic: Characteristic[Any], data: bytes) -> bool:
        confirmed = await super().indicate(characteristic, data)
        if characteristic is self._measured and confirmed:
            say("sent", device="cuff")
            await self.cut.count(self)
            await asyncio.sleep(PAUSE_SECONDS)
        return confirmed


class LockedMeter(Meter):
    secure = True
    cut: Cut
    _last_number = RECORDS

    def measure(self, number: int, randomness: random.Random) -> None:
        self._last_number += 1
        said = self._value(self._last_number, self.time() - timedelta(hours=7 * self._last_number), randomness)
        self._add(number, said, said.encode())

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
            await self.cut.count(self)
            await asyncio.sleep(PAUSE_SECONDS)


class PlainScale(Advertiser):
    """It says a weight in its advertisement while somebody stands on it; no time and no number: two equal ones are the same octets."""

    name, model, service, uuid = "SCALE", "BTHome", bthome.UUID, bthome.UUID
    SECONDS = 4.0
    WEIGHT = 6990

    async def weigh(self, number: int) -> None:
        truth = {"type": "weight", "time": None, "values": {"weight": shown(Decimal(self.WEIGHT).scaleb(-2))}}
        self.memory.add(Stored(number, (b"\x40\x06" + self.WEIGHT.to_bytes(2, "little")).hex(), expected=[truth]))
        say("measured", device="scale")
        await self.advertise()
        await asyncio.sleep(self.SECONDS)
        await self.device.stop_advertising()


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


async def main(directory: Path, seed: int, *, awake: bool) -> None:
    peripheral.ADVERTISING_MS = ADVERTISING_MS
    transport = await open_transport("vhci")
    air = Air()  # type: ignore[no-untyped-call]  # bumble leaves it untyped
    KernelController(
        "kernel",
        host_source=transport.source,
        host_sink=transport.sink,
        link=air,
        public_address=hci.Address(KERNEL, hci.Address.PUBLIC_DEVICE_ADDRESS),
    )
    house = House(air, directory, seed)
    await house.furnish()
    for name in house.devices if awake else ():
        house.awake.add(name)
    house.tell_ready()
    orders = asyncio.create_task(house.take_orders())
    while not orders.done():
        for name in list(house.awake):
            one = house.devices[name]
            if time.monotonic() - _last.get(name, 0.0) > TIRED_SECONDS:
                await one.hang_up()
            await one.advertise()
        await asyncio.sleep(0.5)


def _now() -> datetime:
    return datetime.now().astimezone()


class House:
    def __init__(self, air: Air, directory: Path, seed: int) -> None:
        self._air, self._directory = air, directory
        self._randomness, self._numbers = random.Random(seed), iter(range(1, 10000))
        self.devices: dict[str, Peripheral] = {}
        self.awake: set[str] = set()
        self._scale: PlainScale
        self._tasks: list[asyncio.Task[None]] = []

    def _number(self) -> int:
        return next(self._numbers)

    async def furnish(self) -> None:
        self._scale = PlainScale(self._air, SCALE, Memory(self._directory, SCALE), _now)
        await self._scale.start()
        for name, kind in (("cuff", SlowCuff), ("meter", LockedMeter)):
            memory = Memory(self._directory, ADDRESSES[name])
            device: SlowCuff | LockedMeter = kind(self._air, ADDRESSES[name], memory, _now, clock_behind=timedelta(minutes=6))
            device.cut = Cut()
            self._tell_of(device)
            with memory.together():
                if isinstance(device, SlowCuff):
                    device.fill(self._number, self._randomness)
                else:
                    device.fill(self._number, self._randomness, RECORDS)
            await device.start()
            tell_connections(name, device)
            self._tasks.append(asyncio.create_task(tell_passkeys(name, device)))
            self.devices[name] = device

    def _tell_of(self, device: Peripheral) -> None:
        """That there is such a device is something to know, too; it has nothing to say for it."""
        truth = {"type": "device", "time": None, "values": {"model": device.model}}
        device.memory.add(Stored(self._number(), "", expected=[truth]))
        device.memory.forget(device.memory.records[0].number)

    def tell_ready(self) -> None:
        say("ready", records={name: len(device.memory.records) for name, device in self.devices.items()})

    async def take_orders(self) -> None:
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            order = json.loads(line)
            await self._obey(order["do"], order["device"], order.get("records", 0))
        await asyncio.Event().wait()  # nobody gives orders: the first scenario

    async def _obey(self, what: str, name: str, records: int) -> None:
        if what == "weigh":
            if self._scale.memory.is_new:
                self._tell_of(self._scale)
            self._tasks.append(asyncio.create_task(self._scale.weigh(self._number())))
            return
        device = self.devices[name]
        assert isinstance(device, SlowCuff | LockedMeter)
        if what == "wake":
            self.awake.add(name)
            await device.advertise()
            say("awake", device=name, at=time.time())
        elif what == "sleep":
            self.awake.discard(name)
            await device.hang_up()
            if device.device.is_advertising:
                await device.device.stop_advertising()
            device._advertising = False
        elif what == "measure":
            device.measure(self._number(), self._randomness)
            say("measured", device=name)
        elif what == "unbond":
            assert device.device.keystore is not None
            await device.device.keystore.delete_all()
            say("unbonded", device=name)
        elif what == "cut":
            device.cut.behind = records


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), awake="--awake" in sys.argv))

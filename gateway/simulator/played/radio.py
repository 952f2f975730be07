"""The played device over the air: it advertises what its catalog entry says, and holds its side of the conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from bumble.att import ATT_Error, AttributeValueV2
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection, Device
from bumble.gatt import Characteristic, Service
from bumble.link import LocalLink

from drivers import Advertisement
from gateway.simulator.peripheral import ADVERTISING_MS, PERMISSIONS, PROPERTIES, Display
from gateway.simulator.played.script import Script
from gateway.simulator.radio import make_device
from profiles.adv import Sighting

FLAGS = (AdvertisingData.Type.FLAGS, b"\x06")
READ_NOT_PERMITTED = 0x02
PACE_SECONDS = 0.02
LONGEST_PACKET = 31


def uuid_of(identifier: int) -> UUID:
    return UUID.from_16_bits(identifier) if identifier <= 0xFFFF else UUID.from_bytes(identifier.to_bytes(16, "little"))  # noqa: PLR2004 - 16 bits


class Played:
    """One who connects is told everything, each time he comes."""

    def __init__(self, link: LocalLink, address: str, script: Script, seen: Advertisement) -> None:
        self._script, self._seen = script, seen
        self.device: Device = make_device(link, seen.local_name or "played", address, Display())
        self._by_id: dict[int, Characteristic[Any]] = {}
        self._connection: Connection | None = None
        self._turn, self._subscribed, self._read = 0, set[int](), dict[int, int]()
        self._speaking: asyncio.Task[None] | None = None
        self._waiting: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()
        self.device.on("connection", self._on_connection)

    async def start(self) -> None:
        self._by_id = {place: self._characteristic(place) for place in self._script.characteristics if place}
        if self._by_id:
            service = next(iter(sorted(self._seen.services, key=str)), 0xFFF0)
            self.device.add_services([Service(_service_uuid(service), list(self._by_id.values()))])
        await self.device.power_on()

    async def stop(self) -> None:
        if self._speaking is not None:
            self._speaking.cancel()
        await self.device.power_off()

    async def advertise(self) -> None:
        if self._connection is not None:
            return
        if self.device.is_advertising:
            await self.device.stop_advertising()
        await self.device.start_advertising(
            advertising_data=packet(self._seen),
            auto_restart=False,
            advertising_interval_min=ADVERTISING_MS,
            advertising_interval_max=ADVERTISING_MS,
        )

    # -- within ------------------------------------------------------------------------------------------------------

    def _characteristic(self, place: int) -> Characteristic[Any]:
        made: Characteristic[Any] = Characteristic(
            uuid_of(place),
            PROPERTIES.READ | PROPERTIES.WRITE | PROPERTIES.NOTIFY,
            PERMISSIONS.READABLE | PERMISSIONS.WRITEABLE,
            AttributeValueV2(read=lambda _bearer: self._answer(place), write=lambda _bearer, _value: self._asked()),
        )
        made.on("subscription", lambda _bearer, notify, indicate: self._on_subscription(place, on=notify or indicate))
        return made

    def _answer(self, place: int) -> bytes:
        known = self._script.reads.get(place)
        if not known:
            raise ATT_Error(READ_NOT_PERMITTED)
        turn = self._read.get(place, 0)
        self._read[place] = turn + 1
        return known[min(turn, len(known) - 1)]

    def _asked(self) -> None:
        """Its answer follows: a write is not looked at, for the driver has the order in its own hands."""
        self._turn += 1
        if self._turn < len(self._script.said):
            self._say(self._script.said[self._turn])

    def _on_subscription(self, place: int, *, on: bool) -> None:
        if not on or place in self._subscribed:
            return
        self._subscribed.add(place)
        if self._turn == 0 and self._script.listened & self._by_id.keys() <= self._subscribed:
            self._say(self._script.said[0])

    def _say(self, frames: Sequence[tuple[int, bytes]]) -> None:
        for frame in frames:
            self._waiting.put_nowait(frame)

    async def _speak(self) -> None:
        while True:
            place, data = await self._waiting.get()
            if self._connection is not None and place in self._by_id:
                await self.device.gatt_server.notify_subscriber(self._connection, self._by_id[place], data)
            await asyncio.sleep(PACE_SECONDS)

    def _on_connection(self, connection: Connection) -> None:
        self._connection, self._turn = connection, 0
        self._subscribed.clear()
        self._read.clear()
        self._waiting = asyncio.Queue()
        self._speaking = asyncio.get_running_loop().create_task(self._speak())
        connection.on("disconnection", self._on_disconnection)

    def _on_disconnection(self, _reason: int) -> None:
        self._connection = None
        if self._speaking is not None:
            self._speaking.cancel()


class Advertising(Played):
    """Nobody connects to it: it says one of its advertisements after the other."""

    def __init__(self, link: LocalLink, address: str, script: Script, seen: Advertisement) -> None:
        super().__init__(link, address, Script(()), seen)
        self._heard = [Sighting.of(data) for frames in script.said for _, data in frames]
        self._next = 0

    async def advertise(self) -> None:
        said = self._heard[self._next % len(self._heard)]
        self._next += 1
        self._seen = Advertisement(
            address=self._seen.address,
            local_name=said.name,
            service_data=said.service_data,
            manufacturer_data=said.manufacturer_data,
        )
        await super().advertise()


def _service_uuid(service: int | str) -> UUID:
    return UUID(service) if isinstance(service, str) else UUID.from_16_bits(service)


def packet(seen: Advertisement) -> bytes:
    """What fits into one: the flags go first if there is too much, then the end of the name."""
    kinds = AdvertisingData.Type
    parts: list[tuple[int, bytes]] = [
        (kinds.SERVICE_DATA_16_BIT_UUID, uuid.to_bytes(2, "little") + data) for uuid, data in seen.service_data.items()
    ]
    parts += [(kinds.MANUFACTURER_SPECIFIC_DATA, company.to_bytes(2, "little") + data) for company, data in seen.manufacturer_data.items()]
    short = b"".join(service.to_bytes(2, "little") for service in sorted(one for one in seen.services if isinstance(one, int)))
    long = b"".join(UUID(one).to_bytes() for one in sorted(one for one in seen.services if isinstance(one, str)))
    parts += [(kinds.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, short)] if short else []
    parts += [(kinds.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, long)] if long else []
    room = LONGEST_PACKET - len(bytes(AdvertisingData(parts))) - 2
    name = (seen.local_name or "").encode()
    parts += [(kinds.COMPLETE_LOCAL_NAME, name[:room])] if name and room > 0 else []
    whole = bytes(AdvertisingData([FLAGS, *parts]))
    return whole if len(whole) <= LONGEST_PACKET else bytes(AdvertisingData(parts))

"""The `homeassistant` sink: people and devices as Home Assistant discovers them over MQTT, each entity with its newest reading.

Invariants, each with its test in `tests/gateway/test_homeassistant.py`, against a real broker:

1. An entity is told a reading once, and an older one never after a newer one: Home Assistant would record it as of now.
2. When Home Assistant comes back, it is told everything anew; when the broker does, that we are there.
3. Whether we are there is the broker's word, by its last will, also when nobody measures for days.
4. What was retracted, or is somebody else's now, is not shown any more; the reading before it is.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress

import structlog

from gateway.config_sinks import HomeAssistantSection
from gateway.homeassistant.discovery import Topics, of_gateway, of_owner
from gateway.homeassistant.memory import Memory
from gateway.journal import Row
from gateway.mqtt import connection
from gateway.mqtt.client import Client, Lost
from gateway.sinks.at_broker import AtBroker
from gateway.sinks.base import Answer, Unreachable
from gateway.sinks.outlet import BATCH

log = structlog.get_logger()
SLOWEST_RETRY_SECONDS = 60.0
ONLINE, OFFLINE = b"online", b"offline"


class HomeAssistantSink(AtBroker):
    recent = 5000

    def __init__(self, settings: HomeAssistantSection, gateway_id: str) -> None:
        super().__init__(settings)
        self._settings = settings
        self._client_id = settings.client_id or f"health-gateway-{gateway_id}-home"
        self._topics = Topics(settings.discovery_prefix, settings.topic, gateway_id)
        self._memory = Memory()
        self._one_at_a_time = asyncio.Lock()
        self._discovered: dict[str, str] = {}
        self._keeping: asyncio.Task[None] | None = None
        self._hearing: asyncio.Task[None] | None = None

    # -- the connection ------------------------------------------------------------------------------------------------

    async def begin(self, recent: Sequence[Row]) -> None:
        await asyncio.to_thread(self._learn, recent)  # the radio does not wait for it
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep(), name="Home Assistant")

    def _learn(self, had: Sequence[Row]) -> None:
        for row in had:
            self._memory.take(row)
        for shown in self._memory.newest():
            self._memory.shown(*shown)

    async def _keep(self) -> None:
        """There also while nothing is measured: what Home Assistant shows depends on it."""
        failures = 0
        while True:
            try:
                client = await self._connected()
                failures = 0
                await client.gone.wait()
            except Unreachable as error:
                if not failures:
                    log.warning("Home Assistant's broker is unreachable", problem=str(error))
                failures += 1
            await asyncio.sleep(min(2.0**failures, SLOWEST_RETRY_SECONDS))

    async def _connected(self) -> Client:
        async with self._one_at_a_time:
            if self._live is not None:
                return self._live
            await self._let_go()
            try:
                client = connection.client(self._settings, self._client_id, last_will=(self._topics.availability, OFFLINE))
                await client.__aenter__()
                self._client = client
                await client.listen(self._topics.birth)
                self._discovered.clear()
                await self._discover(client)
                await client.tell(self._topics.availability, ONLINE, retain=True)
            except Lost as error:
                await self._let_go()  # one that has not told everything must not be taken for a good one
                raise self._unreachable(error) from error
            self._hearing = asyncio.create_task(self._hear(client), name="Home Assistant's birth")
            return client

    async def _hear(self, client: Client) -> None:
        with suppress(Lost):  # whoever sends sees it, too
            async for message in client.heard():
                if bytes(message.payload) == ONLINE:
                    log.info("Home Assistant has come back: it is told everything anew")
                    async with self._one_at_a_time:
                        self._discovered.clear()
                        await self._discover(client)
                        for one in list(self._memory.newest()):
                            await self._show(client, *one)

    async def close(self) -> None:
        for task in (self._keeping, self._hearing):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        self._keeping = self._hearing = None
        if self._live is not None:
            with suppress(Lost):
                await self._live.tell(self._topics.availability, OFFLINE, retain=True)
        await self._let_go()

    async def _let_go(self) -> None:
        if self._hearing is not None:
            self._hearing.cancel()
            self._hearing = None
        await self._hang_up()

    # -- sending -------------------------------------------------------------------------------------------------------

    async def send(self, batch: Sequence[Row]) -> Sequence[Answer]:
        client = await self._connected()
        for row in batch:
            self._memory.take(row)
        try:
            async with self._one_at_a_time:
                await self._discover(client)
                # Of a long row of old readings not each of them is the newest for a moment.
                for one in self._memory.news() if len(batch) < BATCH else ():
                    await self._show(client, *one)
        except Lost as error:
            raise self._unreachable(error) from error
        return []

    async def _discover(self, client: Client) -> None:
        """What has not been told so on this connection. It is retained, for a Home Assistant that comes later."""
        wanted = {"": of_gateway(self._topics)}
        wanted |= {key: of_owner(self._topics, owner, self._memory.entities[key].values()) for key, owner in self._memory.owners.items()}
        for key, told in wanted.items():
            text = json.dumps(told, ensure_ascii=False)
            if self._discovered.get(key) != text:
                await client.tell(self._topics.discovery(key), text.encode(), retain=True)
                self._discovered[key] = text

    async def _show(self, client: Client, owner: str, entity: str, payload: str) -> None:
        await client.tell(self._topics.state(owner, entity), payload.encode(), retain=self._settings.retain)
        self._memory.shown(owner, entity, payload)

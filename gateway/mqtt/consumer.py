"""The reference consumer: what whoever reads the queue owes the gateway (docs/queue.md), in one file.

It keeps the highest version of each id, stores before it confirms, acknowledges a message only then, and sends receipts to
whoever asks for one.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiomqtt

from gateway.mqtt import connection
from gateway.mqtt.client import Client, Lost
from gateway.mqtt.contract import filters_of
from gateway.mqtt.properties import connect_properties, publish_properties
from gateway.receipts import receipt

TOGETHER = 200
"""So many messages share one fdatasync."""
FOR_EVER = 0xFFFFFFFF
SLOWEST_RETRY_SECONDS = 30.0


class Store:
    """What has been received: in memory the highest version per id, on disk one thing per line, if `path` is given."""

    def __init__(self, path: Path | None) -> None:
        self.highest: dict[str, int] = {}
        self._file = path.open("ab+") if path is not None else None
        if self._file is not None:
            self._file.seek(0)
            for line in self._file:
                if line.endswith(b"\n"):
                    thing = json.loads(line)
                    self._know(thing)
                else:
                    self._file.write(b"\n")  # a crash while writing; the gateway sends that one again

    def _know(self, thing: dict[str, Any]) -> None:
        self.highest[thing["id"]] = max(thing["version"], self.highest.get(thing["id"], 0))

    def take(self, payloads: Sequence[bytes]) -> list[bytes]:
        """Store what is news, on the medium before this returns; returns the news."""
        news = []
        for payload in payloads:
            thing = json.loads(payload)
            if thing["version"] > self.highest.get(thing["id"], 0):
                self._know(thing)
                news.append(payload)
        if self._file is not None and news:
            self._file.write(b"".join(payload + b"\n" for payload in news))
            self._file.flush()
            os.fdatasync(self._file.fileno())
        return news

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def lasting(self) -> bool:
        return self._file is not None


def is_thing(payload: object) -> bool:
    """Whether this is what the contract promises, as far as a consumer needs it."""
    if not isinstance(payload, bytes):
        return False
    try:
        thing = json.loads(payload)
    except ValueError:
        return False
    return isinstance(thing, dict) and isinstance(thing.get("id"), str) and isinstance(thing.get("version"), int)


@dataclass
class Consumer:
    """`show` gets each news as it is; `say` gets sentences about the connection. Runs until cancelled."""

    settings: connection.Settings
    topic: str
    client_id: str
    store: Store
    show: Callable[[bytes], None]
    say: Callable[[str], None]

    async def run(self) -> None:
        failures = 0
        while True:
            try:
                client = self._client()
                async with client:
                    await client.listen(*filters_of(self.topic))
                    self.say(f"listening at {self.settings.host}:{connection.port_of(self.settings)}")
                    failures = 0
                    await self._consume(client)
            except Lost as error:
                failures += 1
                pause = min(2.0 ** min(failures, 32) / 4, SLOWEST_RETRY_SECONDS)
                self.say(f"{connection.sentence(self.settings, error)}; again in {pause:.0f} s")
                await asyncio.sleep(pause)

    def _client(self) -> Client:
        """A store that lasts has a session that lasts: the broker keeps what comes while we are away."""
        if self.settings.protocol != "5":
            return connection.client(self.settings, self.client_id, clean_session=not self.store.lasting)
        if not self.store.lasting:
            return connection.client(self.settings, self.client_id)
        return connection.client(
            self.settings,
            self.client_id,
            clean_start=False,
            properties=connect_properties(SessionExpiryInterval=FOR_EVER),
        )

    async def _consume(self, client: Client) -> None:
        client.take_by_hand()
        arrived = client.heard()
        async for first in arrived:
            messages = [first, *client.more(TOGETHER)]
            things = [message for message in messages if is_thing(message.payload)]
            news = await asyncio.to_thread(self.store.take, [bytes(message.payload) for message in things])
            for payload in news:
                self.show(payload)
            for message in messages:
                if self.store.lasting:
                    self._confirm(client, message, None if is_thing(message.payload) else "this is no thing")
                client.done_with(message)

    def _confirm(self, client: Client, message: aiomqtt.Message, refused: str | None) -> None:
        topic = getattr(message.properties, "ResponseTopic", None)
        # Only below our own topic: nobody may have us publish elsewhere.
        if topic is None or not topic.startswith(f"{self.topic}/receipt/"):
            return
        properties = publish_properties(CorrelationData=getattr(message.properties, "CorrelationData", b""))
        client.publish_soon(topic, receipt(refused), properties, lambda _code: None)

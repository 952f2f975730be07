"""From an MQTT 5 broker, by a shared subscription: each thing goes to one of the workers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import aiomqtt

from gateway.collect.arrived import Arrived, Lost, proof_of
from gateway.collect.config import MqttQueue
from gateway.mqtt import client as mqtt
from gateway.mqtt import connection
from gateway.mqtt.contract import filters_of
from gateway.mqtt.properties import connect_properties, publish_properties
from gateway.receipts import receipt

FOR_EVER = 0xFFFFFFFF


class MqttFeed:
    """`name`: of this worker, the same after a restart, for the broker keeps what it has given to it."""

    def __init__(self, settings: MqttQueue, name: str, say: Callable[[str], None]) -> None:
        self._settings, self._name, self._say = settings, name, say
        self._client: mqtt.Client | None = None

    async def batches(self, most: int) -> AsyncIterator[list[Arrived]]:
        settings = self._settings
        try:
            client = connection.client(
                settings, f"{settings.group}-{self._name}", clean_start=False, properties=connect_properties(SessionExpiryInterval=FOR_EVER)
            )
            await client.__aenter__()
            self._client = client
            client.take_by_hand()
            arrived = client.heard()
            await client.listen(*(f"$share/{settings.group}/{one}" for one in filters_of(settings.topic)))
            self._say(f"listening at {settings.host}:{connection.port_of(settings)}")
            async for first in arrived:
                yield [self._arrived(client, message) for message in (first, *client.more(most - 1))]
        except mqtt.Lost as error:
            raise Lost(connection.sentence(settings, error)) from error

    def _arrived(self, client: mqtt.Client, message: aiomqtt.Message) -> Arrived:
        payload = message.payload if isinstance(message.payload, bytes) else b""
        told = dict(getattr(message.properties, "UserProperty", ()))
        n, proof = proof_of(told)

        def done(refused: str | None) -> None:
            topic = getattr(message.properties, "ResponseTopic", None)
            # Only below our own topic: nobody may have us publish elsewhere.
            if topic is not None and topic.startswith(f"{self._settings.topic}/receipt/"):
                properties = publish_properties(CorrelationData=getattr(message.properties, "CorrelationData", b""))
                try:
                    client.publish_soon(topic, receipt(refused), properties, lambda _code: None)
                except mqtt.Lost:
                    return  # it comes again
            client.done_with(message)

        return Arrived(payload, n, proof, done)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.__aexit__()

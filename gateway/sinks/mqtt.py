"""The `mqtt` sink: each thing a message of QoS 1, kept until its PUBACK, or its consumer's receipt, says that it has arrived.

Invariants, each with its test in `tests/gateway/test_mqtt.py`, against a real broker:

1. A thing counts as taken when its own PUBACK says success (`ack = "broker"`), or its own receipt has come (`ack = "receiver"`).
2. Never more than `in_flight` things, nor than the broker's Receive Maximum, are under way.
3. A refusal is that thing's alone: 0x87, 0x90, 0x95 and 0x99 defer it. 0x80, 0x97 and, unless allowed, 0x10 hold it and what
   follows in its person's line. One at which the broker closes the connection every time is deferred, too.
4. A thing whose PUBACK has come is not sent again while the connection lives and its receipt is awaited, but for a long time's silence.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from gateway import crashpoints
from gateway.config_sinks import MqttSection
from gateway.journal import Row
from gateway.mqtt import connection
from gateway.mqtt.client import FAILURE, Client, Lost
from gateway.mqtt.contract import CONTENT_TYPE, receipt_topic, topic_of
from gateway.mqtt.properties import Packed, Template
from gateway.receipts import correlation
from gateway.sinks.at_broker import AtBroker
from gateway.sinks.awaiting import Awaiting
from gateway.sinks.base import Answer, Held, Refused, person_of
from gateway.sinks.batch import Batch

log = structlog.get_logger()

PUBACK_SECONDS = 30.0
OVERHEAD_OCTETS = 512
"""Room for a message's topic, properties and header beside its payload."""
PROOF_OCTETS = 320
LOSSES_OF_A_CULPRIT = 3

NO_SUBSCRIBER = 0x10
_DEFERRED = {
    0x87: "the broker's rules do not allow it (0x87)",
    0x90: "the broker does not like the topic (0x90)",
    0x95: "too large for the broker (0x95)",
    0x99: "the broker does not like the payload (0x99)",
}


class MqttSink(AtBroker):
    def __init__(self, settings: MqttSection, client_id: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(settings)
        self._settings, self._client_id = settings, client_id
        self.settle_seconds = settings.settle_seconds if settings.ack == "broker" else 0.0
        self._awaiting = Awaiting(settings.receipt_seconds, monotonic)
        self._listening: asyncio.Task[None] | None = None
        self._careful = False
        self._suspect: tuple[bytes, int] | None = None
        self._receipts_to = receipt_topic(settings.topic, client_id)
        self._properties_of_all = self._template() if settings.protocol == "5" else None
        self._patience = settings.receipt_seconds if settings.ack == "receiver" else PUBACK_SECONDS

    # -- the connection ------------------------------------------------------------------------------------------------

    async def _connected(self) -> Client:
        if self._live is not None:
            return self._live
        await self.close()
        try:
            client = connection.client(self._settings, self._client_id, max_inflight_messages=0)
            await client.__aenter__()
        except Lost as error:
            raise self._unreachable(error) from error
        self._client = client
        if self._settings.ack == "receiver":
            await self._listen(client)
        return client

    async def _listen(self, client: Client) -> None:
        try:
            await client.listen(self._receipts_to)
        except Lost as error:
            await self.close()  # a connection that hears no receipts must not be taken for a good one
            raise self._unreachable(error) from error
        self._listening = asyncio.create_task(self._hear_receipts(client), name="receipts")

    async def _hear_receipts(self, client: Client) -> None:
        with suppress(Lost):  # whoever sends sees it, too
            async for message in client.heard():
                self._awaiting.heard(bytes(getattr(message.properties, "CorrelationData", b"")), bytes(message.payload))

    async def close(self) -> None:
        self._awaiting.clear()
        if self._listening is not None:
            self._listening.cancel()
            self._listening = None
        await self._hang_up()

    # -- sending -------------------------------------------------------------------------------------------------------

    async def send(self, batch: Sequence[Row]) -> Sequence[Answer]:
        client = await self._connected()
        under_way = Batch(batch)
        window = 1 if self._careful else min(self._settings.in_flight, client.receive_maximum)
        try:
            with client.told_of_the_end(under_way.moved.set):
                for place in range(len(batch)):
                    await self._until(client, under_way, window - 1)
                    self._put(client, under_way, place)
                await self._until(client, under_way, 0)
        except Lost as error:
            self._look_for_the_cause(client, under_way)
            taken, answers = under_way.so_far()
            raise self._unreachable(error, taken=taken, answers=answers) from error
        finally:
            self._awaiting.batch_over()
        self._careful = False
        crashpoints.reached("sink-written")
        return under_way.so_far()[1]

    def _look_for_the_cause(self, client: Client, batch: Batch) -> None:
        """Some brokers answer a thing they do not like by closing the connection. To find out which, send one at a time; one that
        was alone under way when the connection went, some times in a row, is refused.
        """
        if not client.gone.is_set():
            return
        alone = self._careful and len(batch.open) == 1
        self._careful = True
        if not alone:
            return
        place = next(iter(batch.open))
        row = batch.rows[place]
        key = correlation(row.id, row.version)
        count = self._suspect[1] + 1 if self._suspect and self._suspect[0] == key else 1
        self._suspect = (key, count)
        if count >= LOSSES_OF_A_CULPRIT:
            self._suspect = None
            batch.answer(place, Refused(row.n, "the broker closes the connection when it is sent"))

    async def _until(self, client: Client, batch: Batch, most: int) -> None:
        """Wait until no more than `most` are under way. Raises `Lost` when the connection has gone, or nothing comes."""
        while len(batch.open) > most:
            if client.gone.is_set():
                raise Lost(client.why)
            batch.moved.clear()
            if not most:
                client.hurry()
            try:
                async with asyncio.timeout(self._patience):
                    await batch.moved.wait()
            except TimeoutError as error:
                if self._settings.ack == "broker":
                    await client.__aexit__()
                    raise Lost(f"no acknowledgement within {self._patience:.0f} s") from error
                await client.round_trip()
                raise Lost(
                    f"the broker has {len(batch.open)} things, but no receipt has come for {self._patience:.0f} s; is the consumer running?"
                ) from error

    def _put(self, client: Client, batch: Batch, place: int) -> None:
        row = batch.rows[place]
        person = person_of(row)
        line = person or ""
        batch.lines.append(line)
        if line in batch.waiting_lines:
            batch.answer(place, Held(row.n, batch.waiting_lines[line].reason))
            return
        payload = row.body.encode("utf-8", "surrogateescape")
        if (
            client.maximum_packet_size is not None
            and len(payload) + OVERHEAD_OCTETS + PROOF_OCTETS * (row.proof is not None) > client.maximum_packet_size
        ):
            batch.answer(place, Refused(row.n, _DEFERRED[0x95]))
            return
        topic = topic_of(self._settings.topic, person, row.type)
        key = correlation(row.id, row.version)
        batch.open.add(place)
        if self._settings.ack == "receiver" and not self._awaiting.is_to_be_sent(batch, place, key):
            return

        def answered(code: object) -> None:
            self._broker_says(batch, place, int(getattr(code, "value", 0)), topic)

        client.publish_soon(topic, payload, self._properties(row, key), answered)
        crashpoints.reached("message-sent")

    def _template(self) -> Template:
        to = {"ResponseTopic": self._receipts_to} if self._settings.ack == "receiver" else {}
        return Template(PayloadFormatIndicator=1, ContentType=CONTENT_TYPE, **to)

    def _properties(self, row: Row, key: bytes) -> Packed | None:
        if self._properties_of_all is None:
            return None
        user = {"id": row.id, "version": str(row.version)}
        if row.proof is not None:
            user |= {"n": str(row.n), "key": row.proof.key, "previous": row.proof.previous.hex(), "signature": row.proof.signature.hex()}
        return self._properties_of_all.filled(user, key if self._settings.ack == "receiver" else b"")

    def _broker_says(self, batch: Batch, place: int, code: int, topic: str) -> None:
        crashpoints.reached("message-acknowledged")
        row = batch.rows[place]
        if code in _DEFERRED:
            batch.answer(place, Refused(row.n, _DEFERRED[code]))
        elif code == NO_SUBSCRIBER and not self._settings.accept_no_subscriber:
            batch.hold(place, f"nobody subscribes to {topic}")
        elif code >= FAILURE:
            batch.hold(place, f"the broker cannot take it now ({code:#04x})")
        elif self._settings.ack == "receiver":
            return
        else:
            batch.took(place)
        if self._settings.ack == "receiver":
            self._awaiting.forget(correlation(row.id, row.version))

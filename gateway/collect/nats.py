"""From a stream of JetStream, by a durable consumer that the workers share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from nats.aio.msg import Msg
from nats.errors import Error
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import APIError, NotFoundError

from gateway.collect.arrived import Arrived, Lost, proof_of
from gateway.collect.config import NatsQueue
from gateway.nats import connection
from gateway.nats.contract import RECEIPT_TO, THING, subjects_of
from gateway.nats.pulling import pulled
from gateway.receipts import receipt

_PREFIX = "health-gateway-"


class NatsFeed:
    def __init__(self, settings: NatsQueue, name: str, say: Callable[[str], None]) -> None:
        self._settings, self._name, self._say = settings, name, say
        self._connection: connection.Connection | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    async def batches(self, most: int) -> AsyncIterator[list[Arrived]]:
        settings = self._settings
        try:
            made = self._connection = await connection.connected(settings, f"{settings.group}-{self._name}")
        except connection.Lost as error:
            raise Lost(str(error)) from error
        wanted = ConsumerConfig(
            durable_name=settings.group,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=settings.ack_seconds,
            filter_subjects=subjects_of(settings.subject),
            max_ack_pending=20_000,
        )
        stream = made.client.jetstream(timeout=settings.timeout_seconds)
        try:
            with suppress(APIError):  # it is there already, made by another
                await stream.add_consumer(settings.stream, wanted)
            await stream.consumer_info(settings.stream, settings.group)
            self._say(f"listening at {made.where}")
            async for messages in pulled(made, settings.stream, settings.group, most):
                yield [self._arrived(message) for message in messages]
        except connection.Lost as error:
            raise Lost(str(error)) from error
        except NotFoundError as error:
            raise Lost(f"{made.where}: there is no stream {settings.stream}; make it (docs/queue.md), or check `queue.stream`") from error
        except (Error, OSError, TimeoutError) as error:
            raise Lost(made.why if made.gone.is_set() else f"{made.where}: {error or type(error).__name__}") from error

    def _arrived(self, message: Msg) -> Arrived:
        headers = message.headers or {}
        n, proof = proof_of({name.removeprefix(_PREFIX): text for name, text in headers.items() if name.startswith(_PREFIX)})

        def done(refused: str | None) -> None:
            task = asyncio.create_task(self._done(message, headers.get(RECEIPT_TO), headers.get("Nats-Msg-Id", ""), refused))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

        return Arrived(bytes(message.data), n, proof, done)

    async def _done(self, message: Msg, to: str | None, message_id: str, refused: str | None) -> None:
        with suppress(Error, OSError):  # what is not acknowledged comes again
            # Only below our own subject: nobody may have us publish elsewhere.
            if to is not None and to.startswith(f"{self._settings.subject}.receipt.") and self._connection is not None:
                thing = "/".join(message_id.split("/")[:2])
                await self._connection.client.publish(to, receipt(refused), headers={THING: thing})
            await message.ack()

    async def close(self) -> None:
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=1)
        made, self._connection = self._connection, None
        if made is not None:
            await made.close()

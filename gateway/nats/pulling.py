"""Reading a durable consumer: what is there, as soon as it is there.

Not by the library's `fetch`: in 2.16 it waits for a whole batch, or for its time to end, before it gives out what has come.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from nats.aio.msg import Msg

from gateway.nats.connection import Connection, Lost

EXPIRES_SECONDS, HEARTBEAT_SECONDS = 30.0, 5.0
BUSY_SECONDS = 0.2
"""Before the next request after one that the server ended for a reason of its own, such as another leader."""
_NANO = 1_000_000_000
_TIME_IS_UP, _NOTHING_THERE, _HEARTBEAT, _NOBODY = "408", "404", "100", "503"


async def pulled(connection: Connection, stream: str, durable: str, most: int) -> AsyncIterator[list[Msg]]:
    """Up to `most` at once, acknowledged by nobody yet. Raises `Lost`, and the library's `Error`."""
    client = connection.client
    inbox = client.new_inbox()
    queue: asyncio.Queue[Msg | None] = asyncio.Queue()

    async def heard(message: Msg) -> None:
        queue.put_nowait(message)

    await client.subscribe(inbox, cb=heard, pending_msgs_limit=0, pending_bytes_limit=0)
    ended = asyncio.create_task(connection.gone.wait(), name="end of the connection")
    ended.add_done_callback(lambda _task: queue.put_nowait(None))
    subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
    asked = {"batch": most, "expires": int(EXPIRES_SECONDS * _NANO), "idle_heartbeat": int(HEARTBEAT_SECONDS * _NANO)}
    try:
        while True:
            await client.publish(subject, json.dumps(asked).encode(), reply=inbox)
            left = most
            while left > 0:
                messages, left = _sorted(await _come(connection, queue), left)
                if messages:
                    yield messages
            if left < 0:
                await asyncio.sleep(BUSY_SECONDS)
    finally:
        ended.cancel()


async def _come(connection: Connection, queue: asyncio.Queue[Msg | None]) -> list[Msg]:
    """At least one. Raises `Lost`."""
    try:
        async with asyncio.timeout(3 * HEARTBEAT_SECONDS):
            found = [await queue.get()]
    except TimeoutError as error:
        await connection.close()
        raise Lost(f"{connection.where}: no answer; check the network and `servers`") from error
    while not queue.empty():
        found.append(queue.get_nowait())
    if None in found:
        raise Lost(connection.why)
    return [message for message in found if message is not None]


def _sorted(found: list[Msg], left: int) -> tuple[list[Msg], int]:
    """The messages, and how many more the request brings; -1 if the server has ended it. Raises `Lost` where there is no consumer."""
    messages = []
    for message in found:
        status = (message.headers or {}).get("Status")
        if status is None or message.data:
            messages.append(message)
            left -= 1
        elif status == _NOBODY:
            raise Lost("there is no such consumer any more")
        elif status in (_TIME_IS_UP, _NOTHING_THERE):
            left = 0
        elif status != _HEARTBEAT:
            left = -1
    return messages, left

"""aiomqtt's client, which says what a PUBACK said, and why a connection came to nothing.

aiomqtt 2.5 drops the reason code of a PUBACK (a refusal looks like success), lets a publication wait for its whole time-out when
the connection is gone, tells of a connection that TLS refused only that time ran out, and may wait for room on a socket that is closed by
then. All four are mended here by its private names, so its version is pinned, and `tests/gateway/test_mqtt.py` asks a real broker.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Self, cast

import aiomqtt
from paho.mqtt.client import Client as Paho
from paho.mqtt.client import ConnectFlags, DisconnectFlags
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway.mqtt.properties import Packed

__all__ = ["FAILURE", "Client", "Lost", "NotConnected"]

SECONDS = 10.0
"""For connecting and for each answer."""
KEEPALIVE_SECONDS = 30

FAILURE = 0x80
"""From here on a reason code is a failure."""

Answered = Callable[[ReasonCode], None]


class Lost(Exception):
    """There is no connection (any more); the text says why."""


class NotConnected(Lost):
    """The broker has not let us in."""


class _LastWords(logging.Handler):
    """Keeps what paho says of a socket's end: it raises nothing."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.args[0] if isinstance(record.args, tuple) and record.args else record.args
        self.text = str(error) if isinstance(error, Exception) else record.getMessage()


class Client(aiomqtt.Client):
    """One connection; make a new one for the next. `async with` it; `gone` is set when it has ended, `why` says of what."""

    def __init__(self, hostname: str, port: int, **named: Any) -> None:
        self._words = _LastWords()
        logger = logging.Logger("mqtt", logging.WARNING)  # noqa: LOG001 - one a connection, not one a process
        logger.addHandler(self._words)
        super().__init__(
            hostname,
            port,
            timeout=SECONDS,
            keepalive=KEEPALIVE_SECONDS,
            logger=logger,
            socket_options=((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),),
            **named,
        )
        self._client.connect_timeout = SECONDS
        self._answers: dict[int, Answered] = {}
        self._thread = threading.get_ident()
        self._to_tell: set[Callable[[], None]] = set()
        self.gone = asyncio.Event()
        self.why = ""
        self.receive_maximum = 65535
        self.maximum_packet_size: int | None = None
        """What the broker allows, from its CONNACK."""

    async def __aenter__(self) -> Self:
        """Raises `NotConnected`."""
        try:
            await super().__aenter__()
        except (aiomqtt.MqttError, ValueError) as error:
            self._let_go()
            raise NotConnected(self._words.text or str(error)) from error
        if self._disconnected.done():
            self._ended(self._disconnected)
        else:
            self._disconnected.add_done_callback(self._ended)
        return self

    async def __aexit__(self, *_: object) -> None:
        with suppress(aiomqtt.MqttError, OSError, ValueError):
            await super().__aexit__(None, None, None)
        self._let_go()
        self.gone.set()

    def _let_go(self) -> None:
        """Of the socket, its watchers and the keep-alive: aiomqtt leaves them behind when a connection comes to nothing."""
        self._client._sock_close()  # noqa: SLF001 - see above

    def _ended(self, disconnected: asyncio.Future[None]) -> None:
        error = None if disconnected.cancelled() else disconnected.exception()
        self.why = self._words.text or (str(error) if error else "") or "the connection was closed"
        self.gone.set()
        for call in list(self._to_tell):
            call()

    @contextmanager
    def told_of_the_end(self, call: Callable[[], None]) -> Iterator[None]:
        """`call` when the connection ends within the block."""
        self._to_tell.add(call)
        try:
            yield
        finally:
            self._to_tell.discard(call)

    def publish_soon(self, topic: str, payload: bytes, properties: Properties | Packed | None, answered: Answered) -> None:
        """Send with QoS 1; `answered` is called with the PUBACK's reason code, in the loop's thread. Raises `Lost`."""
        try:
            info = self._client.publish(topic, payload, 1, retain=False, properties=cast("Properties | None", properties))
        except ValueError as error:
            raise Lost(str(error)) from error
        if info.rc:
            raise Lost(self.why or "the connection was closed")
        self._answers[info.mid] = answered
        self._write(self._client)  # now, so that the broker works while the next message is made

    async def tell(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """With QoS 1; there when this returns. Raises `Lost`."""
        try:
            await self.publish(topic, payload, qos=1, retain=retain)
        except (aiomqtt.MqttError, ValueError) as error:
            raise Lost(self.why or str(error)) from error

    def hurry(self) -> None:
        """Ask the broker's system not to wait: it may hold back an answer until the last one is confirmed, and ours confirms late."""
        opened = cast("socket.socket | None", self._client.socket())
        if opened is not None:
            with suppress(OSError):
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    async def listen(self, *filters: str) -> None:
        """Subscribe with QoS 1. Raises `Lost`, also when the broker refuses."""
        try:
            granted: Sequence[Any] = await self.subscribe([(name, 1) for name in filters])
        except (aiomqtt.MqttError, ValueError) as error:
            raise Lost(self.why or str(error)) from error
        for name, code in zip(filters, granted, strict=True):
            if (code.value if isinstance(code, ReasonCode) else code) >= FAILURE:
                raise Lost(f"the broker does not let us hear {name}; mend its rules")

    async def heard(self) -> AsyncIterator[aiomqtt.Message]:
        """Messages as they come. Raises `Lost` at the connection's end."""
        try:
            async for message in self.messages:
                yield message
        except aiomqtt.MqttError as error:
            raise Lost(self.why or str(error)) from error

    def more(self, most: int) -> list[aiomqtt.Message]:
        """What has come already, without waiting."""
        return [self._queue.get_nowait() for _ in range(min(most, self._queue.qsize()))]

    async def round_trip(self) -> None:
        """Hear from the broker once more: an UNSUBSCRIBE of nothing needs no right and changes nothing. Raises `Lost`."""
        try:
            await self.unsubscribe("health-gateway/is-anybody-there")
        except (aiomqtt.MqttError, ValueError) as error:
            raise Lost(self.why or str(error)) from error

    def take_by_hand(self) -> None:
        """Messages are acknowledged when `done_with` is called, not when they arrive."""
        self._client.manual_ack_set(True)  # noqa: FBT003 - paho's signature

    def done_with(self, message: aiomqtt.Message) -> None:
        self._client.ack(message.mid, message.qos)

    # -- aiomqtt's own call-backs --------------------------------------------------------------------------------------

    def _on_connect(
        self, client: Paho, userdata: Any, flags: ConnectFlags, reason_code: ReasonCode, properties: Properties | None = None
    ) -> None:
        self.receive_maximum = getattr(properties, "ReceiveMaximum", self.receive_maximum)
        self.maximum_packet_size = getattr(properties, "MaximumPacketSize", None)
        if reason_code.is_failure:
            self._words.text = f"the broker says: {reason_code}"
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_disconnect(
        self, client: Paho, userdata: Any, flags: DisconnectFlags, reason_code: ReasonCode, properties: Properties | None = None
    ) -> None:
        if not self._connected.done():
            text = self._words.text or "the broker closed the connection before it had answered"
            self._connected.set_exception(aiomqtt.MqttError(text))
            self._connected.exception()  # nobody may be waiting any more
            return
        super()._on_disconnect(client, userdata, flags, reason_code, properties)

    def _on_socket_register_write(self, client: Paho, userdata: Any, sock: Any) -> None:  # noqa: ARG002 - aiomqtt's signature
        # aiomqtt looks up the socket's number now and uses it a turn later, when it may be closed or somebody else's.
        if threading.get_ident() == self._thread:
            self._watch_for_room(client, sock)
        else:
            self._loop.call_soon_threadsafe(self._watch_for_room, client, sock)

    def _watch_for_room(self, client: Paho, sock: Any) -> None:
        if sock.fileno() >= 0:
            self._loop.add_writer(sock.fileno(), self._write, client)

    def _write(self, client: Paho) -> None:
        try:
            client.loop_write()
        except Exception as error:  # noqa: BLE001 - whatever it is, the connection is gone
            if not self._disconnected.done():
                self._disconnected.set_exception(error)

    def _on_publish(self, client: Paho, userdata: Any, mid: int, reason_code: ReasonCode, properties: Properties) -> None:
        answered = self._answers.pop(mid, None)
        if answered is not None:
            answered(reason_code)
        else:
            super()._on_publish(client, userdata, mid, reason_code, properties)

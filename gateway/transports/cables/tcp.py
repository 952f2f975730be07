"""Devices with IEEE 11073-20601 over TCP connect to us; each connection is a plug of its own for as long as it lasts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from drivers import Silent
from gateway.transports.cables.connection import CableConnection, Receiver
from gateway.transports.cables.plugs import Plugged
from gateway.transports.radio import Connection, OnFrame

AT_ONCE = 65536
MOST = 16
"""Connections at a time: whoever can reach the port can open them."""


class TcpConnection(CableConnection):
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, on_frame: OnFrame, on_lost: Callable[[], None]) -> None:
        self._writer, self._receiver = writer, Receiver(on_frame, on_lost)
        self._task = asyncio.get_running_loop().create_task(self._listen(reader))

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while data := await reader.read(AT_ONCE):
                self._receiver.frame(data)
        self._receiver.lost()

    async def write(self, characteristic: int, data: bytes) -> None:  # noqa: ARG002 - a cable has one channel
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise Silent("the connection is gone") from error

    async def close(self) -> None:
        self._receiver.is_lost = True
        self._task.cancel()
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()


class Listener:
    """`listen`: address and port."""

    def __init__(self, listen: str) -> None:
        self._host, _, port = listen.rpartition(":")
        self._port = int(port)
        self._peers: dict[str, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}
        self._count = 0

    async def watch(self, on_plugged: Callable[[Plugged], None], on_unplugged: Callable[[str], None]) -> None:
        """Until cancelled. Raises `OSError`."""

        async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if len(self._peers) >= MOST:
                writer.close()
                return
            self._count += 1
            location = f"tcp:{self._count}"
            self._peers[location] = reader, writer
            on_plugged(Plugged(location))
            with suppress(OSError):
                await writer.wait_closed()
            self._peers.pop(location, None)
            on_unplugged(location)

        server = await asyncio.start_server(accepted, self._host.strip("[]"), self._port)
        async with server:
            await server.serve_forever()

    def connect(self, location: str, on_frame: OnFrame, on_lost: Callable[[], None]) -> Connection:
        """Raises `Silent`."""
        if location not in self._peers:
            raise Silent("the connection is gone")
        return TcpConnection(*self._peers[location], on_frame, on_lost)

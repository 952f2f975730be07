"""What stands around the daemon: a network that can fail, a consumer that can be killed, a disk that can fill up."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Literal

from tests.support.loopback import free_port

ROOT = Path(__file__).parents[2]
DISK = "6m"
Weather = Literal["fine", "refused", "stalled", "slow"]


class Network:
    """Between gateway and broker. `refused`: nothing listens, connections are reset. `stalled`: nothing gets through, nobody is told."""

    def __init__(self, broker_port: int) -> None:
        self.port, self._broker_port = free_port(), broker_port
        self._server: asyncio.Server | None = None
        self._held: socket.socket | None = None
        self._links: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._moving = asyncio.Event()
        self._delay = 0.0

    async def set(self, weather: Weather) -> None:
        self._delay = 0.05 if weather == "slow" else 0.0
        if weather == "stalled":
            self._moving.clear()
        else:
            self._moving.set()
        if weather == "refused":
            await self.close()
            self._hold()
        elif self._server is None:
            self._let_go()
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    def _hold(self) -> None:
        """Nobody else gets the port meanwhile: it is bound, and nothing listens."""
        if self._held is None:
            self._held = socket.socket()
            self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._held.bind(("127.0.0.1", self.port))

    def _let_go(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            held.close()

    async def close(self) -> None:
        self._let_go()
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for link in list(self._links):
            link.transport.abort()
        for task in list(self._tasks):
            task.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._broker_port)
        except OSError:
            writer.transport.abort()
            return
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            self._links.add(sink)
            task = asyncio.create_task(self._carry(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(4096):
                await self._moving.wait()
                if self._delay:
                    await asyncio.sleep(self._delay)
                sink.write(data)
                await sink.drain()
        sink.close()
        self._links.discard(sink)


class Consumer:
    """`health-gateway subscribe --out`, a process of its own."""

    def __init__(self, config: Path, out: Path) -> None:
        self._config, self.out = config, out
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", "subscribe", "-c", str(self._config), "--out", str(self.out), "--client-id", "consumer"),
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        listening = asyncio.Event()
        self._reading = asyncio.create_task(self._watch(self._process, listening))
        async with asyncio.timeout(60):
            await listening.wait()

    @staticmethod
    async def _watch(process: asyncio.subprocess.Process, listening: asyncio.Event) -> None:
        assert process.stderr is not None
        while line := await process.stderr.readline():
            if b"listening" in line:
                listening.set()

    async def kill(self) -> None:
        """With -9."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._reading is not None:
            await self._reading


class Disk:
    """A small tmpfs at `place`, where we may mount one; else the test's own disk, which cannot be filled."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._ballast = place / "ballast"
        self.small = False

    def mount(self) -> None:
        if os.geteuid() == 0:
            done = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "health-gateway-campaign", str(self._place)],
                check=False,
                capture_output=True,
            )
            self.small = done.returncode == 0

    def fill(self) -> None:
        """To the last octet, whatever the daemon does meanwhile."""
        if not self.small:
            return
        with contextlib.suppress(OSError), self._ballast.open("ab", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def empty(self) -> None:
        self._ballast.unlink(missing_ok=True)

    def unmount(self) -> None:
        if self.small:
            subprocess.run(["umount", "-l", str(self._place)], check=False, capture_output=True)

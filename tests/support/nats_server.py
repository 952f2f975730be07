"""Real NATS servers of a test's own: on loopback, in a directory of their own, to be killed and started again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from nats.js.api import StorageType, StreamConfig

from gateway.nats.contract import subjects_of
from tests.support.broker import free_port

NATS = shutil.which("nats-server", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
STREAM = "HEALTH"


def stream(prefix: str = "health", **named: object) -> StreamConfig:
    """What docs/queue.md has one make."""
    return StreamConfig(name=STREAM, subjects=subjects_of(prefix), storage=StorageType.FILE, **named)  # type: ignore[arg-type]  # by name


class NatsServer:
    """`settings`: lines for its configuration beside a listener on loopback and JetStream."""

    def __init__(self, directory: Path, settings: str = "", name: str = "n1") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self.port = directory, free_port()
        self.scheme = "nats"
        self._process: subprocess.Popen[bytes] | None = None
        self.configuration = directory / "nats.conf"
        self.configuration.write_text(
            f'server_name: {name}\nhost: 127.0.0.1\nport: {self.port}\nlog_file: "{directory}/log"\nlogtime: true\n'
            f'jetstream {{ store_dir: "{directory}/store", max_file_store: 1GB }}\n{settings}\n'
        )

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def start(self) -> NatsServer:
        assert NATS is not None, "these tests need nats-server; it comes with the development dependencies"
        self._process = subprocess.Popen([NATS, "-c", str(self.configuration)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                assert self._process.poll() is None, f"nats-server ended: {self.log()[-500:]}"
                assert time.monotonic() < until, "nats-server does not listen"
                time.sleep(0.02)

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self._wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGKILL)  # its own way of ending takes seconds
            self._wait()

    def _wait(self) -> None:
        assert self._process is not None
        self._process.wait(10)

    def log(self) -> str:
        path = self.directory / "log"
        return path.read_text(errors="replace") if path.exists() else ""


class Cluster:
    """Three servers that know each other."""

    def __init__(self, directory: Path) -> None:
        routes = [free_port() for _ in range(3)]
        others = ", ".join(f'"nats://127.0.0.1:{port}"' for port in routes)
        self.servers = [
            NatsServer(
                directory / f"n{number}",
                f"cluster {{ name: c, host: 127.0.0.1, port: {port}, routes: [{others}] }}",
                name=f"n{number}",
            )
            for number, port in enumerate(routes, 1)
        ]

    @property
    def urls(self) -> list[str]:
        return [server.url for server in self.servers]

    def start(self) -> Cluster:
        for server in self.servers:
            server.start()
        return self

    def stop(self) -> None:
        for server in self.servers:
            server.stop()

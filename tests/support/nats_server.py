"""Real NATS servers of a test's own: on loopback, in a directory of their own, to be killed and started again."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

from nats.js.api import StorageType, StreamConfig

from gateway.nats.contract import subjects_of
from tests.support.loopback import Server, free_port

NATS = shutil.which("nats-server", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
STREAM = "HEALTH"


def stream(prefix: str = "health", **named: object) -> StreamConfig:
    """What docs/queue.md has one make."""
    return StreamConfig(name=STREAM, subjects=subjects_of(prefix), storage=StorageType.FILE, **named)  # type: ignore[arg-type]  # by name


class NatsServer(Server):
    """`settings`: lines for its configuration beside a listener on loopback and JetStream."""

    stops_by = signal.SIGKILL
    """Its own way of ending takes seconds."""

    def __init__(self, directory: Path, settings: str = "", name: str = "n1") -> None:
        assert NATS is not None, "these tests need nats-server; it comes with the development dependencies"
        directory.mkdir(parents=True, exist_ok=True)
        self.configuration = directory / "nats.conf"
        super().__init__(directory, [NATS, "-c", str(self.configuration)], free_port())
        self.configuration.write_text(
            f'server_name: {name}\nhost: 127.0.0.1\nport: {self.port}\nlog_file: "{directory}/log"\nlogtime: true\n'
            f'jetstream {{ store_dir: "{directory}/store", max_file_store: 1GB }}\n{settings}\n'
        )

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"


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

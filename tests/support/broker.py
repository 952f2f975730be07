"""A real Mosquitto of a test's own: on loopback, in a directory of its own, to be killed and started again."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")

DOCUMENTED = "persistence true\nautosave_interval 10\nmax_queued_messages 100000\n"
"""What docs/queue.md asks for, to the letter (a test compares)."""
DURABLE = "persistence true\nautosave_interval 1\nmax_queued_messages 100000\n"
"""The same, but saved every two seconds instead of every eleven, so that tests need not wait."""
DEBIAN = "persistence true\n"
"""As the distribution configures it: saved every half hour and at a clean stop, 1,000 messages queued per absent consumer."""


def free_port() -> int:
    """One below those that the system gives to clients: a server that was stopped finds it free again."""
    while True:
        port = secrets.choice(range(15_000, 32_000))
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Broker:
    """`settings`: lines for mosquitto.conf beside a listener on loopback that lets everybody in."""

    def __init__(self, directory: Path, settings: str = "", *, listener: str = "allow_anonymous true\n", log: str = "all") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self.port = directory, free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.configuration = directory / "mosquitto.conf"
        user = "user root\n" if os.geteuid() == 0 else ""
        self.configuration.write_text(
            f"listener {self.port} 127.0.0.1\n{listener}{user}{settings}"
            f"persistence_location {directory}/\nlog_dest file {directory}/log\nlog_type {log}\nconnection_messages true\n"
        )

    def start(self) -> Broker:
        assert MOSQUITTO is not None, "these tests need Mosquitto: `make test` as root installs it, or install the package mosquitto"
        self._process = subprocess.Popen([MOSQUITTO, "-c", str(self.configuration)], stderr=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                assert self._process.poll() is None, f"mosquitto ended: {self.log()[-500:]}"
                assert time.monotonic() < until, "mosquitto does not listen"
                time.sleep(0.02)

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """As a power cut would: with -9."""
        self.signal(signal.SIGKILL)
        self._wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            self._wait()

    def _wait(self) -> None:
        assert self._process is not None
        self._process.wait(10)

    def log(self) -> str:
        path = self.directory / "log"
        return path.read_text(errors="replace") if path.exists() else ""

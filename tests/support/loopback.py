"""A real server of a test's own: on loopback, in a directory of its own, to be killed and started again."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Self

PORTS = Path(tempfile.gettempdir()) / "health-gateway-test-ports"
_MINE: deque[int] = deque()
MOST_MINE = 200
"""So many of the ports that this process was given last are nobody else's."""


def free_port() -> int:
    """One below those that the system gives to clients: a server that was stopped finds it free again. No other test gets it meanwhile,
    in whatever process: some bind it seconds later.
    """
    PORTS.mkdir(exist_ok=True)
    while True:
        port = secrets.choice(range(15_000, 32_000))
        lock = os.open(PORTS / str(port), os.O_RDWR | os.O_CREAT, 0o666)
        with socket.socket() as probe, contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            probe.bind(("127.0.0.1", port))
            _MINE.append(lock)
            if len(_MINE) > MOST_MINE:
                os.close(_MINE.popleft())
            return port
        os.close(lock)


class Server:
    """`command`: that starts it. Its own log is `log` in its directory."""

    stops_by = signal.SIGTERM

    def __init__(self, directory: Path, command: Sequence[str], port: int) -> None:
        self.directory, self.port, self._command = directory, port, command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        self._process = subprocess.Popen(self._command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                assert self._process.poll() is None, f"{self._command[0]} ended: {self.log()[-500:]}"
                assert time.monotonic() < until, f"{self._command[0]} does not listen"
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
            self.signal(self.stops_by)
            self._wait()

    def _wait(self) -> None:
        assert self._process is not None
        self._process.wait(10)

    def log(self) -> str:
        path = self.directory / "log"
        return path.read_text(errors="replace") if path.exists() else ""

"""A real Mosquitto of a test's own: on loopback, in a directory of its own, to be killed and started again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.support.loopback import Server, free_port

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")

DOCUMENTED = "persistence true\nautosave_interval 10\nmax_queued_messages 100000\n"
"""What docs/queue.md asks for, to the letter (a test compares)."""
DURABLE = "persistence true\nautosave_interval 1\nmax_queued_messages 100000\n"
"""The same, but saved every two seconds instead of every eleven, so that tests need not wait."""
DEBIAN = "persistence true\n"
"""As the distribution configures it: saved every half hour and at a clean stop, 1,000 messages queued per absent consumer."""


class Broker(Server):
    """`settings`: lines for mosquitto.conf beside a listener on loopback that lets everybody in."""

    def __init__(self, directory: Path, settings: str = "", *, listener: str = "allow_anonymous true\n", log: str = "all") -> None:
        assert MOSQUITTO is not None, "these tests need Mosquitto: `make test` as root installs it, or install the package mosquitto"
        directory.mkdir(parents=True, exist_ok=True)
        self.configuration = directory / "mosquitto.conf"
        super().__init__(directory, [MOSQUITTO, "-c", str(self.configuration)], free_port())
        user = "user root\n" if os.geteuid() == 0 else ""
        self.configuration.write_text(
            f"listener {self.port} 127.0.0.1\n{listener}{user}{settings}"
            f"persistence_location {directory}/\nlog_dest file {directory}/log\nlog_type {log}\nconnection_messages true\n"
        )

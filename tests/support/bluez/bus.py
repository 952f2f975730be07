"""A system bus of our own: dbus-daemon at a private address."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CONFIG = (
    "<busconfig><listen>unix:path={}</listen><policy context='default'><allow send_destination='*'/>"
    "<allow own='*'/><allow receive_sender='*'/></policy></busconfig>"
)


class PrivateBus:
    """`address`: for `DBUS_SYSTEM_BUS_ADDRESS`."""

    def __init__(self, place: Path) -> None:
        self.address = f"unix:path={place}/bus"
        self._config = place / "bus.conf"
        self._config.write_text(CONFIG.format(place / "bus"))
        self.start()

    def start(self) -> None:
        environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/bin:/usr/sbin"}
        self._daemon = subprocess.Popen(
            ["dbus-daemon", f"--config-file={self._config}", "--nofork", "--print-address"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        assert self._daemon.stdout is not None
        self._daemon.stdout.readline()

    def stop(self) -> None:
        with self._daemon:
            self._daemon.kill()


@contextmanager
def private_bus(place: Path) -> Iterator[PrivateBus]:
    bus = PrivateBus(place)
    try:
        yield bus
    finally:
        bus.stop()

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


@contextmanager
def private_bus(place: Path) -> Iterator[str]:
    """Its address, for `DBUS_SYSTEM_BUS_ADDRESS`."""
    config, socket = place / "bus.conf", place / "bus"
    config.write_text(CONFIG.format(socket))
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/bin:/usr/sbin"}
    with subprocess.Popen(
        ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    ) as daemon:
        assert daemon.stdout is not None
        daemon.stdout.readline()
        try:
            yield f"unix:path={socket}"
        finally:
            daemon.terminate()

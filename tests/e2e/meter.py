"""The host's end of an FTDI cable in the virtual machine: a OneTouch UltraEasy, on a socket that qemu connects to."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from gateway.simulator.cables.meters import UltraEasy
from tests.e2e.guest.usbip import now, records


@contextmanager
def at_host() -> Iterator[tuple[str, ...]]:
    """What qemu is told of it. The meter answers for as long as the machine lives."""
    with tempfile.TemporaryDirectory() as place, socket.socket(socket.AF_UNIX) as server:
        path = f"{place}/meter"
        server.bind(path)
        server.listen()
        threading.Thread(target=_serve, args=(server,), daemon=True).start()
        yield (
            *("-device", "qemu-xhci,id=xhci", "-chardev", f"socket,id=meter,path={path}"),
            *("-device", "usb-serial,bus=xhci.0,chardev=meter,always-plugged=on"),
        )


def _serve(server: socket.socket) -> None:
    meter = UltraEasy(records(), now)
    with suppress(OSError):
        while True:
            peer, _ = server.accept()
            with peer:
                while data := peer.recv(4096):
                    for answer in meter.receive(data):
                        peer.sendall(answer)

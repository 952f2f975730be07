"""The other side of the control socket."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from gateway.cli.common import Failed

SECONDS = 30.0


class NotRunning(Exception):
    """No daemon answers at the socket."""


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("gateway", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(SECONDS)
        try:
            self.sock.connect(str(self._path))
        except OSError:
            self.sock.close()
            raise


def _open(path: Path, method: str, url: str, query: Mapping[str, str] | None = None) -> http.client.HTTPResponse:
    connection = _Connection(path)
    try:
        connection.request(method, quote(url, safe="/?=&-") + (f"?{urlencode(query)}" if query else ""), headers={"Connection": "close"})
        return connection.getresponse()
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise NotRunning from error
    except PermissionError as error:
        raise Failed(f"{path}: permission denied; be root or in the group health-gateway") from error
    except (OSError, http.client.HTTPException) as error:
        raise Failed(f"the gateway does not answer at {path}: {error}") from error


def ask(path: Path, url: str, method: str = "GET", query: Mapping[str, str] | None = None) -> tuple[int, Any]:
    """Status and JSON. Raises `NotRunning`."""
    response = _open(path, method, url, query)
    return response.status, json.loads(response.read())


def stream(path: Path, url: str) -> Iterator[bytes]:
    response = _open(path, "GET", url)
    if response.status != http.client.OK:
        raise Failed(json.loads(response.read())["error"])
    while chunk := response.read(1 << 16):
        yield chunk


def lines(path: Path, url: str, method: str) -> Iterator[bytes]:
    """As they come."""
    response = _open(path, method, url)
    if response.status != http.client.OK:
        raise Failed(json.loads(response.read())["error"])
    while line := response.readline():
        yield line

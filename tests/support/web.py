"""A web server of a test's own, for the length of a block."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from tests.support.certificates import Pair
from tests.support.fakes import until


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def listening(routes: Sequence[Route], port: int = 0, pair: Pair | None = None, clients: Path | None = None) -> AsyncIterator[str]:
    """Its base. `clients`: whose certificates a client must have."""
    tls: dict[str, Any] = {"ssl_certfile": str(pair.certificate), "ssl_keyfile": str(pair.key)} if pair else {}
    if clients is not None:
        tls |= {"ssl_ca_certs": str(clients), "ssl_cert_reqs": ssl.CERT_REQUIRED}
    made = _Uvicorn(uvicorn.Config(Starlette(routes=routes), port=port, log_config=None, lifespan="off", **tls))
    task = asyncio.create_task(made.serve())
    await until(lambda: made.started)
    try:
        yield f"http{'s' if pair else ''}://127.0.0.1:{made.servers[0].sockets[0].getsockname()[1]}"
    finally:
        made.should_exit = True
        await task

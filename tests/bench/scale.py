"""Many hubs, a stream, workers and a database, all on this machine: how much goes through, and what bounds it.

Three tables: the gateway's outlet to JetStream beside bare nats-py; `collect` with 1, 2 and 4 workers; and from 1 to 1,000 hubs that are
confirmed by the database's commit.
"""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import nats

from gateway.config_sinks import NatsSection
from gateway.journal import Journal, Row
from gateway.nats.contract import MESSAGE_ID, subject_of
from gateway.provenance import Signer
from gateway.sinks.base import person_of
from gateway.sinks.nats import NatsSink
from tests.bench.drain import drained
from tests.bench.journal import KEYS, encrypt, fill, real_body
from tests.bench.measure import interleaved
from tests.support.nats_server import STREAM, NatsServer, stream
from tests.support.postgres import Postgres, running

THINGS, COLLECTED, HUB_THINGS = 100_000, 30_000, 10_000
IN_FLIGHT = 200
RUNS = 3


async def _made(server: NatsServer) -> None:
    """An empty stream."""
    client = await nats.connect(server.url)
    context = client.jetstream()
    with suppress(nats.js.errors.NotFoundError):
        await context.delete_stream(STREAM)
    await context.add_stream(stream())
    await client.close()


async def bare(server: NatsServer, rows: list[Row]) -> float:
    await _made(server)
    client = await nats.connect(server.url)
    context = client.jetstream()
    waiting = iter(rows)

    async def worker() -> None:
        for row in waiting:
            subject = subject_of("health", person_of(row), row.type)
            headers = {MESSAGE_ID: f"{row.id}/{row.version}"}
            if row.proof is not None:
                headers |= {"health-gateway-n": str(row.n), "health-gateway-key": row.proof.key}
                headers |= {"health-gateway-previous": row.proof.previous.hex(), "health-gateway-signature": row.proof.signature.hex()}
            await context.publish(subject, row.body.encode(), timeout=30, headers=headers)

    began = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    spent = time.perf_counter() - began
    await client.close()
    return len(rows) / spent


async def ours(server: NatsServer, journal: Journal, things: int, *, empty: bool = True) -> float:
    if empty:
        await _made(server)
    section = NatsSection.model_validate({"type": "nats", "servers": [server.url], "in_flight": IN_FLIGHT})
    return await drained(f"n{time.monotonic_ns()}", NatsSink(section, "bench"), journal, things)


# -- collect -----------------------------------------------------------------------------------------------------------


class Workers:
    """Processes, as they run in life."""

    def __init__(self, place: Path, server: NatsServer, database: Postgres, keys: Path, count: int) -> None:
        config = place / "collect.toml"
        config.write_text(
            f'[queue]\ntype = "nats"\nservers = ["{server.url}"]\n[database]\nurl = "{database.url}"\n'
            f'password_file = "{database.password_file}"\n[verify]\nkeys = "{keys}"\n'
        )
        command = [sys.executable, "-m", "gateway", "collect", "-c", str(config), "--name"]
        self._processes = [subprocess.Popen([*command, f"w{number}"], stderr=subprocess.PIPE, text=True) for number in range(count)]
        for process in self._processes:
            assert process.stderr is not None
            while "listening" not in process.stderr.readline():
                pass

    def signal(self, number: int) -> None:
        for process in self._processes:
            process.send_signal(number)

    def stop(self) -> None:
        self.signal(signal.SIGTERM)
        for process in self._processes:
            process.communicate()


def _empty(database: Postgres) -> None:
    database.ask("DROP SCHEMA public CASCADE; CREATE SCHEMA public")


def _until_stored(database: Postgres, count: int) -> None:
    while database.ask("SELECT count(*) FROM things")[0][0] < count:
        time.sleep(0.05)


def collected(place: Path, server: NatsServer, database: Postgres, journal: Journal, keys: Path, count: int) -> float:
    """Things per second, from a full stream to committed rows: the workers have started before it was filled, and were halted."""
    _empty(database)
    asyncio.run(_made(server))
    workers = Workers(place, server, database, keys, count)
    try:
        workers.signal(signal.SIGSTOP)
        asyncio.run(ours(server, journal, COLLECTED, empty=False))
        workers.signal(signal.SIGCONT)
        began = time.perf_counter()
        _until_stored(database, COLLECTED)
        return COLLECTED / (time.perf_counter() - began)
    finally:
        workers.stop()


async def _hubs(server: NatsServer, rows: list[Row], count: int) -> None:
    """As many gateways, each with its share, confirmed one by one by the database's commit."""
    section = NatsSection.model_validate({"type": "nats", "servers": [server.url], "ack": "receiver", "in_flight": 100})
    sinks = [NatsSink(section, f"hub-{number}") for number in range(count)]
    share = len(rows) // count
    await asyncio.gather(*(sink.send(rows[number * share : (number + 1) * share]) for number, sink in enumerate(sinks)))
    for sink in sinks:
        await sink.close()


def hubs(place: Path, server: NatsServer, database: Postgres, rows: list[Row], keys: Path, count: int) -> float:
    _empty(database)
    asyncio.run(_made(server))
    workers = Workers(place, server, database, keys, 2)
    try:
        began = time.perf_counter()
        asyncio.run(_hubs(server, rows, count))
        return len(rows) / (time.perf_counter() - began)
    finally:
        workers.stop()


def run(things: int = THINGS) -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(dir=".") as directory, running() as database:
        place = Path(directory).resolve()
        body, size = real_body(place / "life")
        thing = json.dumps({**json.loads(body), "person": "anna"}, separators=(",", ":"))
        signer = Signer(bytes(32))
        (place / "keys").mkdir()
        (place / "keys" / "hub.pub").write_text(signer.public.hex())
        fill(place / "journal.db", thing, things, signer)
        encrypt(place / "journal.db")
        journal = Journal(place / "journal.db", signer, KEYS)
        rows = journal.after(0, things)
        server = NatsServer(place / "nats").start()
        try:
            found = interleaved(
                {
                    "bare": lambda: asyncio.run(bare(server, rows)),
                    "ours": lambda: asyncio.run(ours(server, journal, things)),
                },
                RUNS,
            )
            print(
                f"draining {things:,} things of {size} bytes, signed and encrypted, to JetStream, {IN_FLIGHT} in flight, medians of {RUNS}"
            )
            print(f"  bare nats-py, same messages      {found['bare']:8.0f} things/s")
            print(f"  journal, outlet and nats sink    {found['ours']:8.0f} things/s   {found['ours'] / found['bare']:.2f} x")
            print(f"collect, {COLLECTED:,} signed things verified and committed, one run each, the gateway, stream and database beside it")
            for count in (1, 2, 4):
                print(f"  {count} workers   {collected(place, server, database, journal, place / 'keys', count):8.0f} things/s")
            print(f"hubs, {HUB_THINGS:,} signed things among them, each confirmed by the commit; 2 workers; one run each")
            for count in (1, 10, 100, 1000):
                print(f"  {count:4} hubs   {hubs(place, server, database, rows[:HUB_THINGS], place / 'keys', count):8.0f} things/s")
        finally:
            server.stop()
            journal.close()

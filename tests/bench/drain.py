"""Draining a hundred thousand things to a real Mosquitto: the gateway's outlet against bare aiomqtt with as many in flight."""

from __future__ import annotations

import asyncio
import cProfile
import json
import pstats
import random
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import aiomqtt

from gateway.config_sinks import MqttSection
from gateway.journal import Journal, Row
from gateway.mqtt.contract import CONTENT_TYPE, topic_of
from gateway.mqtt.properties import publish_properties
from gateway.provenance import Signer
from gateway.sinks.base import Sink, person_of
from gateway.sinks.mqtt import MqttSink
from gateway.sinks.outlet import Outlet
from tests.bench.journal import KEYS, encrypt, fill, real_body
from tests.bench.measure import interleaved
from tests.support.broker import DOCUMENTED, Broker

THINGS = 100_000
IN_FLIGHT = 20
RUNS = 3


async def bare(port: int, rows: list[Row]) -> float:
    """Things per second: the same topics, payloads and properties, made inside the time that is taken."""
    async with aiomqtt.Client(
        "127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5, max_inflight_messages=0, identifier="bare", timeout=60
    ) as client:
        client.pending_calls_threshold = IN_FLIGHT
        waiting = iter(rows)

        async def worker() -> None:
            for row in waiting:
                told = [("id", row.id), ("version", str(row.version))]
                if row.proof is not None:
                    told += [("n", str(row.n)), ("key", row.proof.key)]
                    told += [("previous", row.proof.previous.hex()), ("signature", row.proof.signature.hex())]
                properties = publish_properties(PayloadFormatIndicator=1, ContentType=CONTENT_TYPE, UserProperty=told)
                await client.publish(topic_of("health", person_of(row), row.type), row.body.encode(), qos=1, properties=properties)

        began = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
        return len(rows) / (time.perf_counter() - began)


async def drained(name: str, sink: Sink, journal: Journal, things: int) -> float:
    """Things per second, through an outlet."""
    outlet = Outlet(name, sink, journal, randomness=random.Random(1))
    began = time.perf_counter()
    task = asyncio.create_task(outlet.run())
    while outlet._ledger.sent < things:  # noqa: ASYNC110 - many steps, not an event
        await asyncio.sleep(0.01)
    spent = time.perf_counter() - began
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await outlet.close()
    return things / spent


async def ours(port: int, journal: Journal, name: str, things: int) -> float:
    section = MqttSection(type="mqtt", host="127.0.0.1", port=port, in_flight=IN_FLIGHT)
    return await drained(name, MqttSink(section, name), journal, things)


def run(things: int = THINGS) -> None:
    with tempfile.TemporaryDirectory(dir=".") as directory:
        place = Path(directory)
        body, size = real_body(place / "life")
        thing = json.dumps({**json.loads(body), "person": "anna"}, separators=(",", ":"))
        signer = Signer(bytes(32))
        fill(place / "journal.db", thing, things, signer)
        shutil.copy(place / "journal.db", place / "plain.db")
        encrypt(place / "journal.db")
        journal, plain = Journal(place / "journal.db", signer, KEYS), Journal(place / "plain.db", signer)
        rows = journal.after(0, things)
        broker = Broker(place / "broker", DOCUMENTED, log="none").start()
        reader = subprocess.Popen(
            ["mosquitto_sub", "-p", str(broker.port), "-t", "health/#", "-q", "0", "-V", "5"], stdout=subprocess.DEVNULL
        )
        time.sleep(0.5)
        try:
            found = interleaved(
                {
                    "bare": lambda: asyncio.run(bare(broker.port, rows)),
                    "ours": lambda: asyncio.run(ours(broker.port, journal, f"n{time.monotonic_ns()}", things)),
                    "plain": lambda: asyncio.run(ours(broker.port, plain, f"n{time.monotonic_ns()}", things)),
                },
                RUNS,
            )
            print(
                f"draining {things:,} things of {size} bytes, signed and encrypted, to Mosquitto, {IN_FLIGHT} in flight, medians of {RUNS}"
            )
            print(f"  bare aiomqtt, same messages      {found['bare']:8.0f} things/s")
            print(f"  journal, outlet and mqtt sink    {found['ours']:8.0f} things/s   {found['ours'] / found['bare']:.2f} x")
            print(f"  the same, signed only            {found['plain']:8.0f} things/s   {found['plain'] / found['bare']:.2f} x")
            _spent(broker.port, journal, min(things, 20_000))
        finally:
            reader.terminate()
            reader.wait()
            journal.close()
            plain.close()
            broker.stop()


SHARES = {
    "paho: packets, socket": ("paho/mqtt/client.py",),
    "paho: properties": ("paho/mqtt/properties.py", "paho/mqtt/packettypes.py"),
    "the journal's rows and checksums": ("gateway/journal/", "sqlite3"),
    "the sink and its accounts": ("gateway/sinks/", "gateway/mqtt/"),
    "JSON, for the person": ("json/",),
    "asyncio": ("asyncio/", "selectors.py", "select.epoll"),
}


def _spent(port: int, journal: Journal, things: int) -> None:
    """On what the time goes, by the profiler's own count."""
    profile = cProfile.Profile()
    profile.runcall(lambda: asyncio.run(ours(port, journal, "profiled", things)))
    spent: dict[str, float] = dict.fromkeys([*SHARES, "the rest"], 0.0)
    for (file, _, function), (_, _, own, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]  # typeshed leaves it out
        where = next((name for name, parts in SHARES.items() if any(part in f"{file}:{function}" for part in parts)), "the rest")
        spent[where] += own
    total = sum(spent.values())
    print("  spent on: " + ", ".join(f"{name} {seconds / total:.0%}" for name, seconds in sorted(spent.items(), key=lambda i: -i[1])))

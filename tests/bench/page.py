"""The local page with 100,000 things in the journal, beside a Starlette that says hello: both in a process of their own, asked in turns."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gateway.journal import Candidate, Commit, Journal
from gateway.web import accounts, guard
from tests.support.browsing import household
from tests.support.loopback import free_port

THINGS, PERSONS = 100_000, ("anna", "ben", "carla", "dora")
DAYS = 3 * 365
ROUNDS, PAGES = 200, 20
NOW = datetime(2026, 3, 14, 7, 0, tzinfo=UTC)


def run() -> None:
    with tempfile.TemporaryDirectory() as place:
        state = Path(place) / "state"
        state.mkdir()
        asyncio.run(_fill(state / "journal.db"))
        with _process("hello", place) as (hello, _), _process("gateway", place) as (port, pid):
            _measure(hello, port, pid, Path(place))


def _measure(hello: int, port: int, pid: int, place: Path) -> None:
    cookie = _log_in(port, (place / "code").read_text())
    since, until = (NOW - timedelta(days=365)).timestamp(), NOW.timestamp()
    asked = {
        "hello": (hello, "/"),
        "the page": (port, "/"),
        "people with their latest values": (port, "/api/v1/people"),
        "blood pressure over a year": (port, f"/api/v1/people/anna/chart?quantities=systolic,diastolic&since={since}&until={until}"),
        "fifty readings": (port, "/api/v1/people/anna/things"),
    }
    connections = {name: http.client.HTTPConnection("127.0.0.1", where) for name, (where, _) in asked.items()}
    took: dict[str, list[float]] = {name: [] for name in asked}
    octets = {}
    for number in range(ROUNDS + 10):
        for name, (_, path) in asked.items():
            begun = time.perf_counter()
            connections[name].request("GET", path, headers={"Cookie": cookie})
            answer = connections[name].getresponse()
            octets[name] = len(answer.read())
            if answer.status != 200:
                raise RuntimeError(f"{path}: {answer.status}")
            if number >= 10:
                took[name].append(time.perf_counter() - begun)
    base = statistics.median(took["hello"])
    for name, all_ in took.items():
        middle = statistics.median(all_)
        print(f"page: {name}: {middle * 1000:.2f} ms, {octets[name]} octets, {middle / base:.1f} x hello")
    before = _rss(pid)
    open_pages = [_open(port, cookie) for _ in range(PAGES)]
    time.sleep(2)
    print(f"page: {PAGES} open pages: {(_rss(pid) - before) / 1024:.1f} MB more ({before / 1024:.1f} MB before)")
    for page in open_pages:
        page.close()


def _open(port: int, cookie: str) -> http.client.HTTPConnection:
    """What a browser does that opens the page, and stays."""
    loading = http.client.HTTPConnection("127.0.0.1", port)
    for path in ("/", "/app.js", "/style.css", "/words/en.json", "/api/v1/session", "/api/v1/people", "/api/v1/people/anna/things"):
        loading.request("GET", path, headers={"Cookie": cookie})
        loading.getresponse().read()
    listening = http.client.HTTPConnection("127.0.0.1", port)
    listening.request("GET", "/api/v1/events", headers={"Cookie": cookie})
    listening.getresponse()
    loading.close()
    return listening


def _log_in(port: int, code: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    body = json.dumps({"code": code, "name": "Carla", "password": "correct horse battery"})
    connection.request("POST", "/api/v1/welcome", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    return str(answer.getheader("Set-Cookie")).partition(";")[0]


def _rss(pid: int) -> int:
    """In kB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


# -- the processes ------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _process(what: str, place: str) -> Iterator[tuple[int, int]]:
    port = free_port()
    with subprocess.Popen([sys.executable, "-m", "tests.bench.page", what, place, str(port)], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            if b"up\n" not in process.stdout:  # other lines are the log's
                raise RuntimeError(f"{what} does not start")
            yield port, process.pid
        finally:
            process.terminate()
            process.wait()


async def _hello(port: int) -> None:
    async def get(_request: Request) -> Response:
        return PlainTextResponse("hello")

    config = uvicorn.Config(Starlette(routes=[Route("/", get)]), port=port, log_config=None, access_log=False, lifespan="off")
    print("up", flush=True)
    await uvicorn.Server(config).serve()


async def _gateway(place: Path, port: int) -> None:
    accounts.N = 16
    guard.BURST = 1_000_000

    def change(config: dict[str, Any]) -> None:
        config["page"]["listen"] = f"127.0.0.1:{port}"
        config["person"] = [{"id": one} for one in PERSONS]

    begun = time.perf_counter()
    async with household(place, sinks={}, change=change) as home:
        print(f"page: {home.gateway.journal.head()} things read {time.perf_counter() - begun:.1f} s after the start", file=sys.stderr)
        (place / "code").write_text(home.page.accounts.first_code())
        print("up", flush=True)
        await asyncio.Event().wait()


async def _fill(path: Path) -> None:
    journal = Journal(path)
    for first in range(0, THINGS, 1000):
        await journal.commit(Commit("", tuple(_candidate(number) for number in range(first, first + 1000))))
    journal.close()


def _candidate(number: int) -> Candidate:
    kind = ("blood-pressure", "weight", "blood-glucose")[number % 3]
    person = PERSONS[number % len(PERSONS)]
    at = NOW - timedelta(seconds=(THINGS - number) * DAYS * 86400 / THINGS)

    def measured(value: str, unit: str) -> dict[str, Any]:
        return {"value": value, "unit": unit, "display": {"value": value, "unit": unit}}

    data = {
        "blood-pressure": {"systolic": measured(str(110 + number % 40), "mm[Hg]"), "diastolic": measured(str(60 + number % 30), "mm[Hg]")},
        "weight": {"weight": measured(f"{70 + number % 50 / 10}", "kg")},
        "blood-glucose": {"glucose": measured(f"{4 + number % 60 / 10}", "mmol/L"), "measurement_type": "wb"},
    }[kind]
    thing_id = hashlib.sha256(str(number).encode()).hexdigest()[:32]
    provenance = {"driver": kind, "gateway": "health-gateway", "transport": "ble", "simulated": True, "received": at.isoformat()}
    provenance |= {"received_boottime": 1.0, "boot_id": "boot", "intake_position": number}
    said = {"schema": 1, "id": thing_id, "version": 1, "type": kind, "when": {"time": at.isoformat(), "quality": "corrected"}}
    device = {"identity": "d", "address": "C0:FF:EE:00:00:01", "name": "Device"}
    body = json.dumps({**said, "person": person, "device": device, "provenance": provenance, "data": data})
    return Candidate(thing_id, kind, hashlib.sha256(body.encode()).digest()[:16], 4, number, lambda _version: body, person)


if __name__ == "__main__":
    if sys.argv[1] == "hello":
        asyncio.run(_hello(int(sys.argv[3])))
    else:
        asyncio.run(_gateway(Path(sys.argv[2]), int(sys.argv[3])))

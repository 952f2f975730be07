"""What Prometheus is told."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway import __version__
from gateway.api import door
from gateway.api.metrics import application, exposition, serve
from gateway.simulator.cables.freestyle import FreeStyleUsb
from gateway.transports.cables.plugs import Plugged
from tests.support.cable_cases import NOW, records
from tests.support.cables import house
from tests.support.fakes import until
from tests.support.loopback import free_port

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(text: str) -> Samples:
    """As Prometheus reads it."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        for sample in family.samples:
            found[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return found


def asked(port: int, path: str = "/metrics") -> str:
    with urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return str(answer.read().decode())


async def test_a_gateway_that_runs(tmp_path: Path) -> None:
    port = free_port()
    async with house(tmp_path, metrics={"listen": f"127.0.0.1:{port}"}) as home:
        await home.plug(FreeStyleUsb(records(4), lambda: NOW), Plugged("1-10", 0x1A61, 0x3850))
        text = await asyncio.to_thread(asked, port)
        told, journal = samples(text), home.gateway.journal
        assert told["health_gateway_info", (("version", __version__),)] == 1
        assert told["health_gateway_journal_things", ()] == journal.head() > 4
        assert told["health_gateway_clock_synchronized", ()] == 1
        assert told["health_gateway_config_ok", ()] == 1
        assert told["health_gateway_sink_lag", (("sink", "file"),)] <= journal.head()
        assert await asyncio.to_thread(asked, port, "/healthz") == "ok\n"
        with pytest.raises(HTTPError, match="404"):
            await asyncio.to_thread(asked, port, "/export")


async def test_a_port_that_is_taken_is_told_and_hinders_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with house(tmp_path, metrics={"listen": f"127.0.0.1:{port}"}) as home:
            await home.plug(FreeStyleUsb(records(4), lambda: NOW), Plugged("1-10", 0x1A61, 0x3850))
            assert home.gateway.journal.head() > 2
    said = capsys.readouterr()
    assert "metrics cannot be served" in said.out + said.err


STATUS = {
    "version": "1",
    "up_seconds": 5,
    "adapter": "the adapter is switched off",
    "disk": "nearly full: no new sessions",
    "config_problem": "line 3",
    "clock": {"synchronized": False, "pending_things": 2},
    "head": 10,
    "journal": {"things": 10, "rejected": 1, "missing": 2, "purged": 3, "devices": 1, "kept": {}},
    "sinks": {
        "queue": {"cursor": 7, "deferred": 1, "held": 2, "problem": "it is away"},
        "file": {"cursor": 10, "deferred": 0, "held": 0, "problem": None},
    },
    "devices": [
        {
            "address": "C1:22:33:44:55:66",
            "name": 'Anna\'s "cuff"\nin the hall',
            "driver": "bp",
            "sessions": 3,
            "things": 9,
            "problem": "lost",
        },
    ],
    "plugged": [{"port": "usb:1", "name": None, "driver": None, "sessions": 0, "things": 0, "problem": None}],
}


def test_what_troubles_it_is_seen() -> None:
    told = samples(exposition(STATUS).decode())
    for name in ("adapter_ok", "disk_ok", "config_ok", "clock_synchronized"):
        assert told[f"health_gateway_{name}", ()] == 0
    assert told["health_gateway_sink_lag", (("sink", "queue"),)] == 3
    assert told["health_gateway_sink_held", (("sink", "queue"),)] == 2
    assert [told["health_gateway_sink_ok", (("sink", name),)] for name in ("queue", "file")] == [0, 1]
    cuff = (("device", "C1:22:33:44:55:66"), ("driver", "bp"), ("name", 'Anna\'s "cuff"\nin the hall'))
    assert told["health_gateway_device_sessions_total", cuff] == 3
    assert told["health_gateway_device_ok", cuff] == 0
    assert told["health_gateway_device_ok", (("device", "usb:1"), ("driver", ""), ("name", ""))] == 1


def answers(port: int) -> bool:
    with socket.socket() as knocking:
        return knocking.connect_ex(("127.0.0.1", port)) == 0


async def test_a_journal_that_does_not_write_is_told() -> None:
    works, port = [True], free_port()
    serving = asyncio.create_task(serve(application(lambda: STATUS, lambda: works[0]), f"127.0.0.1:{port}"))
    try:
        await until(lambda: answers(port))
        assert await asyncio.to_thread(asked, port, "/healthz") == "ok\n"
        works[0] = False
        with pytest.raises(HTTPError, match="503"):
            await asyncio.to_thread(asked, port, "/healthz")
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def test_an_answer_in_two_parts_does_not_wait_for_the_first_to_be_acknowledged() -> None:
    """Nagle's algorithm and a delayed acknowledgement make 40 ms of it; asyncio switches the former off where it sees that it is TCP."""
    with door.tcp("127.0.0.1:0") as listening, socket.create_connection(listening.getsockname()) as client:
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.proto == socket.IPPROTO_TCP
        assert client is not None


@pytest.mark.parametrize("listen", ["127.0.0.1:99999", "256.0.0.1:80"])
def test_an_address_that_is_none_is_told(listen: str) -> None:
    with pytest.raises((OSError, OverflowError)):
        door.tcp(listen)

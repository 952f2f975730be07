"""The whole daemon: real bleak on a virtual radio, real files, real signals."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway import service
from gateway.simulator.memory import compare, truths

ROOT = Path(__file__).parents[2]


@contextmanager
def demo(state: Path, *arguments: str, seconds: int = 60, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", "demo", "--json", "--seconds", str(seconds), "--state", str(state), *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(env or {})},
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ask(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gateway", *arguments, "--state", str(state)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )


def wait(condition: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def listen(systemd: socket.socket, messages: list[str]) -> None:
    with contextlib.suppress(OSError):
        while True:
            messages.append(systemd.recv(400).decode())


def test_a_manager_that_does_not_read_holds_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its queue is full after some messages; ours are dropped then."""
    path = tmp_path / "notify.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(path))
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        for _ in range(2000):
            service.notify("WATCHDOG=1")
        assert systemd.recv(400) == b"WATCHDOG=1"


def test_two_demos_give_what_the_devices_know(tmp_path: Path) -> None:
    """Truth for truth: both equal readings of one minute, the late context as version 2, nothing twice."""
    state = tmp_path / "state"
    things: list[dict[str, Any]] = []
    for seconds in (8, 7):
        with demo(state, seconds=seconds) as process:
            out, err = process.communicate(timeout=60)
            assert process.returncode == 0, err
            things += [json.loads(line) for line in out.splitlines()]
    assert all({"id", "version", "type"} <= set(thing) for thing in things)
    assert len(things) >= 30
    assert len({thing["type"] for thing in things}) >= 6
    verdict = compare(truths(state / "simulator"), things)
    assert verdict.good, str(verdict)
    assert verdict.truths >= 48
    assert len({(thing["id"], thing["version"]) for thing in things}) == len(things)
    twins = [
        t
        for t in things
        if t["type"] == "blood-glucose"
        and t["data"]["glucose"]["display"]["value"] == "118"
        and t["provenance"]["sequence_number"] in (14, 15)
    ]
    assert len({t["id"] for t in twins}) == 2
    assert len({t["when"]["device_time"] for t in twins}) == 1
    late = sorted((t["version"], t["data"].get("meal")) for t in things if t["provenance"].get("sequence_number") == 9)
    assert late == [(1, None), (2, "fasting")]
    slow = [t for t in things if t["type"] == "blood-pressure" and t["device"]["model"] == "SIM-BP1"]
    assert {round(t["provenance"]["clock_offset"] / 60) for t in slow} == {6}, "the cuff's clock is six minutes behind"
    written = [json.loads(line) for line in (state / "things.ndjson").read_text().splitlines()]
    assert written == things


def test_a_running_gateway_answers_and_stops_cleanly(tmp_path: Path) -> None:
    """Status, export and rejected frames through the control socket; READY, WATCHDOG and STOPPING for systemd; SIGTERM."""
    state = tmp_path / "state"
    notify = tmp_path / "notify.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(notify))
        with demo(state, env={"NOTIFY_SOCKET": str(notify), "WATCHDOG_USEC": "400000"}) as process:
            # Nobody reads its standard output meanwhile: that must not hold up anything else.
            messages: list[str] = []
            threading.Thread(target=listen, args=(systemd, messages), daemon=True).start()
            wait(lambda: any(message.startswith("READY=1") for message in messages))
            wait((state / "control.sock").exists)
            assert (state / "control.sock").stat().st_mode & 0o777 == 0o660
            assert (state / "journal.db").stat().st_mode & 0o077 == 0
            time.sleep(3)

            status = json.loads(ask(state, "status", "--json").stdout)
            assert status["running"] is True
            assert status["simulated"] is True
            assert status["journal"]["things"] > 10
            assert {device["driver"] for device in status["devices"]} >= {"glucose", "blood-pressure"}
            assert "running since" in ask(state, "status").stdout
            assert len(ask(state, "export").stdout.splitlines()) >= status["journal"]["things"]
            assert ask(state, "rejected", "list").stdout == ""
            assert "0 things released" in ask(state, "release-time").stdout

            second = ask(state, "demo", "--seconds", "1")
            assert second.returncode == 1
            assert "is in use by another health-gateway" in second.stderr

            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20)
            assert process.returncode == 0
            wait(lambda: "STOPPING=1" in messages)
            assert messages.count("WATCHDOG=1") >= 3
    assert not (state / "control.sock").exists()
    assert json.loads(ask(state, "status", "--json").stdout) == {"running": False}
    assert len(ask(state, "export").stdout.splitlines()) > 10


def test_a_first_thing_within_five_seconds(tmp_path: Path) -> None:
    """Bounded generously: what counts is that nobody waits for a poll."""
    with demo(tmp_path / "state") as process:
        assert process.stdout is not None
        began = time.monotonic()
        first = process.stdout.readline()
        assert json.loads(first)["version"] == 1
        assert time.monotonic() - began < 15


def test_nothing_but_the_state_directory_is_written(tmp_path: Path) -> None:
    state, home = tmp_path / "state", tmp_path / "home"
    home.mkdir()
    with demo(state, seconds=3, env={"HOME": str(home)}) as process:
        process.communicate(timeout=30)
    assert list(home.iterdir()) == []
    names = {path.name for path in state.iterdir()} - {"journal.db-wal", "journal.db-shm"}
    assert names == {"journal.db", "gateway.id", "intake", "lock", "simulator", "things.ndjson"}


def test_no_health_value_is_logged(tmp_path: Path) -> None:
    """Not even at the noisiest level of a demo: values go to stdout alone, and frames to intake."""
    with demo(tmp_path / "state", seconds=5, env={"PYTHONASYNCIODEBUG": "1"}) as process:
        out, err = process.communicate(timeout=40)
    for line in out.splitlines():
        thing = json.loads(line)
        for value in thing["data"].values():
            if isinstance(value, dict) and "display" in value and len(value["display"]["value"]) > 3:
                assert value["display"]["value"] not in err
    for frame in (tmp_path / "state" / "intake").glob("*.log"):
        for record in frame.read_text().splitlines():
            data = json.loads(record.rpartition("\t")[0]).get("d", "")
            assert len(data) < 12 or data not in err


@pytest.mark.parametrize("text", ["[gateway]\nnonsense = 1\n", "[bluetooth]\naccept = 'listed'\n"], ids=["invalid", "valid"])
async def test_a_reload_takes_a_valid_configuration_and_keeps_the_old_one_otherwise(tmp_path: Path, text: str) -> None:
    import asyncio  # noqa: PLC0415 - likewise

    from gateway import registry  # noqa: PLC0415 - for this test
    from gateway.app import Gateway  # noqa: PLC0415 - likewise
    from gateway.config import load  # noqa: PLC0415 - likewise
    from tests.support.fakes import FakeClock, FakeRadio, until  # noqa: PLC0415 - likewise

    path = tmp_path / "config.toml"
    path.write_text(f"[gateway]\nstate = '{tmp_path / 'state'}'\n[bluetooth]\naccept = 'any'\n")
    gateway = Gateway(load(path), registry.load(), FakeRadio(), FakeClock(), config_path=path)
    running = asyncio.create_task(gateway.run())
    await until(gateway.ready.is_set)
    path.write_text(text)
    gateway.reload()
    valid = "nonsense" not in text
    assert gateway.attendant._config.bluetooth.accept == ("listed" if valid else "any")
    assert (gateway.status()["config_problem"] is None) == valid
    if not valid:
        assert f"{path}:2: gateway.nonsense: unknown key" in gateway.status()["config_problem"]
    gateway.stop()
    await running

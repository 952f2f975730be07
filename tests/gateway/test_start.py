"""What the daemon does at its start with what an earlier life has left, within one process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.kit.capture import Record
from gateway import registry
from gateway.app import Gateway
from gateway.config import BluetoothSection, Config, DiskSection, GatewaySection
from gateway.errors import JournalError, StateError
from gateway.filing import Filing
from gateway.intake import Intake, segments
from gateway.intake import read as read_intake
from tests.support.fakes import FakeClock, FakeDevice, FakeRadio, until

A = "C1:00:00:00:00:01"
CUFF = bytes.fromhex("167c0056006100e807060f11111b33000000")


def gateway(state: Path, radio: FakeRadio) -> Gateway:
    config = Config(
        gateway=GatewaySection(state=state),
        disk=DiskSection(reserve_mb=0),
        bluetooth=BluetoothSection(accept="any", idle_seconds=0.2),
    )
    return Gateway(config, registry.load(), radio, FakeClock())


async def live(state: Path, *devices: FakeDevice, things: int) -> FakeRadio:
    """One life, until the journal has so many things."""
    radio = FakeRadio(*devices)
    made = gateway(state, radio)
    running = asyncio.create_task(made.run())
    await until(lambda: made.ready.is_set() or running.done())

    def is_filed() -> bool:
        """Devices advertise again and again; the first time, nobody may be listening yet."""
        for device in devices:
            made.attendant.on_seen(device.seen())
        return made.journal.head() >= things or running.done()

    await until(is_filed)
    made.stop()
    await running
    return radio


@pytest.fixture
async def records(tmp_path: Path) -> list[Record]:
    """Of a session in which a cuff has sent one reading."""

    async def push(device: FakeDevice) -> None:
        device.send(0x2A35, CUFF)

    await live(tmp_path / "before", FakeDevice(A, frozenset({0x1810}), notifies=frozenset({0x2A35}), script=push), things=1)
    return [record for record in read_intake(tmp_path / "before" / "intake") if isinstance(record, Record)]


def put(state: Path, records: list[Record]) -> None:
    log = Intake(state / "intake")
    for record in records:
        log.append(record)
    log.close()


async def test_what_was_taken_is_filed_and_its_connections_are_let_go(tmp_path: Path, records: list[Record]) -> None:
    put(tmp_path / "state", records)
    radio = await live(tmp_path / "state", things=1)
    assert radio.released == [{A}]


async def test_an_intake_log_that_is_shorter_than_it_was_is_read_from_its_beginning(tmp_path: Path, records: list[Record]) -> None:
    """Somebody has put another one there: what it holds is taken, and new positions lie behind the old ones."""
    state = tmp_path / "state"
    put(state, [replace(record, session=f"s{number}") for number in range(9) for record in records])
    await live(state, things=1)
    end = segments(state / "intake")[-1][1].stat().st_size
    for _, path in segments(state / "intake"):
        path.unlink()
    put(
        state,
        [replace(r, session="new", data=CUFF[:1] + b"\x99" + CUFF[2:]) if r.kind == "rx" else replace(r, session="new") for r in records],
    )
    await live(state, things=2)
    assert segments(state / "intake")[-1][0] >= end


async def test_a_full_disk_while_it_files_is_told_and_nothing_is_given_up(
    tmp_path: Path, records: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    put(state, records)

    async def full(*_: object) -> None:
        raise JournalError("the journal could not be written: database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Filing, "file", full)
        with pytest.raises(StateError, match=r"disk is full; make room and start again"):
            await live(state, things=1)
    await live(state, things=1)


async def test_an_intake_log_that_cannot_be_opened_is_told_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gateway.app.Intake", full)
    with pytest.raises(StateError, match="No space left on device; make room"):
        await live(tmp_path / "state", things=1)


def test_the_measured_start_starts(tmp_path: Path) -> None:
    """`make bench` measures the daemon as it is: its part outside the type checker's sight had broken unseen."""
    command = (sys.executable, "-m", "tests.bench.start", str(tmp_path))
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    [line] = [line for line in done.stdout.splitlines() if line.startswith("started ")]
    whole, without_imports, resident = map(float, line.split()[1:])
    assert 0 < without_imports < whole
    assert resident > 10

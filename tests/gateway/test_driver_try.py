"""A driver that is not installed, against a device on a bluetoothd; and what its owner may hand in afterwards."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bumble.link import LocalLink
from click.testing import CliRunner

from gateway import registry
from gateway.cli import root
from gateway.conformance import case_beside
from gateway.conformance.case import seen
from gateway.newdriver import write
from gateway.simulator.peripheral import Display
from gateway.simulator.played.radio import Played
from gateway.simulator.played.script import script_of
from gateway.simulator.radio import make_device
from tests.support.bluez.bus import private_bus
from tests.support.bluez.standin import StandIn

ADDRESS, OTHER, HUB = "C0:FF:EE:00:00:21", "C0:FF:EE:00:00:22", "C0:FF:EE:00:00:20"


@pytest.fixture(autouse=True)
def _bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with private_bus(tmp_path) as made:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", made.address)
        yield


async def tried(*words: str, advertises: str = "BP 7") -> tuple[int, str, str]:
    """`driver try` in a process of its own, beside the example's device and a scale that is nobody's business."""
    link = LocalLink()  # type: ignore[no-untyped-call]  # bumble leaves it untyped
    file = Path(words[0])
    everything, loaded = registry.with_file(file)
    case = case_beside(loaded, everything)
    hoffen = case_beside(everything.radio_by_name["hoffen"], everything)
    said = {**case.catalog[0]["advertisement"], "local_name": advertises}
    devices = [
        Played(link, ADDRESS, await script_of(loaded.driver, case.captures[0]), seen({**said, "address": ADDRESS})),
        Played(link, OTHER, await script_of(hoffen.loaded.driver, hoffen.captures[0]), seen(hoffen.catalog[0]["advertisement"])),
    ]
    for device in devices:
        await device.start()
    hub = make_device(link, "hub", HUB, Display())
    bluez = StandIn(hub)
    await hub.power_on()
    await bluez.start()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "driver", "try", *words, "--seconds", "10"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    done = asyncio.create_task(process.communicate())
    try:
        while not done.done():
            for device in devices:
                await device.advertise()
            await asyncio.wait({done}, timeout=0.3)
        out, problems = done.result()
    finally:
        for device in devices:
            await device.stop()
        bluez.vanish()
    assert process.returncode is not None
    return process.returncode, out.decode(), problems.decode()


@pytest.fixture
def driver(tmp_path: Path) -> Path:
    made = write(tmp_path / "made", name="acme-bp7", maker="ACME", model="BP 7", shape="gatt")
    return next(path for path in made if path.name == "bp_7.py")


async def test_a_real_device_is_read_by_a_driver_that_is_not_installed(driver: Path, tmp_path: Path) -> None:
    """No other is touched; and what was said can be had as a capture, and handed in as a report."""
    state = tmp_path / "state"
    code, out, problems = await tried(str(driver), "--state", str(state))
    assert code == 0, problems
    assert "weight 81.25 kg" in out
    assert "weight 63.4 kg" in out
    assert "weight 80 kg" not in out, "the other scale's"
    config = state / "config.toml"
    capture = tmp_path / "capture.ndjson"
    run("capture", "-c", str(config), "--last", "--device", ADDRESS, "--out", str(capture))
    assert '"drv":"acme-bp7"' in capture.read_text()
    again = await asyncio.to_thread(run, "driver", "test", str(driver), "--capture", str(capture))
    assert "captures: 2" in again


async def test_a_device_that_another_driver_would_win_is_named(driver: Path, tmp_path: Path) -> None:
    code, out, problems = await tried(str(driver), "--device", ADDRESS, "--state", str(tmp_path / "state"), advertises="Fit Scale")
    assert code == 0, problems
    assert "weight 81.25 kg" in out


def run(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(root, list(words))
    assert done.exit_code == code, done.output
    return done.output


def test_what_a_device_said_is_handed_in_without_whose_it_is(tmp_path: Path) -> None:
    state = tmp_path / "state"
    subprocess.run([sys.executable, "-m", "gateway", "driver", "serve", "hoffen", "--state", str(state)], check=True, capture_output=True)
    config = tmp_path / "config.toml"
    config.write_text(f'[gateway]\nstate = "{state / "1"}"\n')
    out = tmp_path / "report"
    words = (
        "devices",
        "report",
        "-c",
        str(config),
        "--device",
        "C0:FF:EE:00:00:01",
        "--maker",
        "Hoffen",
        "--model",
        "BBS-8107",
        "--out",
        str(out),
    )
    said = run(*words, "--agrees")
    assert "look at them, then attach both" in said
    told: dict[str, Any] = json.loads((out / "report.json").read_text())
    assert (told["driver"], told["readings"], told["broken_laws"], told["agrees_with_its_display"]) == ("hoffen", 1, {}, True)
    text = (out / "capture.ndjson").read_text()
    assert "report: Hoffen BBS-8107" in text
    assert "C0:FF:EE" not in text
    assert "exists already" in run(*words, code=1)
    assert "no conversation with" in run(*words[:-2], "--out", str(tmp_path / "other"), "--device", "C0:FF:EE:00:00:77", code=1)

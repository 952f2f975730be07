"""The command line as a technician meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = (
    "run",
    "demo",
    "check",
    "scan",
    "ports",
    "drivers",
    "decode",
    "replay",
    "status",
    "export",
    "rejected",
    "release-time",
    "schema",
)


def call(*arguments: str, given: bytes | str = "") -> subprocess.CompletedProcess[str]:
    text = given.decode("latin-1") if isinstance(given, bytes) else given
    return subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        input=text,
        timeout=60,
        env={**os.environ, "COLUMNS": "100"},
    )


def test_help_lists_every_command_and_the_intended_use() -> None:
    done = call("--help")
    assert done.returncode == 0
    assert "Not for alarms or time-critical monitoring." in done.stdout
    assert all(f"  {name} " in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    done = call(name, "--help")
    assert done.returncode == 0, done.stderr
    assert "Usage: health-gateway " + name in done.stdout


def test_decode_one() -> None:
    done = call("decode", "2A35", "00 76 00", "4c00ff07")
    assert json.loads(done.stdout)["fields"]["systolic"] == "118"
    done = call("decode", "0x2a35", "00")
    assert done.returncode == 1
    assert done.stderr == "Error: BloodPressureMeasurement.systolic at byte 1 of 1: needs 2 bytes, 0 left\n"
    assert "no layout for 2A00" in call("decode", "2A00", "00").stderr
    assert "such as 2A35" in call("decode", "cuff", "00").stderr
    assert "not hexadecimal" in call("decode", "2A35", "0g").stderr


def test_decode_many_answers_each_in_order() -> None:
    """Whatever comes in, one line goes out for it."""
    asked = [
        '{"uuid": "2A19", "bytes": "32"}',
        '{"uuid": "2A19", "bytes": "65"}',
        "not json",
        "[]",
        "{}",
        '{"uuid": 10777, "bytes": "32"}',
        '{"uuid": "00002a19-0000-1000-8000-00805f9b34fb", "bytes": "64"}',
        "[" * 100_000,
        '{"uuid": "2A19", "bytes": "é"}',
        '"\\ud800"',
    ]
    done = call("decode", "-", given="\n".join(asked) + "\n")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["ok"] for answer in answers] == [True, False, False, False, False, False, True, False, False, False]
    assert answers[0] == {"ok": True, "layout": "BatteryLevel", "fields": {"level": 50}}
    assert "101 is no percentage" in answers[1]["error"]
    assert done.returncode == 0


def test_replay_prints_readings_and_tells_damage(tmp_path: Path) -> None:
    capture = ROOT / "tests" / "captures" / "blood-pressure.ndjson"
    done = call("replay", str(capture))
    kinds = [json.loads(line)["kind"] for line in done.stdout.splitlines()]
    assert kinds == ["DeviceInfo", "DeviceClock", "BloodPressure", "BloodPressure", "BloodPressure"]
    assert done.returncode == 1
    assert "needs 2 bytes" in done.stderr
    broken = tmp_path / "broken.ndjson"
    broken.write_bytes(capture.read_bytes() + b"{}\tffffffff\n")
    assert "the checksum does not fit" in call("replay", str(broken)).stderr
    assert "there is no driver 'x'" in call("replay", str(capture), "--driver", "x").stderr


def test_schema() -> None:
    whole = json.loads(call("schema").stdout)
    assert "BloodPressureThing" in whole["$defs"]
    one = json.loads(call("schema", "weight").stdout)
    assert one["properties"]["type"]["const"] == "weight"
    assert "there is no thing-type" in call("schema", "mood").stderr


def test_check_tells_every_mistake_and_exits_with_2(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[gateway]\nstat = 1\n[time]\ntrust = 2\n")
    done = call("check", "-c", str(config))
    assert done.returncode == 2
    assert [line.split(": ")[0] for line in done.stderr.splitlines()] == [f"{config}:2", f"{config}:4"]
    assert call("run", "-c", str(config)).returncode == 2


def test_check_tells_what_the_machine_lacks(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[gateway]\nstate = "/tmp"\n[[device]]\naddress = "C1:22:33:44:55:66"\ndriver = "nonesuch"\n')
    done = call("check", "-c", str(config))
    assert f"{config}: ok" in done.stdout
    assert "there is no driver 'nonesuch'" in done.stdout
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("UTC", "time zone: UTC (UTC+00:00 now), as a fresh image has it; readings are filed hours off"),
        ("Etc/GMT", "time zone: GMT (UTC+00:00 now)\n"),
        ("Asia/Tokyo", "time zone: JST (UTC+09:00 now)\n"),
    ],
)
def test_check_tells_the_zone_that_clocks_are_read_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, zone: str, said: str) -> None:
    config = tmp_path / "config.toml"
    config.touch()
    monkeypatch.setenv("TZ", zone)
    assert said in call("check", "-c", str(config)).stdout


def test_run_never_simulates(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[time]\ntrust = "simulated"\n')
    done = call("run", "-c", str(config))
    assert done.returncode == 2
    assert "for the demo alone" in done.stderr


def test_commands_without_a_daemon_say_so(tmp_path: Path) -> None:
    state = str(tmp_path)
    done = call("status", "--state", state)
    assert (done.returncode, done.stdout[:11]) == (1, "not running")
    assert json.loads(call("status", "--state", state, "--json").stdout) == {"running": False}
    assert "there is no journal" in call("export", "--state", state).stderr
    assert "is not running" in call("release-time", "--state", state).stderr
    assert call("export", "--state", state, "--since", "yesterday").returncode == 2


def test_drivers_lists_files() -> None:
    done = call("drivers")
    assert "drivers/standard/glucose.py" in done.stdout
    assert {item["name"] for item in json.loads(call("drivers", "--json").stdout)} >= {"glucose", "blood-pressure", "phd", "contour"}


def test_ports_says_what_is_plugged_in_or_that_nothing_is() -> None:
    """What there is, is this machine's; that it ends and says something is the command's."""
    done = call("ports")
    assert done.returncode == 0, done.stderr
    assert "usb:" in done.stdout or done.stderr == "this machine shows nothing that is plugged in\n"


def test_check_tells_a_driver_of_the_other_kind(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        f'[gateway]\nstate = "{tmp_path}"\n[[device]]\nport = "0403:6001"\ndriver = "glucose"\n'
        '[[device]]\naddress = "C1:22:33:44:55:66"\ndriver = "contour"\n'
    )
    done = call("check", "-c", str(path))
    assert "device 0403:6001: 'glucose' is a driver for Bluetooth" in done.stdout + done.stderr
    assert "device C1:22:33:44:55:66: 'contour' is a driver for cables" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("battery", "behind", "said"),
    [
        (None, None, ""),
        (75, 3.0, ", battery 75 %"),
        (None, 360.0, ", its clock is 6 minutes behind"),
        (7, -7200.0, ", battery 7 %, its clock is 120 minutes ahead"),
    ],
)
def test_status_says_how_a_device_itself_is_doing(battery: int | None, behind: float | None, said: str) -> None:
    from gateway.cli.state import _condition  # noqa: PLC0415 - for this test

    assert _condition({"battery": battery, "clock_behind": behind}) == said

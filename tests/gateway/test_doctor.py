"""What hinders the gateway, told with its cure; and an archive that gives nobody away."""

from __future__ import annotations

import asyncio
import json
import os
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from gateway import __version__
from gateway.cli import root as command
from gateway.doctor import devices, machine
from gateway.doctor.bundle import Discretion
from gateway.doctor.certificates import certificates
from gateway.doctor.finding import Finding
from gateway.simulator.cables.freestyle import FreeStyleUsb
from gateway.transports.cables.plugs import Plugged
from tests.support.cable_cases import NOW, records
from tests.support.cables import house
from tests.support.certificates import Authority

A = "C1:22:33:44:55:66"


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """What the kernel shows of a Raspberry Pi on which all is well."""
    root = tmp_path / "root"
    for name, said in {
        "sys/devices/platform/soc/soc:firmware/get_throttled": "0\n",
        "sys/block/mmcblk0/device/life_time": "0x01 0x02\n",
        "sys/block/mmcblk0/device/pre_eol_info": "0x01\n",
        "sys/fs/ext4/mmcblk0p2/errors_count": "0\n",
        "sys/class/bluetooth/hci0/address": "",
        "sys/class/bluetooth/hci0:11/address": "",
        "sys/class/rfkill/rfkill0/type": "bluetooth\n",
        "sys/class/rfkill/rfkill0/soft": "0\n",
        "sys/class/rfkill/rfkill0/hard": "0\n",
        "sys/class/rtc/rtc0/name": "",
        "proc/812/comm": "bluetoothd\n",
        "dev/ttyUSB0": "",
        "etc/udev/rules.d/60-health-gateway.rules": "",
    }.items():
        say(root, name, said)
    return root


def say(root: Path, name: str, said: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(said)


def seen(root: Path, adapter: str | None = None, version: str = "bluetoothctl: 5.66", **clock: object) -> list[Finding]:
    told = {"synchronized": True, "zone": "CET", "offset_minutes": 60, **clock}
    return [
        *machine.power(root),
        *machine.card(root),
        *machine.clock(root, **told),  # type: ignore[arg-type]  # as named
        *devices.radio(root, adapter),
        *devices.service(root, version),
        *devices.cables(root),
    ]


def test_where_all_is_well_nothing_is_to_be_done(hub: Path) -> None:
    found = seen(hub)
    assert [one for one in found if one.level != "ok" or one.cure] == []
    assert [one.area for one in found] == ["power", "card", "clock", "time zone", "adapter", "bluetoothd", "cables"]


@pytest.mark.parametrize(
    ("name", "now", "level", "said", "cure"),
    [
        ("sys/devices/platform/soc/soc:firmware/get_throttled", "50005", "problem", "the voltage is too low right now", "power supply"),
        (
            "sys/devices/platform/soc/soc:firmware/get_throttled",
            "50000",
            "warning",
            "too low since the last start",
            "power supply",
        ),
        ("sys/block/mmcblk0/device/life_time", "0x03 0x0a", "warning", "mmcblk0 is nearly worn out", "`health-gateway backup`"),
        ("sys/block/mmcblk0/device/pre_eol_info", "0x02", "warning", "mmcblk0 is nearly worn out", "`health-gateway restore`"),
        ("sys/fs/ext4/mmcblk0p2/errors_count", "3", "problem", "the file system on mmcblk0p2 has met 3 errors", "`health-gateway backup`"),
        ("sys/class/rfkill/rfkill0/soft", "1", "problem", "it is blocked", "rfkill unblock bluetooth"),
        ("sys/class/rfkill/rfkill0/hard", "1", "problem", "switched off by a key or switch", "switch it on there"),
        ("proc/812/comm", "cups", "problem", "it does not run", "systemctl enable --now bluetooth"),
    ],
)
def test_what_the_kernel_shows(hub: Path, name: str, now: str, level: str, said: str, cure: str) -> None:
    say(hub, name, now)
    bad = [one for one in seen(hub) if one.level != "ok"]
    assert len(bad) == 1
    assert bad[0].level == level
    assert said in bad[0].said
    assert cure in bad[0].cure
    assert bad[0].lines()[1].strip().startswith("-> ")


def test_what_is_not_there(hub: Path) -> None:
    (hub / "etc/udev/rules.d/60-health-gateway.rules").unlink()
    [bad] = [one for one in seen(hub) if one.level != "ok"]
    assert "only root may open what is plugged in" in bad.said
    say(hub, "proc/5/comm", "ModemManager")
    [bad] = [one for one in seen(hub) if one.level != "ok"]
    assert "ModemManager runs: it takes serial adapters for modems" in bad.said
    (hub / "dev/ttyUSB0").unlink()
    assert [one for one in seen(hub) if one.level != "ok"] == [], "nothing is plugged in"
    assert "one of these into bluetooth.adapter: hci0" in next(one.cure for one in seen(hub, "hci3") if one.level == "problem")
    (hub / "sys/class/bluetooth/hci0/address").unlink()
    (hub / "sys/class/bluetooth/hci0").rmdir()
    assert any("the kernel knows no Bluetooth adapter" in one.said for one in seen(hub))


def test_versions_and_clocks(hub: Path) -> None:
    assert [one.said for one in seen(hub, version="bluetoothctl: 5.50") if one.level == "warning"] == [
        "bluetoothctl: 5.50 is older than 5.66, the oldest that the gateway is tried with"
    ]
    assert [one.level for one in seen(hub, version="") if one.area == "bluetoothd"] == ["ok"]
    assert [one.area for one in seen(hub, synchronized=False) if one.level != "ok"] == ["clock"]
    assert [one.area for one in seen(hub, zone="UTC", offset_minutes=0) if one.level != "ok"] == ["time zone"]
    assert [one.area for one in seen(hub, zone="GMT", offset_minutes=0) if one.level != "ok"] == []


@pytest.mark.parametrize(
    ("free", "flag", "level", "said"),
    [(300, 0, "ok", "300 MB are free"), (199, 0, "problem", "199 MB are free"), (300, os.ST_RDONLY, "problem", "is mounted read-only")],
)
def test_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, flag: int, level: str, said: str) -> None:
    shape = SimpleNamespace(f_bavail=free, f_blocks=32_000, f_frsize=1 << 20, f_flag=flag)
    monkeypatch.setattr("gateway.doctor.machine.os.statvfs", lambda _place: shape)
    [found] = machine.disk(tmp_path / "not" / "yet", 200)
    assert found.level == level
    assert said in found.said
    assert str(tmp_path) in found.said


def test_certificates_that_end(tmp_path: Path) -> None:
    ends = datetime.now(UTC) + timedelta(hours=1)  # as the authority makes them
    section = SimpleNamespace(ca_file=Authority(tmp_path, "ca").certificate, certificate_file=tmp_path / "none")
    now = ends - timedelta(days=29)
    for moment, level, said in (
        (ends - timedelta(days=31), "ok", "is good until"),
        (ends - timedelta(days=29), "warning", "expires on"),
        (ends + timedelta(days=1), "problem", "expired on"),
    ):
        [found] = certificates({"q": SimpleNamespace(ca_file=section.ca_file)}, moment)
        assert (found.area, found.level) == ("sink q", level)
        assert f"{said} {ends:%Y-%m-%d}" in found.said
    assert "No such file or directory" in list(certificates({"q": section}, now))[1].said
    (tmp_path / "none").write_text("nothing")
    assert "there is no certificate in it" in list(certificates({"q": section}, now))[1].said


SECRET = """
[gateway]
state = "{state}"
[[person]]
id = "anna"
[[person]]
id = "anna-maria"
[[device]]
address = "C1:22:33:44:55:66"
name = "Anna's cuff"
person = "anna"
passkey = "012345"
bindkey = "231d39c1d7cc1ab1aee224cd096db932"
consent = {{ 1 = 4711 }}
[sink.hook]
type = "webhook"
url = "http://127.0.0.1:1/hook"
"""


def test_an_archive_gives_nobody_away(tmp_path: Path, hub: Path) -> None:
    config, archive = tmp_path / "config.toml", tmp_path / "support.tar.gz"
    config.write_text(SECRET.format(state=tmp_path / "state"))
    run = CliRunner()
    done = run.invoke(command, ["doctor", "-c", str(config), "--root", str(hub), "--bundle", str(archive)])
    assert "PROBLEM  sink hook: " in done.output
    assert done.exit_code == 1
    assert archive.stat().st_mode & 0o777 == 0o600
    with tarfile.open(archive) as packed:
        texts = {member.name: packed.extractfile(member).read().decode() for member in packed}  # type: ignore[union-attr]  # files
    assert {"support/findings.json", "support/configuration.json", "support/system.json"} <= texts.keys()
    whole = "\n".join(texts.values())
    for secret in ("012345", "231d39c1", "4711", "hush", "anna", "Anna", "44:55:66"):
        assert secret not in whole, secret
    told = json.loads(texts["support/configuration.json"])
    assert (told["device"][0]["person"], told["person"][1]["id"], told["device"][0]["passkey"]) == ("person-1", "person-2", "(hidden)")
    assert told["device"][0]["address"].startswith("C1:22:33:")
    config.write_text(config.read_text().replace("127.0.0.1:1", "me:hush@127.0.0.1:1").replace('person = "anna"', 'person = "annna"'))
    wrong = tmp_path / "wrong.tar.gz"
    assert (
        "PROBLEM  configuration: " in run.invoke(command, ["doctor", "-c", str(config), "--root", str(hub), "--bundle", str(wrong)]).output
    )
    with tarfile.open(wrong) as packed:
        whole = "".join(packed.extractfile(member).read().decode() for member in packed)  # type: ignore[union-attr]  # files
    assert [secret for secret in ("012345", "hush", "anna", "Anna", "44:55:66") if secret in whole] == []
    again = run.invoke(command, ["doctor", "-c", str(config), "--root", str(hub), "--bundle", str(archive)])
    assert f"Error: {archive}: File exists; no archive was made" in again.output


def test_the_same_stays_the_same() -> None:
    discreet = Discretion({"person": ["ann", "anna"], "device": ["cuff"]})
    assert discreet("anna, ann, annabel, cuff: C1:22:33:44:55:66") == discreet("anna, ann, annabel, cuff: c1:22:33:44:55:66").replace(
        "c1", "C1"
    )
    assert discreet("anna, ann, annabel, cuff").split(", ") == ["person-2", "person-1", "annabel", "device-1"]
    assert discreet("00-11-22-33-44-55") != "00-11-22-33-44-55"


def test_a_file_that_is_wrong_is_a_finding(tmp_path: Path, hub: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[gateway]\nnonsense = 1\n")
    done = CliRunner().invoke(command, ["doctor", "-c", str(config), "--root", str(hub), "--json"])
    told = json.loads(done.output)
    assert told[0]["level"] == "problem"
    assert ":2: gateway.nonsense" in told[0]["said"]


async def test_a_gateway_that_runs_is_asked(tmp_path: Path, hub: Path) -> None:
    config, archive = tmp_path / "config.toml", tmp_path / "support.tar.gz"
    config.write_text(f'[gateway]\nstate = "{tmp_path}/state"\n')
    async with house(tmp_path) as home:
        await home.plug(FreeStyleUsb(records(4), lambda: NOW), Plugged("1-10", 0x1A61, 0x3850))
        values = [json.loads(row.body)["data"]["glucose"]["value"] for row in home.gateway.journal.latest() if row.type == "blood-glucose"]
        arguments = ["doctor", "-c", str(config), "--root", str(hub), "--bundle", str(archive)]
        done = await asyncio.to_thread(CliRunner().invoke, command, arguments)
    assert f"ok       gateway: {__version__} runs" in done.output
    with tarfile.open(archive) as packed:
        texts = {member.name: packed.extractfile(member).read().decode() for member in packed}  # type: ignore[union-attr]  # files
    status = json.loads(texts["support/status.json"])
    assert status["journal"]["things"] > len(values) > 3
    assert [value for value in values if f'"{value}"' in texts["support/status.json"]] == []


def test_what_the_running_gateway_says_is_told(tmp_path: Path, hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status = {
        "version": "0.0.1",
        "adapter": "ok",
        "config_problem": "config.toml:3: nonsense",
        "sinks": {"queue": {"problem": "the broker is away"}, "file": {"problem": None}},
        "devices": [{"name": "Cuff", "address": A, "notices": ["its battery is low"], "problem": "it did not answer"}],
    }
    monkeypatch.setattr("gateway.cli.door.ask", lambda _socket, _path: (200, status))
    config = tmp_path / "config.toml"
    config.write_text(f'[gateway]\nstate = "{tmp_path}/state"\n')
    told = json.loads(CliRunner().invoke(command, ["doctor", "-c", str(config), "--root", str(hub), "--json"]).output)
    said = {(one["area"], one["level"], one["said"]) for one in told}
    assert {
        ("gateway", "warning", f"0.0.1 runs, {__version__} is installed"),
        ("gateway", "problem", "config.toml:3: nonsense"),
        ("sink queue", "problem", "the broker is away"),
        ("device Cuff", "warning", "its battery is low"),
        ("device Cuff", "warning", "it did not answer"),
    } <= said
    assert not any(area == "sink file" for area, _, _ in said)


def test_files_of_another_user_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that was run as root has left what the service may not touch."""
    (tmp_path / "journal.db").touch()
    user = SimpleNamespace(pw_uid=os.getuid(), pw_gid=os.getgid())
    monkeypatch.setattr("gateway.doctor.devices.pwd.getpwnam", lambda _name: user)
    monkeypatch.setattr("gateway.doctor.devices.os.getgrouplist", lambda _name, _group: [os.getgid(), 20])
    monkeypatch.setattr("gateway.doctor.devices.grp.getgrnam", lambda _name: SimpleNamespace(gr_gid=20))
    assert [one.level for one in devices.account(tmp_path)] == ["ok"]
    user.pw_uid += 1
    [bad] = devices.account(tmp_path)
    assert (bad.level, bad.cure) == ("problem", f"chown -R health-gateway: {tmp_path}")
    monkeypatch.setattr("gateway.doctor.devices.grp.getgrnam", lambda _name: SimpleNamespace(gr_gid=21))
    user.pw_uid -= 1
    [bad] = devices.account(tmp_path)
    assert "usermod -aG dialout health-gateway" in bad.cure

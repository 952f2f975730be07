"""`doctor`: what hinders the gateway on this machine, and what helps."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from gateway import __version__, registry
from gateway.cli import door
from gateway.cli.common import DEFAULT, Failed, config_option
from gateway.cli.trying import tried
from gateway.clock import SystemClock
from gateway.config import Config, load
from gateway.doctor import bundle, devices, machine
from gateway.doctor.certificates import certificates, page
from gateway.doctor.finding import Finding
from gateway.errors import ConfigError, StateError
from gateway.opening import keys_of

LOG_LINES = 2000
_SECONDS = 20


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option(
    "--bundle",
    "archive",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a support archive, such as support.tar.gz: without health values, secrets, names and addresses.",
)
@click.option("--root", type=click.Path(path_type=Path, file_okay=False, exists=True), default=Path("/"), hidden=True)
@config_option
def doctor(as_json: bool, archive: Path | None, root: Path, path: Path) -> None:  # noqa: FBT001 - click's flag
    """Say what hinders the gateway on this machine, and what helps. Exit status 1 if there is a problem.

    As root it sees most. Each server that things go to is tried.
    """
    findings = []
    config, problems = _configured(path)
    for finding in [*problems, *_findings(config, root)]:
        findings.append(finding)
        if not as_json:
            click.echo("\n".join(finding.lines()))
    if as_json:
        click.echo(json.dumps([asdict(one) for one in findings], indent=2))
    if archive is not None:
        try:
            bundle.write(archive, _files(config, path, findings), bundle.Discretion(_names(path)))
        except OSError as error:
            raise Failed(f"{archive}: {error.strerror}; no archive was made") from error
        click.echo(f"{archive}: look into it before you give it to anybody", err=True)
    sys.exit(1 if any(one.level == "problem" for one in findings) else 0)


def _configured(path: Path) -> tuple[Config, list[Finding]]:
    if path == DEFAULT and not path.exists():
        return Config(), [Finding("configuration", "warning", f"{path} does not exist: all defaults", "copy config.example.toml there")]
    try:
        return load(path), [Finding("configuration", "ok", str(path))]
    except ConfigError as error:
        return Config(), [Finding("configuration", "problem", line, "mend that line") for line in str(error).splitlines()]


def _names(path: Path) -> dict[str, list[str]]:
    """Of people and devices, also where the rest of the file is wrong."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    found: dict[str, list[str]] = {}
    for table, key in (("person", "id"), ("device", "name")):
        listed = told.get(table)
        found[table] = [str(one[key]) for one in listed if isinstance(one, dict) and one.get(key)] if isinstance(listed, list) else []
    return found


def _findings(config: Config, root: Path) -> Iterator[Finding]:
    yield from _drivers(config)
    yield from machine.power(root)
    yield from machine.disk(config.state, config.disk.reserve_mb)
    yield from machine.card(root)
    now = datetime.now().astimezone()
    offset = int((now.utcoffset() or now - now).total_seconds() // 60)
    synchronized = SystemClock(config.time.trust).synchronized()
    yield from machine.clock(root, synchronized=synchronized, zone=now.tzname() or "?", offset_minutes=offset)
    yield from devices.radio(root, config.bluetooth.adapter)
    yield from devices.service(root, _said("bluetoothctl", "--version"))
    yield from devices.cables(root)
    yield from devices.account(config.state)
    yield from _at_rest(config)
    yield from certificates(config.sink, datetime.now(UTC))
    yield from page(config.page, datetime.now(UTC))
    for one in tried(config):
        level: Any = "problem" if one.problem else "ok"
        yield Finding(f"sink {one.name}", level, one.problem or f"{one.where} answers")
        for sentence in one.cautions:
            yield Finding(f"sink {one.name}", "warning", sentence)
    yield from _daemon(config)


def _drivers(config: Config) -> Iterator[Finding]:
    loaded = registry.load()
    for problem in loaded.problems:
        yield Finding("drivers", "problem", str(problem), "mend the file, or take it away")
    unknown = {device.driver for device in config.device if device.driver is not None} - set(loaded.by_name)
    for name in sorted(unknown):
        yield Finding("drivers", "problem", f"there is no driver {name!r}", "`health-gateway drivers` lists them")
    if not loaded.problems and not unknown:
        yield Finding("drivers", "ok", f"{len(loaded.loaded)} are loaded")


def _at_rest(config: Config) -> Iterator[Finding]:
    try:
        keys = keys_of(config)
    except StateError as error:
        yield Finding("encryption", "problem", str(error).removeprefix("at_rest: "), "docs/encryption.md says what a key is")
        return
    if keys.current.name:
        yield Finding("encryption", "ok", f"with the key {keys.current.name}")


def _daemon(config: Config) -> Iterator[Finding]:
    try:
        _, status = door.ask(config.socket, "/status")
    except (door.NotRunning, Failed):
        cure = "systemctl start health-gateway; `journalctl -u health-gateway` says why it ended"
        yield Finding("gateway", "warning", f"it does not run, or does not answer at {config.socket}", cure)
        return
    if status["version"] != __version__:
        yield Finding("gateway", "warning", f"{status['version']} runs, {__version__} is installed", "systemctl restart health-gateway")
    else:
        yield Finding("gateway", "ok", f"{status['version']} runs, adapter {status['adapter']}")
    if status["config_problem"]:
        yield Finding("gateway", "problem", status["config_problem"], "mend the file and `systemctl reload health-gateway`")
    for name, sink in status["sinks"].items():
        if sink["problem"]:
            yield Finding(f"sink {name}", "problem", sink["problem"], f"`health-gateway retry {name}` once the cause is mended")
    for device in status["devices"]:
        called = device["name"] or device["address"]
        for said in [*device["notices"], *([device["problem"]] if device["problem"] else [])]:
            yield Finding(f"device {called}", "warning", said)


def _said(*command: str) -> str | None:
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False, errors="replace")  # noqa: S603 - constants
        return done.stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return None


def _files(config: Config, path: Path, findings: list[Finding]) -> Iterator[tuple[str, str]]:
    yield "findings.json", bundle.as_json([asdict(one) for one in findings])
    yield "configuration.json", bundle.as_json({"file": str(path), **bundle.without_secrets(config)})
    installed = sorted((one.metadata["Name"], one.version) for one in metadata.distributions())
    system = {"health-gateway": __version__, "python": sys.version, "platform": platform.platform(), "packages": dict(installed)}
    yield "system.json", bundle.as_json(system)
    with suppress(door.NotRunning, Failed):
        yield "status.json", bundle.as_json(door.ask(config.socket, "/status")[1])
    commands = {
        "os-release.txt": ("cat", "/etc/os-release"),
        "log.txt": ("journalctl", "-u", "health-gateway", "-n", str(LOG_LINES), "-o", "short-iso", "--no-pager"),
        "kernel.txt": ("journalctl", "-k", "-n", "500", "-o", "short-iso", "--no-pager"),
        "unit.txt": ("systemctl", "status", "health-gateway", "bluetooth", "--no-pager", "-n", "0"),
        "usb.txt": ("lsusb",),
        "radio.txt": ("bluetoothctl", "show"),
    }
    for name, command in commands.items():
        if said := _said(*command):
            yield name, said + "\n"

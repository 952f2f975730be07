"""`setup`: a first configuration, by question and answer."""

from __future__ import annotations

import grp
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import click

import gateway
from gateway.cli.common import DEFAULT, Failed
from gateway.cli.listening import Heard, listen
from gateway.config import load
from gateway.errors import ConfigError
from gateway.service import USER
from gateway.setting_up import render

WAYS = {
    "file": "a file on this machine, one record a line",
    "homeassistant": "Home Assistant, over its MQTT broker",
    "mqtt": "a queue at an MQTT broker",
    "webhook": "a server of yours: a POST for each",
    "fhir": "a FHIR server",
}


@click.command()
@click.option(
    "-c", "--config", "path", type=click.Path(path_type=Path, dir_okay=False), default=DEFAULT, show_default=True, help="To write."
)
@click.option("--seconds", type=click.FloatRange(min=1, max=300), default=30, show_default=True, help="Listen so long for devices.")
def setup(path: Path, seconds: float) -> None:
    """Write a first configuration, by question and answer: people, devices, and where readings go.

    Nothing is written before the last answer; what you leave with Ctrl-C stays as it was.
    """
    if path.exists() and not _is_untouched(path):
        raise Failed(f"{path} exists already; name another file with -c, or move it away")
    chosen: dict[str, Any] = {}
    people = _people()
    if people:
        chosen["person"] = [{"id": name} for name in people]
    devices = _devices(people, seconds)
    if devices:
        chosen["device"] = devices
    secrets: dict[Path, str] = {}
    chosen["sink"] = _sink(path.parent, secrets)
    if click.confirm("Sign every reading, so that anyone can check where it came from?", default=False):
        chosen["gateway"] = {"sign": True}
    _write(path, render(chosen), secrets)
    zone = datetime.now().astimezone()
    if zone.tzname() == "UTC":
        click.echo("This machine's time zone is UTC: if you live elsewhere, timedatectl set-timezone Europe/Berlin")
    click.echo(f"{path} is written. Next: health-gateway check -c {path}; then systemctl restart health-gateway")


EXAMPLE = "config.example.toml"


def _is_untouched(path: Path) -> bool:
    """It is the example, as an installation leaves it."""
    package = Path(gateway.__file__).parent  # where it is installed; beside that in a checkout
    return path.read_bytes() in [place.read_bytes() for place in (package / EXAMPLE, package.parent / EXAMPLE) if place.exists()]


def _people() -> list[str]:
    click.echo("Whose readings will there be? A short name for each, such as anna; an empty line when that is all.")
    found: list[str] = []
    while name := click.prompt("  name", default="", show_default=False).strip():
        if name == "nobody" or name in found:
            click.echo("  that is taken" if name in found else "  nobody is nobody's name here")
        else:
            found.append(name)
    return found


def _devices(people: list[str], seconds: float) -> list[dict[str, Any]]:
    found: list[Heard] = []

    def tell(heard: Heard) -> None:
        if heard.driver is not None:
            if heard.address not in [one.address for one in found]:
                click.echo(f"  {len(found) + 1}  {heard.address}  {heard.name or '-':<24}  {heard.driver}")
            found[:] = [*(one for one in found if one.address != heard.address), heard]

    if click.confirm(f"Listen for Bluetooth devices for {seconds:.0f} s? Take a measurement with each meanwhile.", default=True):
        try:
            listen(seconds, tell)
        except Failed as error:
            click.echo(f"  {error.message}; devices can be added to the file later")
    devices = []
    for heard in found:
        if click.confirm(f"Is {heard.address} ({heard.name or heard.driver}) yours?", default=True):
            device: dict[str, Any] = {
                "address": heard.address,
                "name": click.prompt("  what shall it be called", default=heard.name or "device"),
            }
            whose = click.prompt("  whose is it (everybody, or a name)", type=click.Choice(["everybody", *people]), default="everybody")
            if whose != "everybody":
                device["person"] = whose
            devices.append(device)
    if not devices:
        click.echo("No device is listed yet: add [[device]] sections with what `health-gateway scan` shows.")
    return devices


def _sink(place: Path, secrets: dict[Path, str]) -> dict[str, Any]:
    for name, what in WAYS.items():
        click.echo(f"  {name:<14} {what}")
    kind = click.prompt("Where shall readings go", type=click.Choice(list(WAYS)), default="file")
    if kind == "file":
        return {"file": {"type": "file"}}
    section: dict[str, Any] = {"type": kind}
    if kind in ("webhook", "fhir"):
        section["url"] = click.prompt("  its address (https://…)")
        return {kind: section}
    section["host"] = click.prompt("  the broker's name or address")
    if username := click.prompt("  user there (empty for none)", default="", show_default=False):
        section["username"] = username
        password = click.prompt("  password", hide_input=True)
        file = place / f"{kind}-password"
        section["password_file"] = str(file)
        secrets[file] = password
    if click.confirm("  encrypted (TLS)?", default=False):
        section["tls"] = True
    return {kind: section}


def _write(path: Path, text: str, secrets: dict[Path, str]) -> None:
    """For the service to read and nobody else. Raises `Failed`, and then nothing is there."""
    done: list[Path] = []
    aside = path.with_name(f"{path.name}.example")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            path.replace(aside)
        for file, content in {**{name: f"{said}\n" for name, said in secrets.items()}, path: text}.items():
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            done.append(file)
            with os.fdopen(descriptor, "w", encoding="utf-8") as out:
                out.write(content)
            _for_the_service(file)
        load(path)
    except (OSError, ConfigError) as error:
        for file in done:
            file.unlink(missing_ok=True)
        if aside.exists() and not path.exists():
            aside.replace(path)
        said = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
        raise Failed(f"{said}; nothing was written") from error


def _for_the_service(file: Path) -> None:
    try:
        group = grp.getgrnam(USER).gr_gid
    except KeyError:
        return
    if os.geteuid() == 0:
        os.chown(file, -1, group)
        file.chmod(0o640)

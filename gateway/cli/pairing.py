"""`pair` and `forget`: a person at a terminal beside the device."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from gateway.cli import door
from gateway.cli.common import Failed, config_option, load_config
from gateway.config import Config

NOT_RUNNING = "the gateway does not run; start it first (systemctl start health-gateway)"


class Address(click.ParamType[str]):
    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value).upper()
        parts = text.split(":")
        if len(parts) != 6 or not all(len(part) == 2 and set(part) <= set("0123456789ABCDEF") for part in parts):  # noqa: PLR2004 - six octets
            self.fail(f"{value!r} is no Bluetooth address; `health-gateway scan` prints them", param, ctx)
        return text


@click.command()
@click.argument("address", type=Address())
@click.option("--seconds", type=click.FloatRange(min=10, max=3600), default=180, show_default=True, help="Give up after so long.")
@config_option
def pair(address: str, seconds: float, path: Path) -> None:
    """Pair with a device of the configuration, and type the number that it shows.

    Put it into pairing mode first; its booklet says how. The running gateway does the pairing, this command asks you what the device asks.
    """
    config = load_config(path)
    name = _name(config, address)
    click.echo(f"Put {name} into pairing mode now. Most devices: hold the Bluetooth button, or switch it on, until a P or a number blinks.")
    until = time.monotonic() + seconds
    try:
        for event in _events(config.socket, f"/pair/{address}"):
            if event["event"] == "still" and time.monotonic() > until:
                raise Failed(f"{name} was not paired within {seconds:.0f} s; is it in pairing mode, and near?")
            if _is_over(event, name):
                return
            if event["event"] == "question":
                _ask(config.socket, address, name, event)
    except door.NotRunning as error:
        raise Failed(NOT_RUNNING) from error


def _is_over(event: dict[str, Any], name: str) -> bool:
    """Tell what happened; whether it was the last. Raises `Failed`."""
    kind = event["event"]
    if kind == "found":
        click.echo(f"{name} is there; connecting.")
    elif kind == "pairing":
        click.echo("Pairing.")
    elif kind == "trying":
        click.echo(f"Not yet ({event['why']}). It is tried again; leave the device in pairing mode.")
    elif kind == "failed":
        raise Failed(f"{name}: {event['why']}")
    elif kind == "paired":
        click.echo(f"{name} is paired, and will be read from now on.")
        return True
    return False


def _ask(socket: Path, address: str, name: str, event: dict[str, Any]) -> None:
    number = event["number"]
    if event["kind"] == "show":
        click.echo(f"Type this number on {name}: {number[:3]} {number[3:]}")
        return
    if event["kind"] == "compare":
        question = f"Does {name} show {number[:3]} {number[3:]}? (yes or no)"
    else:
        question = f"{name} shows a number, or has one in its booklet. Type it here (or: no)"
    while True:
        status, said = door.ask(socket, f"/pair/{address}/answer?text={click.prompt(question)}", "POST")
        if status != http.client.BAD_REQUEST:
            break
        click.echo(said["error"])
    if status != http.client.OK:
        click.echo(f"Not taken: {said['error']}.")


def _events(socket: Path, url: str) -> Iterator[dict[str, Any]]:
    for line in door.lines(socket, url, "POST"):
        yield json.loads(line)


@click.command()
@click.argument("address", type=Address())
@config_option
def forget(address: str, path: Path) -> None:
    """Remove a device's bond from this hub.

    To pair it anew, remove the hub on the device as well: most do it when they are put into pairing mode. Readings are not touched.
    """
    config = load_config(path)
    try:
        status, said = door.ask(config.socket, f"/forget/{address}", "POST")
    except door.NotRunning as error:
        raise Failed(NOT_RUNNING) from error
    if status != http.client.OK:
        raise Failed(said["error"])
    click.echo(f"{_name(config, address)} is forgotten" if said["forgotten"] else "the hub has no bond with it")


def _name(config: Config, address: str) -> str:
    return next((device.name for device in config.radio_devices if device.address == address and device.name), address)

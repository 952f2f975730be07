"""`scan` and `drivers`: what is in the air, and who reads it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from gateway import registry
from gateway.cli import door
from gateway.cli.common import Failed, config_option, load_config
from gateway.cli.listening import Heard, listen


@click.command()
@click.option("--seconds", type=click.FloatRange(min=1, max=300), default=15, show_default=True, help="Listen so long.")
@click.option("--all", "everything", is_flag=True, help="Also devices that no driver knows.")
def scan(seconds: float, everything: bool) -> None:  # noqa: FBT001 - click's flag
    """List the Bluetooth devices in the air and which driver each would get.

    Many health devices advertise for some seconds after a measurement only: take one while this runs.
    """
    told = []

    def tell(heard: Heard) -> None:
        if heard.driver is not None or everything:
            told.append(heard.address)
            line = f"{heard.address}  {heard.name or '-':<24}  {heard.driver or 'no driver'}"
            click.echo(f"{line}  ({heard.rssi} dBm)" if heard.rssi is not None else line)

    listen(seconds, tell)
    if not told:
        click.echo("nothing that a driver knows was heard" if not everything else "nothing was heard", err=True)


@click.command()
@click.option("--why", "address", help="Which fields of which driver hold for this device; the gateway must have seen it.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@config_option
def drivers(address: str | None, as_json: bool, path: Path) -> None:  # noqa: FBT001 - click's flag
    """List the drivers, or say why a device gets the one it gets."""
    if address is not None:
        _why(address, path, as_json=as_json)
        return
    loaded = registry.load()
    if as_json:
        click.echo(json.dumps([{"name": i.driver.name, "label": i.driver.label, "file": i.source} for i in loaded.by_name.values()]))
    else:
        for item in sorted(loaded.by_name.values(), key=lambda item: item.driver.name):
            click.echo(f"{item.driver.name:<18} {item.driver.label:<56} {item.source}")
    for problem in loaded.problems:
        click.echo(f"left out: {problem}", err=True)


def _why(address: str, path: Path, *, as_json: bool) -> None:
    config = load_config(path)
    try:
        status, answer = door.ask(config.socket, f"/why/{address}")
    except door.NotRunning as error:
        raise Failed("the gateway is not running; start it, or use `health-gateway scan`") from error
    if status != 200:  # noqa: PLR2004 - HTTP
        raise Failed(f"{address}: {answer['error']}")
    if as_json:
        click.echo(json.dumps(answer))
        return
    for item in answer:
        held = ", ".join(f"{name} {'holds' if holds else 'does not hold'}" for name, holds in item["match"].items())
        click.echo(f"{'*' if item['wins'] else ' '} {item['driver']:<18} {held}")

"""`scan` and `drivers`: what is in the air, and who reads it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path

import click

from gateway import registry
from gateway.cli import door
from gateway.cli.common import Failed, config_option, load_config
from gateway.errors import AdapterError, AmbiguousMatch


@click.command()
@click.option("--seconds", type=click.FloatRange(min=1, max=300), default=15, show_default=True, help="Listen so long.")
@click.option("--all", "everything", is_flag=True, help="Also devices that no driver knows.")
def scan(seconds: float, everything: bool) -> None:  # noqa: FBT001 - click's flag
    """List the Bluetooth devices in the air and which driver each would get.

    Many health devices advertise for some seconds after a measurement only: take one while this runs.
    """
    from gateway.transports.ble import BleakRadio  # noqa: PLC0415 - the radio's libraries take their time
    from gateway.transports.radio import Seen  # noqa: PLC0415 - likewise

    loaded = registry.load()
    told: dict[str, str] = {}

    def on_seen(seen: Seen) -> None:
        advertisement = seen.advertisement
        try:
            found = loaded.match(advertisement)
            driver = found.driver.label if found else None
        except AmbiguousMatch as error:
            driver = str(error)
        if driver is None and not everything:
            return
        line = f"{advertisement.address}  {advertisement.local_name or '-':<24}  {driver or 'no driver'}"
        if told.get(advertisement.address) != line:
            told[advertisement.address] = line
            click.echo(f"{line}  ({seen.rssi} dBm)" if seen.rssi is not None else line)

    async def main() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await BleakRadio().scan(on_seen)

    try:
        asyncio.run(main())
    except AdapterError as error:
        raise Failed(str(error)) from error
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

"""`backup` and `restore`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import click

from gateway.cli import door
from gateway.cli.common import Failed, config_option
from gateway.cli.state import configured, state_option
from gateway.errors import StateError
from gateway.journal import backup as copying


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@state_option
@config_option
def backup(file: Path, state: Path | None, path: Path) -> None:
    """Copy everything that must outlive this hub into FILE, while the gateway runs or not.

    Things, what devices said, what sinks have reached, persons' words, grants, the audit log and the gateway's key are in it: keep it as
    you keep those. Bonds with devices are bluetoothd's, and are not; nor is the configuration.
    """
    config = configured(path, state)
    try:
        things = copying.backup(config.state, file)
    except StateError as error:
        raise Failed(str(error)) from error
    with suppress(door.NotRunning):
        door.ask(config.socket, "/backed-up", "POST")
    click.echo(f"{file}: {things} things, {file.stat().st_size / 1e6:.1f} MB")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@state_option
@config_option
def restore(file: Path, state: Path | None, path: Path) -> None:
    """Put FILE, a backup, into an empty state directory; the gateway must not run.

    What sinks got after the backup they get again, as far as devices still have it. The gateway that the backup was made of must not run
    any more: two with one key and one name are one too many.
    """
    config = configured(path, state)
    try:
        things = copying.restore(file, config.state)
    except StateError as error:
        raise Failed(str(error)) from error
    click.echo(f"{config.state}: {things} things; start the gateway")

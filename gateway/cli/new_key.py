"""`new-key`: a key to encrypt what is stored."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.common import Failed
from gateway.encryption import make_key


@click.command("new-key")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def new_key(file: Path) -> None:
    """Make a key in FILE, for at_rest.key_file.

    Whoever loses it has lost what was encrypted with it: keep a copy of it where the backups are not.
    """
    try:
        name = make_key(file)
    except OSError as error:
        raise Failed(f"{file}: {error.strerror}; no key was made") from error
    click.echo(f"{file}: key {name}. Keep a copy of it where the backups are not")

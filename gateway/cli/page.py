"""`page`: where the local page is, and how to get in."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli import door
from gateway.cli.common import Failed, config_option
from gateway.cli.state import configured, state_option

NOT_RUNNING = "the gateway is not running; start it and call this again"


@click.command()
@click.option("--new-password", "name", metavar="NAME", help="A code with which NAME chooses a new password; the old one stops at once.")
@state_option
@config_option
def page(name: str | None, state: Path | None, path: Path) -> None:
    """Say where the local page is, and give out the code for its first account. The gateway must run."""
    config = configured(path, state)
    try:
        if name is not None:
            status, answer = door.ask(config.socket, "/page/invite", "POST", {"name": name})
            if status != 200:  # noqa: PLR2004 - HTTP
                raise Failed(answer["error"])
            click.echo(f"{name} chooses a new password with the code {answer['code']}, within seven days")
            return
        _, answer = door.ask(config.socket, "/page")
    except door.NotRunning as error:
        raise Failed(NOT_RUNNING) from error
    if answer["problem"]:
        raise Failed(answer["problem"])
    if answer["url"] is None:
        raise Failed('there is no page: page.listen is "off" in the configuration')
    click.echo(answer["url"])
    if answer["code"]:
        click.echo(f"The first account is made there with the code {answer['code']}")
    for account in answer["accounts"]:
        person = f", {account['person']}" if account["person"] else ""
        click.echo(f"{account['name']}: {account['role']}{person}")

"""`sink`: the accounts of the ways out, changed by hand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gateway.audit import Audit
from gateway.claiming import claimed
from gateway.cli.common import Failed, config_option
from gateway.cli.state import configured, state_option
from gateway.config import Config
from gateway.errors import JournalError, StateError
from gateway.journal import accounts
from gateway.journal.reading import read_sinks
from gateway.opening import journal_of

DEFAULT = "file"
"""What there is without any sink in the configuration."""


@click.group()
def sink() -> None:
    """How far each way out has come, and changing that by hand. The configuration says which ways there are; stop the daemon first."""


@sink.command("list")
@state_option
@config_option
def list_(state: Path | None, path: Path) -> None:
    """Each sink that has accounts: how far it has come, what waits for it, and whether the configuration has it."""
    config = configured(path, state)
    if not (config.state / "journal.db").exists():
        raise Failed(f"there is no journal in {config.state}; the gateway has not run there yet")
    for name, account in read_sinks(config.state / "journal.db").items():
        named = "" if name in (config.sink or {DEFAULT}) else "; it is not in the configuration"
        waits = account["deferred"] + account["held"]
        click.echo(f"{name}: has come to {account['cursor']}{f', {waits} of that wait' if waits else ''}{named}")


@sink.command()
@click.argument("name")
@state_option
@config_option
def add(name: str, state: Path | None, path: Path) -> None:
    """Let NAME, a sink that has not run yet, begin now: without this it gets everything from the beginning."""
    begun = _change(configured(path, state), "sink begins", lambda c: accounts.begin(c, name), sink=name)
    click.echo(f"{name} gets what comes behind {begun}")


@sink.command()
@click.argument("name")
@state_option
@config_option
def remove(name: str, state: Path | None, path: Path) -> None:
    """Forget the accounts of NAME. If it is ever in the configuration again, it gets everything from the beginning."""
    config = configured(path, state)
    if name in config.sink:
        raise Failed(f"{name} is in the configuration; take it out first")
    cursor = _change(config, "sink removed", lambda c: accounts.forget(c, name), sink=name)
    click.echo(f"{name} is forgotten; it had come to {cursor}")


@sink.command()
@click.argument("name")
@click.argument("new")
@state_option
@config_option
def rename(name: str, new: str, state: Path | None, path: Path) -> None:
    """Let NEW go on where NAME has come to: for a section of the configuration that is called otherwise now."""
    cursor = _change(configured(path, state), "sink renamed", lambda c: accounts.rename(c, name, new), sink=name, to=new)
    click.echo(f"{new} goes on behind {cursor}")


@sink.command()
@click.argument("name")
@click.option("--to", type=click.IntRange(min=0), help="The number behind which everything goes again; 0 for everything.")
@click.option("--since", help="Or a date, such as 2026-03-01: what was measured from then on goes again.")
@state_option
@config_option
def rewind(name: str, to: int | None, since: str | None, state: Path | None, path: Path) -> None:
    """Send again what NAME has had: to a server that has lost it. Receivers take each version once (docs/queue.md)."""
    if (to is None) == (since is None):
        raise Failed("say how far: --to or --since")

    def do(connection: Any) -> tuple[int, int]:
        if since is not None:
            return accounts.rewind_since(connection, name, since)
        return accounts.rewind(connection, name, to or 0), to or 0

    cursor, target = _change(configured(path, state), "sink rewound", do, sink=name, to=to, since=since)
    click.echo(f"{name} had come to {cursor}; it gets what is behind {target} again")


def _change(config: Config, what: str, do: Callable[[Any], Any], **particulars: Any) -> Any:
    """In one transaction, with its entry in the audit log. Raises `Failed`."""
    path = config.state / "journal.db"
    if not path.exists():
        raise Failed(f"there is no journal in {config.state}; the gateway has not run there yet")

    async def change() -> Any:
        journal = journal_of(config)
        try:
            found = await journal.writer.do(do)
            audit = Audit(journal, time.time)
            audit.note(what, **particulars)
            await audit.settle()
        finally:
            journal.close()
        return found

    try:
        with claimed(config.state):
            return asyncio.run(change())
    except (accounts.NoSuchSink, JournalError, StateError) as error:
        raise Failed(str(error)) from error

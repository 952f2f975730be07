"""`consent`: who agrees that what goes where."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any

import click

from gateway.cli import door
from gateway.cli.common import Failed, config_option, load_config


@click.group()
def consent() -> None:
    """Say who agrees that what goes to which sink.

    It counts for sinks with consent = "required" in the configuration. What nobody has agreed to waits, and goes when somebody does.
    """


@consent.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@config_option
def list_(as_json: bool, path: Path) -> None:  # noqa: FBT001 - click's flag
    """List the grants that stand."""
    grants = _ask(path, "/consent", "GET", {})
    if as_json:
        click.echo(json.dumps(grants))
        return
    for grant in grants:
        types = ", ".join(grant["types"]) or "everything"
        when = "".join(f" {word} {grant[name]}" for word, name in (("from", "since"), ("until", "until")) if grant[name])
        origin = "by the configuration" if grant["stated"] else "by command"
        why = f": {grant['why']}" if grant["why"] else ""
        click.echo(f"{grant['person']} to {grant['sink']}: {types}{when} ({origin}){why}")
    if not grants:
        click.echo("nobody has granted anything")


@consent.command()
@click.argument("person")
@click.argument("sink")
@click.option("--type", "types", multiple=True, metavar="TYPE", help="Only this thing-type, such as blood-pressure; may be repeated.")
@click.option("--since", metavar="DATE", help="From this day on.")
@click.option("--until", metavar="DATE", help="Until the beginning of this day.")
@click.option("--why", default="", help="What it is for.")
@config_option
def grant(*, person: str, sink: str, types: tuple[str, ...], since: str | None, until: str | None, why: str, path: Path) -> None:
    """Let what PERSON measures go to SINK."""
    query = {"person": person, "sink": sink, "types": ",".join(types), "why": why}
    _ask(path, "/consent/grant", "POST", query | {name: at for name, at in (("since", since), ("until", until)) if at is not None})
    click.echo(f"granted; what waited for it goes to {sink} now")


@consent.command()
@click.argument("person")
@click.argument("sink")
@config_option
def revoke(person: str, sink: str, path: Path) -> None:
    """Let nothing more of what PERSON measures go to SINK. What has gone has gone."""
    ended = _ask(path, "/consent/revoke", "POST", {"person": person, "sink": sink})["revoked"]
    click.echo(f"revoked ({ended} grants); nothing more of {person} goes to {sink}")


def _ask(path: Path, url: str, method: str, query: dict[str, str]) -> Any:
    config = load_config(path)
    try:
        status, answer = door.ask(config.socket, url, method, query)
    except door.NotRunning as error:
        raise Failed("the gateway does not run: start it first") from error
    if status != http.client.OK:
        raise Failed(answer["error"])
    return answer

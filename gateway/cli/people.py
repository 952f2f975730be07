"""`inbox`: whose readings are."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any

import click

from gateway.cli import door
from gateway.cli.common import Failed, config_option, load_config


@click.group()
def inbox() -> None:
    """Say whose readings are that belong to nobody yet, or to the wrong person.

    A reading belongs to nobody if the configuration does not say whose it is. What you say of it stands, however often its device tells
    it again, and goes to every sink.
    """


def _filters(command: Any) -> Any:
    command = click.option("--since", metavar="DATE", help="Only what was measured on this day or later, such as 2026-03-14.")(command)
    command = click.option("--device", metavar="ADDRESS", help="Only what this device measured.")(command)
    return click.option("--person", metavar="ID", help="What belongs to this person, in place of what belongs to nobody.")(command)


@inbox.command("list")
@_filters
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@config_option
def list_(person: str | None, device: str | None, since: str | None, as_json: bool, path: Path) -> None:  # noqa: FBT001 - click's flag
    """List what belongs to nobody, oldest first, each with the number that the other commands take."""
    entries = _ask(path, "/inbox", "GET", _query(person, device, since))
    if as_json:
        click.echo(json.dumps(entries))
        return
    for entry in entries:
        click.echo(f"{entry['number']:>8}  {entry['time'][:16].replace('T', ' ')}  {entry['device']:<24} {_said(entry)}")
    if not entries:
        click.echo(f"nothing belongs to {person}" if person else "everything belongs to somebody")


@inbox.command()
@click.argument("to", metavar="PERSON")
@click.argument("numbers", nargs=-1, type=int)
@click.option("--all", "everything", is_flag=True, help="Everything that `list` with the same options shows.")
@_filters
@config_option
def assign(
    *, to: str, numbers: tuple[int, ...], everything: bool, person: str | None, device: str | None, since: str | None, path: Path
) -> None:
    """Give readings to PERSON, by their numbers; `nobody` takes them away."""
    to = "" if to == "nobody" else to
    _decide(path, "/inbox/assign", numbers, {"to": to, **_query(person, device, since)}, everything=everything)


@inbox.command()
@click.argument("numbers", nargs=-1, type=int)
@click.option("--all", "everything", is_flag=True, help="Everything that `list` with the same options shows.")
@_filters
@config_option
def discard(*, numbers: tuple[int, ...], everything: bool, person: str | None, device: str | None, since: str | None, path: Path) -> None:
    """Retract readings: a guest's, say, or a wrong one. They stay in the journal, marked; sinks are told."""
    _decide(path, "/inbox/discard", numbers, _query(person, device, since), everything=everything)


def _query(person: str | None, device: str | None, since: str | None) -> dict[str, str]:
    given = {"person": person, "address": device.upper() if device else None, "since": since}
    return {name: value for name, value in given.items() if value is not None}


def _decide(path: Path, url: str, numbers: tuple[int, ...], query: dict[str, str], *, everything: bool) -> None:
    if everything == bool(numbers):
        raise click.UsageError("name the numbers that `health-gateway inbox list` shows, or say --all")
    if everything:
        query["all"] = "1"
    else:
        query["numbers"] = ",".join(map(str, numbers))
    told = _ask(path, url, "POST", query)
    click.echo(f"{told['things']} things have a new version")


def _ask(path: Path, url: str, method: str, query: dict[str, str]) -> Any:
    config = load_config(path)
    try:
        status, answer = door.ask(config.socket, url, method, query)
    except door.NotRunning as error:
        raise Failed("the gateway does not run: start it, so that what you say reaches its sinks") from error
    if status != http.client.OK:
        raise Failed(answer["error"])
    return answer


def _said(entry: dict[str, Any]) -> str:
    return "; ".join(_values(thing) for thing in entry["things"])


def _values(thing: dict[str, Any]) -> str:
    data = thing["data"]
    measured = [
        f"{str(data['name']).lower() if name == 'value' and 'name' in data else name.replace('_', ' ')} {value['display']['value']} "
        f"{value['display']['unit']}"
        for name, value in data.items()
        if isinstance(value, dict) and "display" in value
    ]
    return ", ".join(measured) or thing["type"]

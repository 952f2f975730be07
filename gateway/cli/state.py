"""`status`, `export`, `rejected`, `release-time`: through the control socket, or from the journal if no daemon runs."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from gateway.api import functions
from gateway.cli import door
from gateway.cli.common import Failed, config_option, load_config
from gateway.config import Config
from gateway.exports import FORMATS
from gateway.journal.reading import read_rejected
from gateway.opening import keys_of

CLOCK_IS_OFF = 60.0
"""Seconds from which on it is said."""


def configured(path: Path, state: Path | None) -> Config:
    """With another state directory, if one is named."""
    config = load_config(path)
    return config.model_copy(update={"gateway": config.gateway.model_copy(update={"state": state, "socket": None})}) if state else config


def state_option(command: Any) -> Any:
    return click.option(
        "--state",
        type=click.Path(path_type=Path, file_okay=False),
        help="The state directory, in place of the configuration's.",
    )(command)


def _journal(config: Config) -> Path:
    path = config.state / "journal.db"
    if not path.exists():
        raise Failed(f"there is no journal in {config.state}; the gateway has not run there yet, or --state is another one")
    return path


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@state_option
@config_option
def status(as_json: bool, state: Path | None, path: Path) -> None:  # noqa: FBT001 - click's flag
    """Say how the running gateway is doing. Exit status 1 if none runs."""
    config = configured(path, state)
    try:
        _, answer = door.ask(config.socket, "/status")
    except door.NotRunning:
        click.echo(json.dumps({"running": False}) if as_json else f"not running (nothing answers at {config.socket})")
        sys.exit(1)
    if as_json:
        click.echo(json.dumps({"running": True, **answer}))
        return
    journal, clock = answer["journal"], answer["clock"]
    click.echo(f"running since {answer['up_seconds']} s, version {answer['version']}, adapter: {answer['adapter']}, disk: {answer['disk']}")
    gone = f", {journal['purged']} purged or thrown away" if journal["purged"] else ""
    click.echo(f"journal: {journal['things']} things, {journal['rejected']} rejected frames, {journal['missing']} damaged{gone}")
    for name, count in journal["kept"].items():
        click.echo(f"{count} things would be thrown away (disk.keep_days, keep_mb), and are kept: the sink {name} has not had them")
    if clock["pending_things"]:
        click.echo(
            f"time: {clock['pending_things']} things wait for the hub's clock since {clock['pending_since']}; they go out once it is "
            "synchronized, or as they are with `health-gateway release-time`"
        )
    for name, sink in answer["sinks"].items():
        problem = f", {sink['problem']}" if sink["problem"] else ""
        click.echo(f"sink {name}: up to {sink['cursor']}, {sink['deferred']} deferred, {sink['held']} held{problem}")
    for device in answer["devices"]:
        said = [*device["notices"], *([device["problem"]] if device["problem"] else [])]
        problem = f": {'; '.join(said)}" if said else ""
        click.echo(
            f"{device['address']}  {device['name'] or '-':<20} {device['driver']:<16} {device['state']}, "
            f"{device['sessions']} sessions, {device['things']} things{_condition(device)}{problem}"
        )
    for address, days in answer["quiet"].items():
        click.echo(f"{address}  nothing has come from it for {days} days; is its battery flat?")
    for problem in [answer["config_problem"], answer["page_problem"], *answer["driver_problems"]]:
        if problem:
            click.echo(problem)


def _condition(device: dict[str, Any]) -> str:
    """Of the device itself, as far as it has said."""
    said = [f"battery {device['battery']} %"] if device["battery"] is not None else []
    behind = device["clock_behind"]
    if behind is not None and abs(behind) >= CLOCK_IS_OFF:
        said.append(f"its clock is {abs(behind) / 60:.0f} minutes {'behind' if behind > 0 else 'ahead'}")
    return "".join(f", {one}" for one in said)


@click.command()
@click.option("--format", "kind", type=click.Choice([*FORMATS, "signed"]), default="ndjson", show_default=True)
@click.option("--since", help="Only what was taken on or after this ISO date or time.")
@state_option
@config_option
def export(kind: str, since: str | None, state: Path | None, path: Path) -> None:
    """Write out everything in the journal.

    ndjson and csv have every version of a thing (the highest counts), healthvault-xml the latest one. signed is for `verify`: every version
    with its signature, all of them.
    """
    if since is not None:
        try:
            datetime.fromisoformat(since)
        except ValueError as error:
            raise click.BadParameter("an ISO date or time, such as 2026-03-14", param_hint="--since") from error
        if kind == "signed":
            raise click.UsageError("a signed export is always whole: without some things nobody could say that none were taken out")
    config = configured(path, state)
    out = sys.stdout.buffer
    try:
        for chunk in door.stream(config.socket, f"/export?format={kind}" + (f"&since={since}" if since else "")):
            out.write(chunk)
    except door.NotRunning:
        for text in functions.export(_journal(config), kind, since, keys_of(config)):
            out.write(text.encode("utf-8", "surrogateescape"))
    out.flush()


@click.group()
def rejected() -> None:
    """List or export frames that no driver could read."""


def _rejections(config: Config) -> list[dict[str, Any]]:
    try:
        _, answer = door.ask(config.socket, "/rejected")
    except door.NotRunning:
        return [functions.rejection(item) for item in read_rejected(_journal(config), keys_of(config))]
    return list(answer)


@rejected.command("list")
@state_option
@config_option
def rejected_list(state: Path | None, path: Path) -> None:
    """One line per frame: number, device, characteristic, what is wrong. No bytes."""
    for item in _rejections(configured(path, state)):
        click.echo(f"{item['position']:>10}  {item['device']}  {item['driver']:<16} {item['uuid']}  {item['error']}")


@rejected.command("export")
@click.argument("number", type=int, required=False)
@state_option
@config_option
def rejected_export(number: int | None, state: Path | None, path: Path) -> None:
    """Write frames with their bytes, ready to become test vectors: all, or the one with this NUMBER. They are health data."""
    found = [item for item in _rejections(configured(path, state)) if number is None or item["position"] == number]
    if number is not None and not found:
        raise Failed(f"there is no rejected frame {number}; `health-gateway rejected list` shows the numbers")
    click.echo(json.dumps(found, indent=2))


@click.command("release-time")
@state_option
@config_option
def release_time(state: Path | None, path: Path) -> None:
    """File readings that wait for the hub's clock as they are, marked as unchecked. The gateway must run."""
    config = configured(path, state)
    try:
        _, answer = door.ask(config.socket, "/release-time", "POST")
    except door.NotRunning as error:
        raise Failed("the gateway is not running; start it and call this again") from error
    click.echo(f"{answer['released']} things released")


@click.command()
@click.argument("sink", required=False)
@state_option
@config_option
def retry(sink: str | None, state: Path | None, path: Path) -> None:
    """Try again what sinks have refused or hold back, now: after the cause was mended. SINK: that one only. The gateway must run."""
    config = configured(path, state)
    try:
        status, answer = door.ask(config.socket, f"/retry?sink={sink}" if sink else "/retry", "POST")
    except door.NotRunning as error:
        raise Failed("the gateway is not running; it tries again when it is started") from error
    if status != 200:  # noqa: PLR2004 - HTTP
        raise Failed(answer["error"])
    click.echo(f"trying again: {', '.join(answer['sinks'])}")

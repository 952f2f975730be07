"""`audit`: who did what, and whether that is all."""

from __future__ import annotations

import json
import sys
from collections import deque
from pathlib import Path

import click

from gateway.cli.common import Failed, config_option, load_config
from gateway.journal.reading import read_audit
from gateway.provenance import AUDIT_LABEL, PUBLIC_FILE, Verdict, public_key, verify


@click.group()
def audit() -> None:
    """Show who did what with the gateway, and check that nothing was taken out of that log."""


def _journal(path: Path) -> Path:
    found = load_config(path).state / "journal.db"
    if not found.exists():
        raise Failed(f"there is no journal in {found.parent}; the gateway has not run there yet")
    return found


@audit.command()
@click.option("--last", type=click.IntRange(min=1), default=50, show_default=True, help="So many entries.")
@click.option("--json", "as_json", is_flag=True, help="One object per line, for programs.")
@config_option
def show(last: int, as_json: bool, path: Path) -> None:  # noqa: FBT001 - click's flag
    """Show the last entries, oldest first."""
    for entry in deque(read_audit(_journal(path)), maxlen=last):
        said = json.loads(entry.body)
        if as_json:
            click.echo(json.dumps({"n": entry.n, **said}))
            continue
        at, what = said.pop("at"), said.pop("what")
        particulars = ", ".join(f"{name} {_plain(value)}" for name, value in said.items() if value not in (None, "", []))
        click.echo(f"{entry.n:>7}  {at}  {what:<14} {particulars}")


def _plain(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


@audit.command("verify")
@click.option("--mark", help="What an earlier `audit verify`, or the log of the service, said: finds what was cut off since.")
@config_option
def verify_(mark: str | None, path: Path) -> None:
    """Check that no entry was changed, taken out, put in or moved. Exit status 1 if one was.

    Without signatures (`sign = true`) somebody who writes the whole chain anew is found only by --mark.
    """
    journal = _journal(path)
    key = journal.parent / PUBLIC_FILE
    verdict, problems = Verdict(), 0
    try:
        for problem in verify(read_audit(journal), public_key(key) if key.exists() else None, verdict, mark=mark, label=AUDIT_LABEL):
            click.echo(problem)
            problems += 1
    except ValueError as error:
        raise Failed(str(error)) from error
    click.echo(f"{verdict.things} entries, {verdict.signed} of them signed; {problems or 'no'} problems; mark {verdict.mark}")
    sys.exit(1 if problems else 0)

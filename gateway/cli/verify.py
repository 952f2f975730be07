"""`verify`: whether things are what this gateway signed, and all of them."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gateway.cli.common import Failed, config_option, load_config
from gateway.config import Config
from gateway.exports import rendered, signed
from gateway.journal.reading import read_signed
from gateway.opening import keys_of
from gateway.provenance import PUBLIC_FILE, Verdict, public_key
from gateway.provenance import verify as verified


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True), required=False)
@click.option(
    "--key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The gateway's public key; gateway.pub in the state directory if left out.",
)
@click.option("--mark", help="What an earlier `verify` printed: finds what was cut off since.")
@config_option
def verify(file: Path | None, key: Path | None, mark: str | None, path: Path) -> None:
    """Check signatures: of the journal, or of FILE, which `export` made: signed, csv or healthvault-xml.

    Who receives an export needs only the public key. Exit status 1 if anything was changed, put in or moved; or taken out, which only the
    journal and a signed export can show.
    """
    config = load_config(path) if file is None or key is None else Config()
    state = config.state
    key = key or state / PUBLIC_FILE
    journal = state / "journal.db"
    if file is None and not journal.exists():
        raise Failed(f"there is no journal in {state}; the gateway has not run there yet")
    verdict, problems = Verdict(), 0
    try:
        public = public_key(key)
    except (OSError, ValueError) as error:
        raise Failed(f"{key}: {getattr(error, 'strerror', None) or 'is no public key'}; the gateway makes it with sign = true") from error
    try:
        form = rendered.form_of(file) if file is not None else None
        if file is not None and form is not None:
            if mark is not None:
                raise click.UsageError(f"--mark is for the journal and a signed export: a {form} says nothing of what is not in it")
            found = rendered.verify(file, form, public, verdict)
        else:
            found = verified(signed.read(file) if file else read_signed(journal, keys_of(config)), public, verdict, mark=mark)
        for problem in found:
            click.echo(problem)
            problems += 1
    except ValueError as error:
        raise Failed(f"{file or path}: {error}") from error
    ending = "; what was left out it cannot show" if form is not None else f"; mark {verdict.mark}"
    gone = f"; {verdict.purged} purged by their owner's word (`audit show` tells when)" if verdict.purged else ""
    click.echo(f"{verdict.things} things, {verdict.signed} of them signed{gone}; {problems or 'no'} problems{ending}")
    sys.exit(1 if problems or not verdict.signed else 0)

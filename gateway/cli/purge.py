"""`purge`: everything of a person, gone."""

from __future__ import annotations

import asyncio
import tarfile
import time
from contextlib import closing
from pathlib import Path

import click

from gateway import inbox
from gateway import purge as erasing
from gateway.audit import Audit
from gateway.claiming import claimed
from gateway.cli.common import Failed, config_option
from gateway.cli.state import configured, state_option
from gateway.config import Config
from gateway.config_sinks import FileSection
from gateway.errors import JournalError, StateError
from gateway.intake import Intake
from gateway.journal import purging
from gateway.opening import journal_of, keys_of


@click.command()
@click.argument("person")
@click.option(
    "--backup", "backups", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Erase it there, too."
)
@click.option("--now", is_flag=True, help="Although not every sink has heard that it does not count any more.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@state_option
@config_option
def purge(person: str, backups: tuple[Path, ...], now: bool, yes: bool, state: Path | None, path: Path) -> None:  # noqa: FBT001 - click's flags
    """Erase everything of PERSON from this hub, in two steps, with the gateway stopped.

    The first time all of it is retracted: start the gateway, and every sink hears that it does not count any more. The second time it
    is erased: from the journal, the raw log, the files of file sinks, and the backups that are named. What remains is that it happened.
    """
    config = configured(path, state)
    journal = config.state / "journal.db"
    if not journal.exists():
        raise Failed(f"there is no journal in {config.state}; the gateway has not run there yet")
    try:
        with claimed(config.state):
            _purge(config, person, backups, now=now, yes=yes)
    except (OSError, tarfile.TarError, JournalError, StateError) as error:
        raise Failed(f"{getattr(error, 'filename', None) or journal}: {getattr(error, 'strerror', None) or error}; say it again") from error


def _purge(config: Config, person: str, backups: tuple[Path, ...], *, now: bool, yes: bool) -> None:
    with purging.opened(config.state / "journal.db", keys_of(config)) as connection:
        found = purging.find(connection, person)
        untold = {name: why for name in _others(config) if (why := purging.untold(connection, name, found)) is not None}
    if not found.numbers and not backups:
        raise Failed(f"there is nothing of {person} here")
    if found.standing and not now:
        count = asyncio.run(_retract(config, found.standing))
        click.echo(f"{count} things of {person} are retracted. Start the gateway, so that every sink hears it; then say this again.")
        return
    if untold and not now:
        told = "; ".join(f"{name}: {why}" for name, why in untold.items())
        raise Failed(f"not every sink has heard yet that these do not count any more ({told}); let the gateway run, or say --now")
    if not yes:
        click.confirm(f"Erase {len(found.ids)} things of {person} for good?", abort=True)
    _erase(config, person, backups)


def _others(config: Config) -> list[str]:
    """Sinks whose server has to be told; what is in a file we take out ourselves."""
    return [name for name, section in config.sink.items() if not isinstance(section, FileSection)]


def _files(config: Config) -> list[Path]:
    """With those that were put aside."""
    named = [section.path for section in config.sink.values() if isinstance(section, FileSection) and section.path is not None]
    written = [config.state / "things.ndjson", config.state / "things.csv", *named]
    aside = [other for path in written for other in sorted(path.parent.glob(f"{path.name}.*")) if other.suffix[1:].isdecimal()]
    return [*written, *aside]


async def _retract(config: Config, numbers: list[int]) -> int:
    journal = journal_of(config)
    try:
        with closing(Intake(config.state / "intake", keys=keys_of(config))) as intake:
            new = await inbox.retract(journal, numbers, inbox.keeper(intake, time.time))
        audit = Audit(journal, time.time)
        audit.note("retracted", count=len(new), why="purge")
        await audit.settle()
    finally:
        journal.close()
    return len(new)


def _erase(config: Config, person: str, backups: tuple[Path, ...]) -> None:
    erased = erasing.erase(config.state, person, _files(config), keys_of(config))
    asyncio.run(_note(config, person, erased))
    click.echo(f"erased: {erased.rows} rows of the journal, {erased.lines} lines of the raw log, {erased.file_lines} lines of files")
    for file in backups:
        there = erasing.erase_from_backup(file, person, keys_of(config))
        click.echo(f"{file}: {there.rows} rows, {there.lines} lines of the raw log, {there.file_lines} lines of files")
    click.echo("Backups that were made before and are not named here still hold it: name them with --backup, or delete them.")


async def _note(config: Config, person: str, erased: erasing.Erased) -> None:
    journal = journal_of(config)
    audit = Audit(journal, time.time)
    audit.note("purged", person=person, rows=erased.rows, lines=erased.lines)
    await audit.settle()
    journal.close()

"""`devices`: the shelf, and what to hand in for one that is not on it, or that nobody has tried."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.capture import latest
from gateway.cli.common import Failed, config_option, load_config, set_up_logging
from gateway.cli.pairing import Address

if TYPE_CHECKING:
    from drivers.kit.capture import Record
    from gateway.directory import Entry

HAND_IN = "attach both to an issue of this project, or to a pull request for the driver"


class _WithSearch(click.Group):
    """`devices report` is a command; any other word is searched for."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not any(word in self.commands for word in args):
            args = [*[word for word in args if word.startswith("-")], "search", *[word for word in args if not word.startswith("-")]]
            flags = [word for word in args if word == "--json"]
            args = [word for word in args if word != "--json"] + flags
        return super().parse_args(ctx, args)


@click.group(cls=_WithSearch, subcommand_metavar="[WORDS]... | report [OPTIONS]", invoke_without_command=False)
def devices() -> None:
    """Say which devices are read: `health-gateway devices beurer scale`.

    Every word must be in what is known of a device: its maker, model, driver, transport, name in the air, or what is read of it. A device
    that nobody has tried yet says so. `devices report` makes of a device of yours what helps others to use it.
    """


@devices.command("search", hidden=True)
@click.argument("words", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def search(words: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001 - click's flag
    """All whose entry has every word."""
    from gateway import registry  # noqa: PLC0415 - for this command
    from gateway.directory import entries  # noqa: PLC0415 - likewise

    found = [one for one in entries(registry.load()) if all(one.holds(word.casefold()) for word in words)]
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found]))
    else:
        for entry in found:
            click.echo(_told(entry))
        if not found:
            click.echo(f"no device has {' and '.join(words)}; what is known to be missing stands in docs/wanted.md", err=True)
    sys.exit(0 if found else 1)


def _told(entry: Entry) -> str:
    facts = entry.facts
    known = [
        ", ".join(facts.reads) or "nothing yet",
        "stored records" if facts.stored else "",
        f"clock {facts.clock}" if facts.clock != "none, or not read" else "",
        "users" if facts.users else "",
        f"tested by {', '.join(facts.tested)}" if facts.tested else "not tested",
    ]
    head = f"{entry.device}  [{entry.driver}; {entry.transport}; {', '.join(entry.names)}]"
    return f"{head}\n    {'; '.join(one for one in known if one)}"


@devices.command("report")
@click.option("--device", "address", required=True, type=Address(), help="Whose latest conversation.")
@click.option("--maker", prompt="Who makes it", help="Who makes the device.")
@click.option("--model", prompt="Its model, as it stands on it", help="Its model.")
@click.option("--agrees/--disagrees", default=None, help="Whether the readings are what its display showed.")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="The directory to write; it must not exist.")
@config_option
def report(address: str, maker: str, model: str, agrees: bool | None, out: Path, path: Path) -> None:  # noqa: FBT001 - click's flag
    """Contribute a capture of a device: its latest conversation, without whose it is, and what the laws say of it.

    Nothing is sent anywhere. Two files are written, to be looked at and handed in.
    """
    from drivers.kit.capture import line  # noqa: PLC0415 - for this command
    from gateway.redaction import redacted  # noqa: PLC0415 - likewise

    set_up_logging("critical", "console", for_good=False)
    config = load_config(path)
    if out.exists():
        raise Failed(f"{out} exists already; name another directory")
    records = latest(config, address)
    if not records:
        raise Failed(f"no conversation with {address} is in {config.state / 'intake'}: use the device while the gateway runs")
    date = datetime.now(UTC).date().isoformat()
    opening, *rest = redacted(records)
    opening = replace(opening, extra={**opening.extra, "source": f"report: {maker} {model}, {date}"})
    out.mkdir(parents=True)
    capture = out / "capture.ndjson"
    capture.touch(mode=0o600)
    capture.write_bytes(b"".join(map(line, (opening, *rest))))
    said = _report([opening, *rest], capture) | {"maker": maker, "model": model, "date": date, "agrees_with_its_display": agrees}
    (out / "report.json").write_text(json.dumps(said, indent=1) + "\n")
    click.echo(f"{capture}: {len(records)} records, with the readings and their times, without addresses, names and serial numbers")
    click.echo(f"{out / 'report.json'}: what the driver and the laws make of it")
    click.echo(f"look at them, then {HAND_IN}")


def _report(records: list[Record], capture: Path) -> dict[str, Any]:
    from gateway import __version__, registry  # noqa: PLC0415 - for this command
    from gateway.conformance import case_of, run  # noqa: PLC0415 - likewise

    everything = registry.load()
    name = str(records[0].extra.get("drv"))
    loaded = everything.by_name.get(name)
    if loaded is None:
        raise Failed(f"the driver {name!r}, which read it, is not here any more")
    case = case_of(loaded, [capture], [], everything, is_ours=True)
    done = case.replay(case.captures[0])
    laws = {one.law: list(one.problems) for one in run(case) if not one.holds and one.law != "recognized"}
    kinds = sorted({type(reading).__name__ for reading in done.readings})
    return {
        "driver": name,
        "gateway": __version__,
        "readings": len(done.readings),
        "kinds": kinds,
        "rejected": len(done.link.rejected),
        "ended": str(done.error) if done.error else None,
        "broken_laws": laws,
    }

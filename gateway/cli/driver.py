"""`driver`: a driver from its first line to the shelf, without a fork and without a radio."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.common import Failed, set_up_logging
from gateway.errors import DriverError, StateError

if TYPE_CHECKING:
    from gateway.conformance import Case, Verdict
    from gateway.journal import Row
    from gateway.loading import LoadedCable
    from gateway.matching import Loaded
    from gateway.registry import Registry

Captures = tuple[Path, ...]
_captures = click.option(
    "--capture",
    "captures",
    multiple=True,
    type=click.Path(exists=True, path_type=Path, dir_okay=False),
    help="A capture, beside those in the directory captures/ next to the driver.",
)
_state = click.option(
    "--state", type=click.Path(path_type=Path, file_okay=False), help="Where to keep everything; else a new directory under /tmp."
)


@click.group()
def driver() -> None:
    """Write a driver, and test it.

    A driver is code, and runs with all that the gateway may do: install nobody's whom you would not trust with that.
    """


@driver.command("new")
@click.argument("name")
@click.option("--maker", prompt="Who makes the device", help="Who makes the device.")
@click.option("--model", prompt="Its model", help="Its model, as people call it.")
@click.option(
    "--shape",
    type=click.Choice(["gatt", "profile", "cable"]),
    default="gatt",
    show_default=True,
    help="A Bluetooth device with frames of its own; one that keeps to a profile, but for a difference; a meter with a cable.",
)
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), help="The directory to write; NAME if left out.")
def new(name: str, maker: str, model: str, shape: str, into: Path | None) -> None:
    """Write a package with a driver NAME, such as acme-bp7, which passes all tests at once."""
    from gateway.newdriver import write  # noqa: PLC0415 - for this command

    place = into or Path(name)
    try:
        made = write(place, name=name, maker=maker, model=model, shape=shape)
    except (ValueError, OSError) as error:
        raise Failed(str(error)) from error
    for path in made:
        click.echo(path)
    file = next(path for path in made if path.suffix == ".py" and path.parent.name.endswith("_driver") and path.name != "__init__.py")
    click.echo(f"\nnow write your device over the example in {file}, and test it:\n  health-gateway driver test {file}")


def _found(target: str) -> tuple[Registry, Loaded | LoadedCable]:
    """A file, or the name of a driver that is loaded anyway."""
    from gateway import registry  # noqa: PLC0415 - each command imports what it needs

    if target.endswith(".py"):
        try:
            return registry.with_file(Path(target))
        except DriverError as error:
            raise Failed(str(error)) from error
    everything = registry.load()
    if target not in everything.by_name:
        why = "".join(f"\nleft out: {problem}" for problem in everything.problems)
        raise Failed(f"there is no driver {target!r}; `health-gateway drivers` lists them, and a file is named with its .py{why}")
    return everything, everything.by_name[target]


def _case(target: str, captures: Captures) -> Case:
    from gateway.conformance import case_beside  # noqa: PLC0415 - as above

    everything, loaded = _found(target)
    return case_beside(loaded, everything, captures)


@driver.command("test")
@click.argument("target")
@_captures
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="Write what came of it, to hand in.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def check(target: str, captures: Captures, report: Path | None, as_json: bool) -> None:  # noqa: FBT001 - click's flag
    """Hold a driver to every law: TARGET is its file, or its name. Exit status 1 if it breaks one.

    What is needed lies beside the file: catalog.json (what the device advertises) and captures/ (conversations with it, by which
    everything is tried; `health-gateway capture` records one).
    """
    from gateway.conformance import run  # noqa: PLC0415 - as above

    set_up_logging("critical", "console", for_good=False)
    case = _case(target, captures)
    verdicts: list[Verdict] = []
    for verdict in run(case):
        verdicts.append(verdict)
        if not as_json:
            _tell(verdict)
    said = _report(case, verdicts)
    if report is not None:
        report.write_text(json.dumps(said, indent=1) + "\n")
    broken = [one for one in verdicts if not one.holds]
    if as_json:
        click.echo(json.dumps(said))
    else:
        frames = sum(record.kind in ("rx", "rd") for capture in case.captures for record in capture)
        held = f"{len(verdicts) - len(broken)} of {len(verdicts)} laws hold"
        click.echo(f"{case.name}: {held}; captures: {len(case.captures)}, frames: {frames}")
    sys.exit(1 if broken else 0)


def _tell(verdict: Verdict) -> None:
    click.echo(f"{'ok' if verdict.holds else 'BROKEN':<7} {verdict.law:<13} {verdict.says}")
    for problem in verdict.problems:
        click.echo(f"        {problem}")


def _report(case: Case, verdicts: Iterable[Verdict]) -> dict[str, Any]:
    import hashlib  # noqa: PLC0415 - for the report

    import drivers  # noqa: PLC0415 - likewise
    from gateway import __version__  # noqa: PLC0415 - likewise

    return {
        "driver": case.name,
        "label": case.loaded.driver.label,
        "sha256": hashlib.sha256(Path(case.loaded.source).read_bytes()).hexdigest(),
        "gateway": __version__,
        "vocabulary": ".".join(map(str, drivers.VOCABULARY)),
        "date": datetime.now(UTC).date().isoformat(),
        "captures": [{"source": one[0].extra.get("source"), "records": len(one)} for one in case.captures],
        "laws": [{"law": one.law, "holds": one.holds, "problems": list(one.problems)} for one in verdicts],
    }


@driver.command("serve")
@click.argument("target")
@_captures
@click.option("--seconds", type=click.FloatRange(min=1), default=30, show_default=True, help="Give up after so long.")
@click.option(
    "--state", type=click.Path(path_type=Path, file_okay=False), help="Where to keep everything; else a new directory under /tmp."
)
def serve(target: str, captures: Captures, seconds: float, state: Path | None) -> None:
    """Make a virtual device of each capture, and have a gateway read it.

    TARGET is the driver's file, or its name. The device lives on a virtual radio or behind a virtual cable; the gateway is the real one,
    and what is printed are the health records that it has made safe. Exit status 1 if one of them did not arrive.
    """
    try:
        from gateway.simulator.played.serve import serve as play  # noqa: PLC0415 - the simulator is an extra
    except ModuleNotFoundError as error:
        raise Failed(f"this needs the simulator: install health-gateway[sim] ({error.name} is missing)") from error
    from gateway.sinks.lines import LineSink  # noqa: PLC0415 - as above

    case = _case(target, captures)
    if not case.captures:
        raise Failed(f"{case.name} has no capture: put one into captures/ beside its file, or name it with --capture")
    set_up_logging("error", "console")
    state = state or Path(tempfile.mkdtemp(prefix="health-gateway-serve-"))
    good = True
    for number, capture in enumerate(case.captures, 1):
        try:
            outcome = asyncio.run(play(case, capture, state / str(number), seconds=seconds, sinks={"screen": LineSink(_line)}))
        except StateError as error:
            raise Failed(str(error)) from error
        click.echo(f"capture {number}: {outcome.things} of {outcome.expected} records arrived", err=True)
        good = good and outcome.good
    sys.exit(0 if good else 1)


def _line(row: Row) -> str:
    from gateway.cli.demo import sentence  # noqa: PLC0415 - as above

    return sentence(json.loads(row.body))


@driver.command("try")
@click.argument("target")
@click.option("--device", "address", help="The device's address, if another driver would win it, or its advertisement leads to none.")
@click.option("--port", help="The socket of a device with a cable, such as /dev/ttyUSB0.")
@click.option("--bindkey", help="The key that the device wants, hexadecimal.")
@click.option("--seconds", type=click.FloatRange(min=1), default=120, show_default=True, help="Listen so long.")
@click.option(
    "--state", type=click.Path(path_type=Path, file_okay=False), help="Where to keep everything; else a new directory under /tmp."
)
def attempt(target: str, address: str | None, port: str | None, bindkey: str | None, seconds: float, state: Path | None) -> None:
    """Read a real device by a driver that is not installed.

    TARGET is the driver's file, or its name. No other device is touched, nothing is forwarded: what is read is printed, and kept in the
    state directory, from which `health-gateway capture --last` makes a capture.
    """
    from gateway.app import Gateway  # noqa: PLC0415 - the radio's libraries take their time
    from gateway.cli.real import real  # noqa: PLC0415 - likewise
    from gateway.clock import SystemClock  # noqa: PLC0415 - likewise
    from gateway.registry import together  # noqa: PLC0415 - likewise
    from gateway.signals import run_until_signalled  # noqa: PLC0415 - likewise
    from gateway.sinks.lines import LineSink  # noqa: PLC0415 - likewise

    _, loaded = _found(target)
    set_up_logging("info", "console")
    state = state or Path(tempfile.mkdtemp(prefix="health-gateway-try-"))
    file = state / "config.toml"
    state.mkdir(parents=True, exist_ok=True)
    file.write_text(_trying(state, loaded.driver.name, address, port, bindkey))
    from gateway.cli.common import load_config  # noqa: PLC0415 - likewise

    config = load_config(file)
    click.echo(f"{loaded.driver.label}: use the device now; configuration and state are {state}", err=True)
    clock = SystemClock("manual")

    async def main() -> None:
        own = real(config, clock)
        sinks = {"screen": LineSink(_line)}
        await run_until_signalled(
            Gateway(config, together([loaded], []), own.radio, clock, sinks=sinks, desk=own.desk, ports=own.ports), seconds=seconds
        )

    try:
        asyncio.run(main())
    except StateError as error:
        raise Failed(str(error)) from error
    click.echo(f"a capture of it: health-gateway capture -c {file} --last --device ADDRESS --out FILE", err=True)


def _trying(state: Path, name: str, address: str | None, port: str | None, bindkey: str | None) -> str:
    """A configuration in which nothing but this one device is read."""
    lines = ["[gateway]", f"state = {json.dumps(str(state))}", "[page]", 'listen = "off"', "[bluetooth]"]
    lines += ['accept = "listed"' if address or port else 'accept = "any"']
    if address or port:
        where = f"address = {json.dumps(address.upper())}" if address else f"port = {json.dumps(port)}"
        lines += ["[[device]]", where, f"driver = {json.dumps(name)}", *([f"bindkey = {json.dumps(bindkey)}"] if bindkey else [])]
    return "\n".join(lines) + "\n"

"""`demo`: the whole street with virtual devices."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.common import Failed, set_up_logging
from gateway.errors import StateError
from gateway.journal import Row

if TYPE_CHECKING:
    from gateway.app import Gateway

QUIET_SECONDS = 8.0
"""Then most devices have told what they had."""
_INVITING: list[asyncio.Task[None]] = []


@click.command()
@click.option("--seconds", type=click.FloatRange(min=1), default=20, show_default=True, help="Stop after so long.")
@click.option("--json", "as_json", is_flag=True, help="One thing per line on standard output, and nothing else there.")
@click.option(
    "--state", type=click.Path(path_type=Path, file_okay=False), help="Where to keep everything; else a new directory under /tmp."
)
@click.option("--page", is_flag=True, help="With the local page, and two people; until it is stopped.")
@click.option("--seed", type=int, help="Repeat the values of an earlier demo.")
def demo(seconds: float, as_json: bool, state: Path | None, page: bool, seed: int | None) -> None:  # noqa: FBT001 - click's flags
    """Show the whole way from radio to record, with virtual devices.

    One of each kind comes to life on a virtual radio (scales with and without users, cuffs, a glucose meter and a glucose sensor,
    oximeters, a thermometer, a belt, sports sensors, a treadmill, an activity monitor, a pump, a sensor of the generic kind, and scales
    that only advertise), and a real gateway reads them: what is printed are the health records it has made safe. At the end they are
    compared with the devices' own lists. With --state a second demo goes on where the first ended.
    """
    try:
        from gateway.simulator.play import House, at_home, play  # noqa: PLC0415 - the simulator is an extra
    except ModuleNotFoundError as error:
        raise Failed(f"the demo needs the simulator: install health-gateway[sim] ({error.name} is missing)") from error
    from gateway.sinks.base import Sink  # noqa: PLC0415 - after the sentence above
    from gateway.sinks.file import FileSink  # noqa: PLC0415 - likewise
    from gateway.sinks.lines import LineSink  # noqa: PLC0415 - likewise

    set_up_logging("warning" if as_json else "info", "console")
    state = state or Path(tempfile.mkdtemp(prefix="health-gateway-demo-"))
    seed = secrets.randbits(32) if seed is None else seed
    click.echo(f"state {state}, seed {seed}", err=True)

    def show(row: Row) -> str:
        return row.body if as_json else sentence(json.loads(row.body))

    house = House(state / "simulator", at_home(state)) if page else None
    sinks: dict[str, Sink] = {"screen": LineSink(show), "file": FileSink(state / "things.ndjson")}
    try:
        verdict = asyncio.run(
            play(state, seed=seed, seconds=None if page else seconds, sinks=sinks, house=house, watch=_invite if page else None)
        )
    except StateError as error:
        raise Failed(str(error)) from error
    click.echo(f"the devices' own lists: {verdict.truths} records; the journal: {verdict.things} things; {verdict}", err=True)
    sys.exit(0 if verdict.good else 1)


def _invite(gateway: Gateway, _world: object) -> None:
    """Say last, behind all that the start says, how to get in."""

    async def invite() -> None:
        await gateway.ready.wait()
        await asyncio.sleep(QUIET_SECONDS)
        if gateway.page is not None:
            told = gateway.page.told()
            code = f" and enter the code {told['code']}" if told["code"] else ""
            click.echo(f"\n  >>> {told['problem'] or 'open ' + told['url'] + code}; Ctrl-C ends it\n", err=True)

    _INVITING.append(asyncio.get_running_loop().create_task(invite()))


def sentence(thing: dict[str, Any]) -> str:
    data = thing["data"]
    said = {data.get("name", name) if name == "value" else name: value for name, value in (data | data.get("details", {})).items()}
    values = [
        f"{name.replace('_', ' ')} {value['display']['value']} {value['display']['unit']}"
        for name, value in said.items()
        if isinstance(value, dict) and "display" in value
    ]
    if "values" in data:
        values = [f"{data['name']}: {len(data['values'])} values"]
    words = [data[name] for name in ("meal", "activity", "text") if data.get(name)]
    words += [f"MDC {data['mdc']}"] if thing["type"] == "coded-observation" and data.get("mdc") else []
    words += [f"says MDC {term}" for term in data.get("terms", ())]
    version = f" (version {thing['version']})" if thing["version"] > 1 else ""
    return f"{thing['when']['time'][:19]}  {thing['type']:<24} {', '.join(words + values) or data.get('model', '')}{version}"

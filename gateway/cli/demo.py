"""`demo`: the whole street with virtual devices."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from gateway import registry
from gateway.cli.common import Failed, set_up_logging
from gateway.clock import SystemClock
from gateway.config import BluetoothSection, Config, DeviceSection, DiskSection, GatewaySection, TimeSection
from gateway.errors import StateError
from gateway.journal import Row


def demo_config(state: Path, *, forget: tuple[str, ...] = ()) -> Config:
    return Config(
        gateway=GatewaySection(state=state),
        time=TimeSection(trust="simulated"),
        disk=DiskSection(reserve_mb=1),
        bluetooth=BluetoothSection(accept="any", idle_seconds=1.5, reconnect_seconds=2),
        device=tuple(DeviceSection(address=address, forget=True) for address in forget),
    )


@click.command()
@click.option("--seconds", type=click.FloatRange(min=1), default=20, show_default=True, help="Stop after so long.")
@click.option("--json", "as_json", is_flag=True, help="One thing per line on standard output, and nothing else there.")
@click.option(
    "--state", type=click.Path(path_type=Path, file_okay=False), help="Where to keep everything. A new directory under /tmp if left out."
)
@click.option("--seed", type=int, help="Repeat the values of an earlier demo.")
@click.option("--crash", hidden=True, help="POINT:N, for the tests: be killed the Nth time a point is reached.")
@click.option("--forget", hidden=True, multiple=True, help="For the tests: permit deleting on this address.")
def demo(seconds: float, as_json: bool, state: Path | None, seed: int | None, crash: str | None, forget: tuple[str, ...]) -> None:  # noqa: FBT001 - click's flag
    """Show the whole way from radio to record, with virtual devices.

    A scale, a cuff that is paired by passkey, a glucose meter, an oximeter, a thermometer and a heart-rate belt come to
    life on a virtual radio, and a real gateway reads them: what is printed are the health records it has made safe. At the
    end they are compared with the devices' own lists. With --state a second demo goes on where the first ended.
    """
    try:
        from gateway.simulator.crash import arm  # noqa: PLC0415 - the simulator is an extra
        from gateway.simulator.memory import compare, truths  # noqa: PLC0415 - likewise
        from gateway.simulator.world import World  # noqa: PLC0415 - likewise
    except ModuleNotFoundError as error:
        raise Failed(f"the demo needs the simulator: install health-gateway[sim] ({error.name} is missing)") from error
    from gateway.app import Gateway, run_until_signalled  # noqa: PLC0415 - after the sentence above
    from gateway.sinks.file import FileSink  # noqa: PLC0415 - likewise
    from gateway.sinks.lines import LineSink  # noqa: PLC0415 - likewise

    set_up_logging("warning" if as_json else "info", "console")
    state = state or Path(tempfile.mkdtemp(prefix="health-gateway-demo-"))
    seed = secrets.randbits(32) if seed is None else seed
    click.echo(f"state {state}, seed {seed}", err=True)
    if crash:
        arm(crash)

    def show(row: Row) -> None:
        print(row.body if as_json else _sentence(json.loads(row.body)), flush=True)  # noqa: T201 - the demo's product

    async def main() -> bool:
        world = World(state / "simulator", seed=seed, now=lambda: datetime.now().astimezone())
        radio = await world.start()
        gateway = Gateway(
            demo_config(state, forget=forget),
            registry.load(),
            radio,
            SystemClock("simulated"),
            simulated=True,
            sinks={"screen": LineSink(show), "file": FileSink(state / "things.ndjson")},
        )
        living = asyncio.create_task(world.live())
        try:
            await run_until_signalled(gateway, seconds=seconds)
        finally:
            living.cancel()
            await world.stop()
        verdict = compare(truths(state / "simulator"), _things(state / "journal.db"))
        click.echo(f"the devices' own lists: {verdict.truths} records; the journal: {verdict.things} things; {verdict}", err=True)
        return verdict.good

    try:
        good = asyncio.run(main())
    except StateError as error:
        raise Failed(str(error)) from error
    sys.exit(0 if good else 1)


def _things(journal: Path) -> list[dict[str, Any]]:
    from gateway.journal.store import read_all  # noqa: PLC0415 - with the demo's other parts

    return [json.loads(row.body) for row in read_all(journal)]


def _sentence(thing: dict[str, Any]) -> str:
    values = [
        f"{name.replace('_', ' ')} {value['display']['value']} {value['display']['unit']}"
        for name, value in thing["data"].items()
        if isinstance(value, dict) and "display" in value
    ]
    meal = [thing["data"]["meal"]] if thing["data"].get("meal") else []
    version = f" (version {thing['version']})" if thing["version"] > 1 else ""
    return f"{thing['when']['time'][:19]}  {thing['type']:<24} {', '.join(values + meal) or thing['data'].get('model', '')}{version}"

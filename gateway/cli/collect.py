"""`collect`: the queue of any number of hubs into a database."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.common import Failed
from gateway.errors import ConfigError

if TYPE_CHECKING:
    from gateway.collect.arrived import Feed, Gate
    from gateway.collect.config import CollectConfig


@click.command()
@click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("/etc/health-gateway/collect.toml"),
    show_default=True,
    help="The configuration file; collect.example.toml shows all keys.",
)
@click.option(
    "--name", default=socket.gethostname, show_default="the host's", help="Of this worker: each has one, and keeps it over restarts."
)
@click.option("--seconds", type=click.FloatRange(min=0.1), help="Stop after so long.")
def collect(path: Path, name: str, seconds: float | None) -> None:
    """Read the queue into PostgreSQL: the highest version of each thing, confirmed once it is there for good.

    Any number of workers share the work, each with a --name of its own (docs/scale.md).
    """
    try:
        from gateway.collect import config  # noqa: PLC0415 - the models take their time
        from gateway.collect.worker import Worker  # noqa: PLC0415 - with the database's library
    except ImportError as error:
        raise Failed(f"{error.name} is not installed: pip install 'health-gateway[collect]'") from error
    try:
        settings = config.load(path)
    except ConfigError as error:
        raise Failed(str(error)) from error

    def say(text: str) -> None:
        click.echo(text, err=True)

    gate = _gate(settings)
    worker = Worker(_feed(settings, name, say), settings.database, gate, settings.together, say, random.Random())  # noqa: S311 - of pauses

    async def main() -> None:
        task = asyncio.create_task(worker.run())
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        with contextlib.suppress(TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(seconds):
                await task
        await worker.close()

    asyncio.run(main())
    say(f"{worker.stored} things stored")


def _feed(settings: CollectConfig, name: str, say: Callable[[str], None]) -> Callable[[], Feed]:
    from gateway.collect.config import MqttQueue  # noqa: PLC0415 - as above

    queue = settings.queue
    if isinstance(queue, MqttQueue):
        from gateway.collect.mqtt import MqttFeed  # noqa: PLC0415 - one library of the two

        return lambda: MqttFeed(queue, name, say)
    from gateway.collect.nats import NatsFeed  # noqa: PLC0415 - likewise

    return lambda: NatsFeed(queue, name, say)


def _gate(settings: CollectConfig) -> Gate:
    from gateway.collect.arrived import Gate, keys_in  # noqa: PLC0415 - as above

    if settings.verify is None:
        return Gate(None, required=False)
    try:
        keys = keys_in(sorted(settings.verify.keys.glob("*.pub")))
    except (OSError, ValueError) as error:
        raise Failed(str(error)) from error
    if not keys and settings.verify.required:
        raise Failed(f"{settings.verify.keys} holds no public key (*.pub), so that everything would be refused")
    return Gate(keys, required=settings.verify.required)

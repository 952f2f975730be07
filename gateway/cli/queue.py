"""`subscribe`: the other end of the queue."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from pathlib import Path

import click

from gateway.cli.common import Failed, config_option, load_config
from gateway.config import Config
from gateway.config_sinks import MqttSection


@click.command()
@click.argument("sink", required=False)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Keep what comes in this file, and send receipts.")
@click.option("--client-id", help="Our name at the broker; with --out it must stay the same.")
@click.option("--seconds", type=click.FloatRange(min=0.1), help="Stop after so long.")
@config_option
def subscribe(sink: str | None, out: Path | None, client_id: str | None, seconds: float | None, path: Path) -> None:
    """Print what arrives at the queue, one thing per line: the highest version of each.

    SINK is the name of an mqtt sink in the configuration, if there are several. Without --out this only looks: the broker keeps
    nothing for it, and no receipt is sent. With --out it is a consumer: each thing is on the medium before it is confirmed.
    """
    settings = _chosen(load_config(path), sink, path)
    from gateway.mqtt.consumer import Consumer, Store  # noqa: PLC0415 - the library takes its time

    def show(payload: bytes) -> None:
        sys.stdout.buffer.write(payload + b"\n")
        sys.stdout.buffer.flush()

    name = client_id or f"{settings.client_id or 'health-gateway'}-subscribe-{socket.gethostname()}"
    try:
        store = Store(out)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Failed(f"{out}: {getattr(error, 'strerror', None) or 'is no file of things; name another one'}") from error
    consumer = Consumer(settings, settings.topic, name, store, show, lambda text: click.echo(text, err=True))

    async def main() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await consumer.run()

    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(main())
    finally:
        store.close()


def _chosen(config: Config, name: str | None, path: Path) -> MqttSection:
    queues = {key: section for key, section in config.sink.items() if isinstance(section, MqttSection)}
    if name is not None and name not in queues:
        raise Failed(f"{path}: there is no mqtt sink {name!r}; there are: {', '.join(queues) or 'none'}")
    if name is None and len(queues) != 1:
        raise Failed(f"{path}: {'name one of the mqtt sinks: ' + ', '.join(queues) if queues else 'there is no mqtt sink'}")
    return queues[name] if name is not None else next(iter(queues.values()))

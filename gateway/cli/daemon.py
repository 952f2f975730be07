"""`run` and `check`."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from datetime import datetime
from pathlib import Path

import click

from gateway import registry
from gateway.cli.common import config_option, load_config, set_up_logging
from gateway.cli.trying import sink_problems
from gateway.clock import SystemClock
from gateway.config import Config
from gateway.config_sinks import FileSection
from gateway.credentials import located
from gateway.encryption import NO_KEYS, Keys
from gateway.errors import StateError
from gateway.known import free_enough
from gateway.opening import keys_of

GARBAGE = 10_000
"""So many objects more than before, and the collector looks for cycles; 700 is Python's own figure."""


@click.command()
@config_option
def run(path: Path) -> None:
    """Read health devices and forward what they say, until stopped.

    SIGTERM stops cleanly. SIGHUP takes over the sections bluetooth, device, person and disk of a changed configuration
    if it is valid, and keeps the old one otherwise.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until it means «reload»: an early one must not end us
    config = load_config(path)
    set_up_logging(config.log.level, config.log.format)
    if config.time.trust == "simulated":
        click.echo(f"{path}: time.trust: simulated is for the demo alone", err=True)
        sys.exit(2)
    from gateway.app import Gateway  # noqa: PLC0415 - the radio's libraries take their time
    from gateway.cli.real import real  # noqa: PLC0415 - likewise
    from gateway.signals import run_until_signalled  # noqa: PLC0415 - likewise
    from gateway.transports.timedate import tell, tell_once  # noqa: PLC0415 - likewise

    # What was imported stays for good: the collector need not walk it for every few hundred advertisements, nor look so often while
    # a thousand readings come in a row.
    gc.freeze()
    gc.set_threshold(GARBAGE)

    clock = SystemClock(config.time.trust)

    async def main() -> None:
        telling = None
        if clock.must_be_told:
            await tell_once(clock)
            telling = asyncio.create_task(tell(clock))
        own = real(config, clock)
        try:
            await run_until_signalled(Gateway(config, registry.load(), own.radio, clock, config_path=path, desk=own.desk, ports=own.ports))
        finally:
            if telling is not None:
                telling.cancel()

    asyncio.run(main())


@click.command()
@config_option
def check(path: Path) -> None:
    """Check a configuration file and the machine it is for.

    Every mistake is told with its line, and each server that things go to is tried. Exit status 2 if the file is wrong, 1 if the machine is
    not ready for it.
    """
    config = load_config(path)
    click.echo(f"{path}: ok" if path.exists() else f"{path} does not exist: all defaults")
    keys, problems = _keys(config)
    problems += [*_machine_problems(config), *sink_problems(config)]
    for problem in problems:
        click.echo(problem)
    devices = ", ".join(device.name or device.address or device.port or "" for device in config.device) or "none listed"
    click.echo(f"devices: {devices}; accept: {config.bluetooth.accept}")
    click.echo(f"sinks: {', '.join(config.sink) or 'file'}")
    click.echo(f"time zone: {_zone()}")
    click.echo(f"at rest: {_at_rest(config, keys)}")
    sys.exit(1 if problems else 0)


def _keys(config: Config) -> tuple[Keys, list[str]]:
    try:
        return keys_of(config), []
    except StateError as error:
        return NO_KEYS, [str(error)]


def _at_rest(config: Config, keys: Keys) -> str:
    if not keys.current.name:
        return "not encrypted"
    files = [name for name, section in config.sink.items() if isinstance(section, FileSection)] if config.sink else ["file"]
    said = f"encrypted with the key {keys.current.name}"
    if files:
        said += f"; but not what the sink {', '.join(files)} writes"
    if config.at_rest.key_file is not None and config.state in located(config.at_rest.key_file).absolute().parents:
        said += "; the key is in the state directory, and so in every backup: put it somewhere else"
    return said


def _zone() -> str:
    """What devices' clocks are read in that say none, which are most. A fresh image has UTC, and nobody notices for months."""
    now = datetime.now().astimezone()
    said = f"{now.tzname()} (UTC{now.isoformat()[-6:]} now)"
    if now.utcoffset() or now.tzname() != "UTC":
        return said
    return f"{said}, as a fresh image has it; readings are filed hours off if you live elsewhere: timedatectl set-timezone Europe/Berlin"


def _machine_problems(config: Config) -> list[str]:
    found = []
    loaded = registry.load()
    found += [f"driver: {problem}" for problem in loaded.problems]
    found += [
        f"device {device.address or device.port}: there is no driver {device.driver!r}; `health-gateway drivers` lists them"
        for device in config.device
        if device.driver is not None and device.driver not in loaded.by_name
    ]
    found += [
        f"device {device.address or device.port}: {device.driver!r} is a driver for {'cables' if device.address else 'Bluetooth'}"
        for device in config.device
        if device.driver is not None
        and device.driver in loaded.by_name
        and device.driver not in (loaded.radio_by_name if device.address else loaded.cable_by_name)
    ]
    existing = next((p for p in (config.state, *config.state.parents) if p.exists()), Path("/"))
    if not free_enough(existing, config.disk.reserve_mb):
        found.append(f"disk: less than the reserve is free at {existing}: no session would begin")
    if config.bluetooth.accept == "listed" and not config.device:
        found.append('device: none is listed, so nothing will be read; add [[device]] sections or set bluetooth.accept = "any"')
    if config.time.trust == "simulated":
        found.append("time.trust: simulated is for the demo alone")
    if not Path("/sys/class/bluetooth").exists() or not any(Path("/sys/class/bluetooth").iterdir()):
        found.append("bluetooth: this machine has no adapter that the kernel knows")
    return found

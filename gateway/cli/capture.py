"""`capture`: what a device says, as a file that `replay` reads and a driver's author can work with."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli import door
from gateway.cli.common import Failed, config_option, load_config
from gateway.cli.pairing import NOT_RUNNING, Address
from gateway.config import Config

if TYPE_CHECKING:
    from drivers.kit.capture import Record

POLL_SECONDS = 0.5


@click.command()
@click.option("--device", "address", required=True, type=Address(), help="Whose conversation.")
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The file to write; it must not exist.")
@click.option("--last", is_flag=True, help="The latest conversation that was recorded, instead of the next one.")
@click.option("--seconds", type=click.FloatRange(min=1), default=600, show_default=True, help="Wait so long for the next one.")
@click.option("--redact", is_flag=True, help="Without addresses, names, serial numbers, persons' data and keys; readings stay.")
@click.option(
    "--from", "snoop", type=click.Path(exists=True, path_type=Path, dir_okay=False), help="Convert a btsnoop file of Android's or btmon's."
)
@click.option("--driver", help="The driver that is to read what --from converts; the configuration's if left out.")
@click.option("--source", help="Where it comes from, and what the display showed: it stands in the capture's first line.")
@config_option
def capture(
    address: str,
    out: Path,
    last: bool,  # noqa: FBT001 - click's flag
    seconds: float,
    redact: bool,  # noqa: FBT001 - click's flag
    snoop: Path | None,
    driver: str | None,
    source: str | None,
    path: Path,
) -> None:
    """Record a device's conversation into a file.

    The gateway records every conversation anyhow; this waits for the next one with the device and copies it. Anybody who may read the
    state directory can do that.
    """
    from drivers.kit.capture import line  # noqa: PLC0415 - for this command
    from gateway.redaction import redacted  # noqa: PLC0415 - likewise

    config = load_config(path)
    if out.exists():
        raise Failed(f"{out} exists already; name another file")
    if snoop is not None:
        records = _converted(config, snoop, address, driver)
    elif last:
        records = latest(config, address)
        if not records:
            raise Failed(f"no conversation with {address} is in {config.state / 'intake'}")
    else:
        records = _next(config, address, seconds)
    told = source or (f"btsnoop: {snoop.name}" if snoop is not None else f"recorded on {datetime.now(UTC).date().isoformat()}")
    sourced = (replace(one, extra={**one.extra, "source": told}) if one.kind == "open" else one for one in records)
    text = b"".join(map(line, redacted(sourced) if redact else sourced))
    out.touch(mode=0o600)
    out.write_bytes(text)
    frames = sum(record.kind == "rx" for record in records)
    click.echo(
        f"{out}: {len(records)} records, {frames} of them notifications or advertisements; read it with: health-gateway replay {out}"
    )


def latest(config: Config, address: str) -> list[Record]:
    """The last conversation with this device; none where there was none. Raises `Failed`."""
    # From the newest segment backwards: a log of a year is not read for its last minute.
    starts = (start for start, _ in reversed(_segments(config)))
    return next((found for start in starts if (found := _latest(config, address, start))), [])


def _converted(config: Config, snoop: Path, address: str, driver: str | None) -> list[Record]:
    from gateway import registry  # noqa: PLC0415 - for this option
    from gateway.btsnoop import Conversion, SnoopError  # noqa: PLC0415 - likewise

    name = driver or next((device.driver for device in config.radio_devices if device.address == address), None)
    known = registry.load().by_name
    if name is None:
        raise Failed(f"name the --driver that is to read it, yours or one of {', '.join(sorted(known))}")
    if name not in known:
        click.echo(f"{name} is no driver of this hub: for one that you are writing, that is as it should be", err=True)
    conversion = Conversion(name, address)
    try:
        records = list(conversion.records(snoop.read_bytes()))
    except SnoopError as error:
        raise Failed(f"{snoop}: {error}") from error
    if not any(record.kind in ("rx", "rd") for record in records):
        if conversion.unknown.get(address):
            raise Failed(
                f"{snoop}: {address} says {conversion.unknown[address]} values, but not what they are: the phone knew its services before; "
                "remove the device on the phone, record again, and pair it"
            )
        others = ", ".join(sorted(conversion.addresses - {address})) or "nobody"
        raise Failed(f"{snoop}: nothing of {address} is in it; connected were {others}")
    return records


def _records(config: Config, start: int = 0) -> Iterator[Record]:
    from drivers.kit.capture import CaptureError  # noqa: PLC0415 - for this command
    from gateway.intake import read  # noqa: PLC0415 - likewise
    from gateway.opening import keys_of  # noqa: PLC0415 - likewise

    try:
        yield from (record for record in read(config.state / "intake", start, keys_of(config)) if not isinstance(record, CaptureError))
    except PermissionError as error:
        raise Failed(f"{error.filename}: permission denied; be root or the gateway's user") from error


def _latest(config: Config, address: str, start: int = 0) -> list[Record]:
    """The records of the last session with this device that begins behind `start`; with what came late."""
    sessions: dict[str, list[Record]] = {}
    for record in _records(config, start):
        if record.kind == "open":
            if record.extra.get("a") != address:
                continue
            sessions.setdefault(record.session.removesuffix("+"), [])
        if (session := sessions.get(record.session.removesuffix("+"))) is not None:
            session.append(record)
    return list(sessions.values())[-1] if sessions else []


def _segments(config: Config) -> list[tuple[int, Path]]:
    from gateway.intake import segments  # noqa: PLC0415 - for this command

    return segments(config.state / "intake")


def _end(config: Config) -> int:
    """Where the log ends by now."""
    listed = _segments(config)
    return listed[-1][0] + listed[-1][1].stat().st_size if listed else 0


def _next(config: Config, address: str, seconds: float) -> list[Record]:
    """The session with this device that begins from here on, when it is over."""
    start = _end(config)
    count = _sessions(config, address)
    click.echo(f"waiting for {address}: use the device now")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if _sessions(config, address) > count and (records := _latest(config, address, start)):
            return records
        time.sleep(POLL_SECONDS)
    raise Failed(f"no conversation with {address} within {seconds:.0f} s; `health-gateway status` says what hinders it")


def _sessions(config: Config, address: str) -> int:
    """How many are over."""
    try:
        _, status = door.ask(config.socket, "/status")
    except door.NotRunning as error:
        raise Failed(NOT_RUNNING) from error
    return sum(device["sessions"] for device in status["devices"] if device["address"] == address)

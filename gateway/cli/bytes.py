"""`decode`, `replay` and `schema`: what bytes mean, without a daemon."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from gateway.cli import phd, sightings
from gateway.cli.common import Failed
from profiles.describe import describe, plain
from profiles.gatt import BY_UUID, short_uuid
from profiles.wire import DecodeError


def answer_to(asked: dict[str, Any]) -> dict[str, Any]:
    """The answer to one question about an advertisement, an association or a characteristic, right or wrong."""
    if "advertisement" not in asked and "phd" not in asked:
        return decode_one(asked.get("uuid"), asked.get("bytes"))
    try:
        return phd.answer(asked) if "phd" in asked else sightings.answer(asked)
    except DecodeError as error:
        return _refused(error)
    except ValueError as error:
        return {"ok": False, "error": str(error)}


def _refused(error: DecodeError) -> dict[str, Any]:
    return {"ok": False, "error": str(error), "layout": error.layout, "field": error.field, "offset": error.offset}


def decode_one(uuid: object, text: object) -> dict[str, Any]:
    """The answer to one question about a characteristic, right or wrong."""
    try:
        if not isinstance(uuid, str) or not isinstance(text, str):
            raise ValueError('needs "uuid" and "bytes", both as text')  # noqa: TRY004 - told like the others
        number = short_uuid(uuid)
        if number not in BY_UUID:
            raise ValueError(f"no layout for {number:04X}")
        layout = BY_UUID[number]
        try:
            data = bytes.fromhex(text.replace("-", " ").replace(":", " "))
        except ValueError:
            raise ValueError("the bytes are not hexadecimal, such as 1e 7e 00") from None
        value = layout.decode(data)
    except DecodeError as error:
        return _refused(error)
    except ValueError as error:
        return {"ok": False, "error": str(error)}
    return {"ok": True, "layout": type(value).__name__, "fields": describe(value)}


@click.command()
@click.argument("uuid")
@click.argument("octets", metavar="HEX", nargs=-1)
def decode(uuid: str, octets: tuple[str, ...]) -> None:
    """Say what the bytes of a characteristic mean.

    UUID is the characteristic's 16-bit identifier, such as 2A35, and HEX its bytes: `decode 2A35 00 76 00 4c 00 ff 07`.
    With `-` in place of both, questions are read from standard input, one JSON object per line,
    {"uuid": "2A35", "bytes": "0076004c00ff07"}, and answered in order. So are advertisements:
    {"advertisement": {"service_data": {"181d": "223e30e607020e10293a"}, "name": "MISCALE"}, "mac": "…", "bindkey": "…"};
    address and key are for those that are encrypted. And so are associations of IEEE 11073-20601: {"phd": ["e200…", "e700…"]}, the
    device's APDUs of one association, in order, give what it observed.
    """
    if uuid == "-":
        for answer in _answers():
            click.echo(json.dumps(answer))
        return
    answer = decode_one(uuid, "".join(octets))
    if not answer["ok"]:
        raise Failed(answer["error"])
    click.echo(json.dumps({"layout": answer["layout"], "fields": answer["fields"]}, indent=2))


def _answers() -> Iterator[dict[str, Any]]:
    for line in sys.stdin.buffer:
        if not line.strip():
            continue
        try:
            asked = json.loads(line)
        except (ValueError, RecursionError):
            yield {"ok": False, "error": "no JSON object"}
            continue
        if not isinstance(asked, dict):
            yield {"ok": False, "error": "no JSON object"}
            continue
        yield answer_to(asked)


@click.command()
@click.argument("file", type=click.Path(exists=True, path_type=Path, dir_okay=False, allow_dash=True))
@click.option("--driver", help="Use this driver in place of the one that the capture names.")
@click.option("--frames", "as_frames", is_flag=True, help="FILE (- for the standard input) has frames for drivers, a JSON object a line.")
def replay(file: Path, driver: str | None, as_frames: bool) -> None:  # noqa: FBT001 - click's flag
    """Read a capture through its driver again.

    FILE is a segment of the intake log, or a capture in the same form. Prints what the driver makes of it, one reading
    per line. Damaged lines and frames that cannot be read are told on standard error; exit status 1 if there were any.

    With --frames: {"driver": "hoffen", "frames": [{"hex": "fa00002003010000"}]}, and a line is answered by {"ok": true, "readings": […],
    "rejected": […]}. A frame may say its "uuid" where its driver listens to several characteristics, and "via": "service_data" or
    "manufacturer_data". "bytes" stands for a single frame, or for one record of a device's memory; "ended" in the answer says why a
    conversation did not go on.
    """
    if as_frames:
        _replay_frames(file)
        return
    if str(file) == "-":
        raise click.UsageError("only --frames are read from the standard input")
    from drivers.kit.capture import parse_all  # noqa: PLC0415 - for this command
    from gateway import registry  # noqa: PLC0415 - likewise
    from gateway.replay import readings, sessions_of  # noqa: PLC0415 - likewise

    loaded = registry.load()
    if driver is not None and driver not in loaded.by_name:
        raise Failed(f"there is no driver {driver!r}; `health-gateway drivers` lists them")
    with file.open("rb") as lines:
        together, damage = sessions_of(parse_all(lines))
    troubles = [f"{file}: {error}" for error in damage]

    async def main() -> None:
        for session in together:
            opening = session[0]
            if opening.kind != "open" and driver is None:
                troubles.append(f"{file}: the session at byte {opening.position} has no beginning; name its --driver")
                continue
            name = driver or opening.extra.get("drv")
            if name not in loaded.by_name:
                troubles.append(f"{file}: there is no driver {name!r}")
                continue
            if driver is not None:
                opening.extra["drv"] = driver
            async for batch, rejected in readings(session, loaded):
                for item in batch.items:
                    click.echo(json.dumps({"kind": type(item).__name__, **_plain(item)}))
                troubles.extend(f"{file}: frame at byte {frame.position}: {error}" for frame, error in rejected)

    asyncio.run(main())
    for trouble in troubles:
        click.echo(trouble, err=True)
    sys.exit(1 if troubles else 0)


def _replay_frames(file: Path) -> None:
    from gateway import registry  # noqa: PLC0415 - for this command
    from gateway.frames import Unusable, answer  # noqa: PLC0415 - likewise

    loaded = registry.load()

    async def told(line: str) -> dict[str, Any]:
        try:
            asked = json.loads(line)
            if not isinstance(asked, dict):
                return {"ok": False, "error": "no JSON object"}
            said = await answer(loaded, asked)
        except (ValueError, RecursionError) as error:
            return {"ok": False, "error": str(error) if isinstance(error, Unusable) else "no JSON object"}
        return {
            "ok": True,
            "readings": [{"kind": type(item).__name__, **_plain(item)} for item in said.found],
            "rejected": [{"frame": frame.position, "error": str(error)} for frame, error in said.rejected],
            **({"ended": said.ended} if said.ended else {}),
        }

    with click.open_file(str(file), encoding="utf-8", errors="replace") as lines:
        for line in lines:
            click.echo(json.dumps(asyncio.run(told(line))))


def _plain(item: object) -> dict[str, Any]:
    assert is_dataclass(item)  # noqa: S101 - readings are
    return {field.name: _value(getattr(item, field.name)) for field in fields(item)}


def _value(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        shown = _plain(value)
        if "characteristic" in shown:
            shown["characteristic"] = f"{shown['characteristic']:04X}"
        return shown
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict):
        return value
    return plain(value)


@click.command()
@click.argument("thing_type", required=False)
def schema(thing_type: str | None) -> None:
    """Print the JSON Schema of the things, or of one THING_TYPE such as blood-pressure."""
    from pydantic import TypeAdapter  # noqa: PLC0415 - for this command

    from gateway.normalize.things import BY_NAME, SCHEMA, TYPES  # noqa: PLC0415 - likewise

    if thing_type is not None and thing_type not in BY_NAME:
        raise Failed(f"there is no thing-type {thing_type!r}; known are {', '.join(BY_NAME)}")
    model: Any = BY_NAME[thing_type] if thing_type else TYPES[0]
    if thing_type is None:
        for other in TYPES[1:]:
            model |= other
    made = TypeAdapter(model).json_schema(mode="serialization", by_alias=True)
    click.echo(
        json.dumps(
            {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "$id": f"urn:health-gateway:things:{SCHEMA}",
                "title": "Health thing",
                **made,
            },
            indent=2,
        )
    )

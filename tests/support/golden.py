"""`python -m tests.support.golden`: captures of the devices with a cable that have none, and which things each capture becomes.

The identities are for good: a change that gives other ones would say everything once more to every record. So an entry of the
table is only ever added; what this would change, it names and leaves alone.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import drivers.cable.pos_scale
from drivers.kit.capture import Record, line
from gateway import registry
from gateway.cli.common import set_up_logging
from gateway.filing import Filing
from gateway.intake import read as read_intake
from gateway.journal import Journal
from gateway.replay import sessions_of, work_off
from tests.support.cable_cases import CASES, OTHERS, Case
from tests.support.cables import house
from tests.support.replaying import CAPTURES, records

CABLES = CAPTURES / "cables"
TABLE = CAPTURES / "identities.json"
REGISTRY = registry.load()


def every() -> list[Path]:
    return sorted(CAPTURES.rglob("*.ndjson"))


def name(path: Path) -> str:
    return str(path.relative_to(CAPTURES).with_suffix(""))


async def things(given: list[Record]) -> list[str]:
    """`type id` of each, as a gateway that has never heard of the device files them."""
    with tempfile.TemporaryDirectory() as place:
        journal = Journal(Path(place) / "journal.db")
        try:
            outcome = await work_off(given, REGISTRY, Filing(journal, ZoneInfo("Europe/Berlin")))
            assert not outcome.failed, outcome.failed
            return sorted(f"{row.type} {row.id}" for row in journal.everything())
        finally:
            journal.close()


async def captured(case: Case, place: Path) -> list[Record]:
    """The session of the intake log that its driver held with the virtual device."""
    settings = case.settings
    if case.port and case.plugged.nodes[0][0] == "tty":
        settings = {"device": [{"port": case.port, "driver": case.driver}]}
    async with house(place, **settings) as home:
        assert home.gateway.cabling is not None
        home.gateway.cabling.on_unplugged(case.plugged.location)
        await home.plug(case.make(), case.plugged)
    sessions, damage = sessions_of(read_intake(place / "state" / "intake"))
    assert damage == []
    found = [session for session in sessions if session[0].extra["drv"] == case.driver and len(session) > 1]
    opening, *rest = found[-1]
    opening.extra["source"] = "a virtual device of gateway/simulator, whose octets are those of the driver's sources"
    return [replace(one, session="1") for one in (opening, *rest)]


async def main() -> int:
    set_up_logging("error", "console")
    drivers.cable.pos_scale.PATIENCE_SECONDS = 0.1
    CABLES.mkdir(exist_ok=True)
    for case in (*CASES, *OTHERS):
        path = CABLES / f"{case.driver}.ndjson"
        if not path.exists():
            with tempfile.TemporaryDirectory() as place:
                path.write_bytes(b"".join(line(record) for record in await captured(case, Path(place))))
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    changed = 0
    for path in every():
        found = await things(records(path))
        if table.setdefault(name(path), found) != found:
            changed += 1
            print(f"{name(path)}: other things than before", file=sys.stderr)
    TABLE.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

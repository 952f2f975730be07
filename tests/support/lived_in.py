"""A state directory in which a household has lived for a while."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

from gateway import inbox
from gateway.encryption import NO_KEYS, Key, Keys
from gateway.filing import Filing
from gateway.intake import Intake
from gateway.intake import read as read_intake
from gateway.journal import Fate, Journal
from gateway.journal.reading import read_latest
from gateway.provenance import signer_of
from gateway.registry import load
from gateway.rekeying import bring_under
from gateway.replay import work_off
from gateway.simulator.play import play
from gateway.sinks.file import FileSink

REGISTRY = load()
MASTER = bytes(range(32))
KEYS = Keys(Key(MASTER))


def live(state: Path) -> None:
    """Anna's, Ben's and nobody's things, of devices that are one person's and of such that are shared; signed."""
    asyncio.run(play(state, seed=11, seconds=4, sinks={"file": FileSink(state / "things.ndjson")}, stored_only=True))
    shutil.rmtree(state / "simulator")  # what the virtual devices themselves know
    (state / "journal.db").unlink()
    for left in state.glob("journal.db-*"):
        left.unlink()

    async def again() -> None:
        journal, intake = Journal(state / "journal.db", signer_of(state)), Intake(state / "intake")
        await work_off(read_intake(state / "intake"), REGISTRY, Filing(journal, None))
        entries = inbox.entries(read_latest(state / "journal.db"))
        keep = inbox.keeper(intake, lambda: 1.0)
        # Cuff, scale and meter are everybody's, by turns; any other device is one person's.
        addresses, times = sorted({entry.address for entry in entries}), sorted({(entry.address, entry.time) for entry in entries})
        for entry in entries:
            is_shared = entry.things[0]["type"] in ("blood-pressure", "weight", "blood-glucose") and "trend" not in str(entry.things)
            number = times.index((entry.address, entry.time)) if is_shared else addresses.index(entry.address)
            if number % 3 < 2:
                await inbox.assign(journal, [entry.number], "anna" if number % 3 else "ben", keep)
        # One that was Anna's for a while; and one word about things of both.
        await inbox.assign(journal, [entries[0].number], "anna", keep)
        await inbox.assign(journal, [entries[0].number], "ben", keep)
        await keep({"ids": [entries[0].things[0]["id"], entries[1].things[0]["id"]], "by_hand": True})
        await journal.set_meta("worked_off", str(intake.position))
        await journal.advance("queue", Fate(journal.head()))
        intake.close()
        journal.close()

    asyncio.run(again())
    rows = [json.loads(row.body) for row in read_latest(state / "journal.db")]
    (state / "things.ndjson").write_text("".join(json.dumps(thing) + "\n" for thing in rows))


def configure(state: Path, *, encrypted: bool) -> None:
    """For its place; what is stored is brought under a key or under none."""
    text = f'[gateway]\nstate = "{state}"\nsign = true\n[sink.queue]\ntype = "mqtt"\nhost = "x"\n'
    if encrypted:
        (state / "key").write_text(MASTER.hex())
        (state / "key").chmod(0o600)
        text += f'[at_rest]\nkey_file = "{state}/key"\n'
    (state / "config.toml").write_text(text)
    bring_under(state, keys_in(state))


def keys_in(state: Path) -> Keys:
    return KEYS if (state / "key").exists() else NO_KEYS

"""Erasing a person: nothing of theirs is left anywhere on the hub, nothing of anybody else's is gone, and it stays so."""

from __future__ import annotations

import asyncio
import json
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from drivers.kit.capture import CaptureError, Record
from gateway.catching_up import catch_up
from gateway.claiming import claimed
from gateway.cli import root
from gateway.config import DeviceSection
from gateway.filing import Filing
from gateway.intake import Intake, segments
from gateway.intake import read as read_intake
from gateway.journal import Fate, Journal, backup, repair
from gateway.journal.reading import read_all, read_latest
from gateway.journal.schema import connect_reader
from gateway.provenance import signer_of
from gateway.purge import erase
from gateway.replay import work_off
from tests.gateway.test_filing import FRAME, A, facts, glucose, put
from tests.support.lived_in import REGISTRY, configure, keys_in


@pytest.fixture(params=["plain", "encrypted"])
def state(request: pytest.FixtureRequest, lived_in: Path, tmp_path: Path) -> Path:
    made = Path(shutil.copytree(lived_in, tmp_path / "state"))
    configure(made, encrypted=request.param == "encrypted")
    return made


def run(state: Path, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(root, [*arguments, "-c", str(state / "config.toml")])
    return done.exit_code, done.output


def things(state: Path) -> dict[str, dict[str, Any]]:
    return {row.id: json.loads(row.body) for row in read_latest(state / "journal.db", keys_in(state))}


def told(state: Path) -> None:
    """The queue's other end has heard everything."""

    async def advance() -> None:
        journal = Journal(state / "journal.db", keys=keys_in(state))
        await journal.advance("queue", Fate(journal.head()))
        journal.close()

    asyncio.run(advance())


def purged(state: Path, *more: str) -> str:
    code, said = run(state, "purge", "anna", *more)
    assert code == 0, said
    assert "are retracted. Start the gateway" in said
    told(state)
    code, said = run(state, "purge", "anna", "--yes", *more)
    assert code == 0, said
    return said


def frames(state: Path, whose: set[str]) -> set[bytes]:
    """What the things with these ids were made of, and no other thing."""
    positions: dict[int, set[str]] = {}
    with closing(connect_reader(state / "journal.db", keys_in(state))) as connection:
        for thing_id, position in connection.execute("SELECT id, position FROM things WHERE type<>'device'"):
            positions.setdefault(position, set()).add(connection.key.unmask_text(thing_id))
    records = (
        record
        for record in read_intake(state / "intake", keys=keys_in(state))
        if isinstance(record, Record) and record.kind in ("rx", "rd")
    )
    by_data: dict[bytes, set[str]] = {}
    for record in records:
        if record.kind in ("rx", "rd") and len(record.data) > 4:
            by_data.setdefault(record.data, set()).update(positions.get(record.position, ()))
    return {data for data, ids in by_data.items() if ids and ids <= whose}


def everything(state: Path) -> bytes:
    """Every octet of the state directory, as a thief would read it who has the key, if there is one."""
    read = [record.data.hex().encode() for record in read_intake(state / "intake", keys=keys_in(state)) if isinstance(record, Record)]
    read += [row.body.encode() for row in read_all(state / "journal.db", keys_in(state))]
    return b"\n".join([path.read_bytes() for path in sorted(state.rglob("*")) if path.is_file()] + read)


def test_nothing_of_hers_is_left_and_nothing_of_anybody_else_s_is_gone(state: Path) -> None:
    before = things(state)
    hers = {one for one, thing in before.items() if thing.get("person") == "anna"}
    raw = frames(state, hers)
    assert len(hers) > 5
    assert len(raw) > 3
    values = [json.dumps(before[one]["data"], separators=(",", ":"))[1:-1].encode() for one in hers]
    was = everything(state)
    assert all(data.hex().encode() in was for data in raw)
    purged(state)
    now = everything(state)
    assert [data.hex() for data in raw if data.hex().encode() in now] == []
    others = [json.dumps(thing["data"], separators=(",", ":"))[1:-1].encode() for one, thing in before.items() if one not in hers]
    assert [value for value in values if value in now and value not in others] == []
    assert {one: thing for one, thing in before.items() if one not in hers} == things(state)
    words = [
        record for record in read_intake(state / "intake", keys=keys_in(state)) if isinstance(record, Record) and record.kind == "said"
    ]
    assert [record.position for record in words if not record.extra.get("purged") and hers & set(record.extra["ids"])] == []
    assert any(not record.extra.get("purged") for record in words), "what was said of others stays"
    lines = [json.loads(line) for line in (state / "things.ndjson").read_text().splitlines()]
    assert {thing["id"] for thing in lines} == set(before) - hers
    said = run(state, "audit", "show", "--json")[1]
    [entry] = [one for one in map(json.loads, said.splitlines()) if one["what"] == "purged"]
    assert entry["person"] == "anna"
    assert run(state, "audit", "verify")[0] == 0


def test_it_stays_so_when_a_device_tells_it_again_and_when_the_journal_is_lost(state: Path) -> None:
    before, intake = things(state), state / "intake"
    kept_raw = {path.name: path.read_bytes() for path in intake.iterdir()}
    purged(state)
    left = set(things(state))

    async def started() -> None:
        findings = repair.check(state / "journal.db")
        journal, log = Journal(state / "journal.db", signer_of(state), keys_in(state)), Intake(intake, keys=keys_in(state))
        await catch_up(REGISTRY, journal, Filing(journal, None), log, replay_all=findings.replay_all)
        log.close()
        journal.close()

    async def told_again() -> None:
        (state / "again").mkdir()
        for name, octets in kept_raw.items():
            (state / "again" / name).write_bytes(octets)
        journal = Journal(state / "journal.db", signer_of(state), keys_in(state))
        await work_off(read_intake(state / "again", keys=keys_in(state)), REGISTRY, Filing(journal, None))
        journal.close()
        shutil.rmtree(state / "again")

    asyncio.run(told_again())
    assert set(things(state)) == left
    for path in state.glob("journal.db*"):
        path.unlink()
    asyncio.run(started())
    again = {one: thing for one, thing in things(state).items() if thing["type"] != "device"}
    left = {one for one in left if before[one]["type"] != "device"}  # of a device that is hers alone nothing is known any more
    assert set(again) == left
    assert {one: (thing.get("person"), thing.get("by_hand")) for one, thing in again.items()} == {
        one: (before[one].get("person"), before[one].get("by_hand")) for one in left
    }, "what was said of other people's things holds"
    asyncio.run(told_again())
    assert {one for one, thing in things(state).items() if thing["type"] != "device"} == left


def test_signatures_still_verify_and_the_purge_shows(state: Path, tmp_path: Path) -> None:
    count = len(things(state))
    assert run(state, "verify")[0] == 0
    purged(state)
    code, said = run(state, "verify")
    assert code == 0
    assert "purged by their owner's word" in said
    exported = tmp_path / "signed.ndjson"
    exported.write_text(run(state, "export", "--format", "signed")[1])
    code, said = run(state, "verify", str(exported))
    assert code == 0, said
    assert count > len(things(state))
    lines = exported.read_text().splitlines(keepends=True)
    place = next(index for index, text in enumerate(lines) if '"payload"' in text and '"signature"' in text and index > 2)
    exported.write_text("".join(lines[:place] + lines[place + 1 :]))
    assert run(state, "verify", str(exported))[0] == 1, "what is taken out without a word is still found"


def test_positions_and_everybody_else_s_frames_stay(state: Path) -> None:
    sizes = {path.name: path.stat().st_size for _, path in segments(state / "intake")}
    hers = {one for one, thing in things(state).items() if thing.get("person") == "anna"}
    before = {record.position: record for record in read_intake(state / "intake", keys=keys_in(state)) if isinstance(record, Record)}
    others = frames(state, set(things(state)) - hers)
    purged(state)
    after = list(read_intake(state / "intake", keys=keys_in(state)))
    assert not any(isinstance(record, CaptureError) for record in after)
    kept = {record.position: record for record in after if isinstance(record, Record)}
    for name, size in sizes.items():
        assert (state / "intake" / name).stat().st_size >= size
    assert all(record == before[position] for position, record in kept.items() if position in before and record.kind != "said")
    data = {record.data for record in kept.values()}
    assert others <= data
    assert 0 < sum(position not in kept for position in before) < len(before)


def test_a_backup_loses_it_too(state: Path, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar.gz"
    backup.backup(state, file)
    hers = {one for one, thing in things(state).items() if thing.get("person") == "anna"}
    raw = frames(state, hers)
    purged(state, "--backup", str(file))
    target = tmp_path / "restored"
    backup.restore(file, target)
    assert not hers & set(things(target))
    assert set(things(target)) == set(things(state))
    now = everything(target)
    assert [data.hex() for data in raw if data.hex().encode() in now] == []


def test_sinks_that_have_not_heard_are_named(state: Path) -> None:
    run(state, "purge", "anna")
    code, said = run(state, "purge", "anna", "--yes")
    assert code == 1
    assert "not every sink has heard yet that these do not count any more (queue: it has come to" in said

    async def refused() -> None:
        journal = Journal(state / "journal.db", keys=keys_in(state))
        await journal.advance("queue", Fate(journal.head(), deferred={journal.head(): "refused"}))
        journal.close()

    asyncio.run(refused())
    assert "(queue: 1 of them wait there)" in run(state, "purge", "anna", "--yes")[1]
    assert run(state, "purge", "anna", "--yes", "--now")[0] == 0
    assert not any(thing.get("person") == "anna" for thing in things(state).values())


def test_nothing_is_done_by_mistake(state: Path) -> None:
    before = things(state), list(read_intake(state / "intake", keys=keys_in(state)))
    assert "there is nothing of carl here" in run(state, "purge", "carl")[1]
    with claimed(state):
        assert "is in use by another health-gateway; stop that one first" in run(state, "purge", "anna")[1]
    assert (things(state), list(read_intake(state / "intake", keys=keys_in(state)))) == before
    run(state, "purge", "anna")
    told(state)
    done = CliRunner().invoke(root, ["purge", "anna", "-c", str(state / "config.toml")], input="n\n")
    assert "for good?" in done.output
    assert any(thing.get("person") == "anna" for thing in things(state).values())


async def test_of_a_shared_device_a_session_that_is_hers_alone_is_empty(tmp_path: Path) -> None:
    """A frame that stands beside her reading and is part of none, such as a meal's, goes with it; in Ben's session it stays."""
    journal, intake = Journal(tmp_path / "journal.db"), Intake(tmp_path / "intake")
    for session, person in (("hers", "anna"), ("his", "ben")):
        intake.append(Record(kind="open", session=session, extra={"a": A, "drv": "glucose"}))
        position = intake.append(Record(kind="rx", session=session, characteristic=0x2A18, data=session.encode() * 4))
        intake.append(Record(kind="rx", session=session, characteristic=0x2A34, data=b"meal of " + session.encode()))
        intake.append(Record(kind="rd", session=session, characteristic=0x2A23, data=b"who the device is"))
        reading = replace(glucose(len(session), "101"), frame=replace(FRAME, position=position))
        await put(journal, reading, on=facts(session=session, settings=DeviceSection(address=A, person=person)))
    intake.close()
    journal.close()
    erase(tmp_path, "anna", [])
    left = [record for record in read_intake(tmp_path / "intake") if isinstance(record, Record)]
    assert [record.data for record in left if record.kind == "rx"] == [b"his" * 4, b"meal of his"]
    assert [record.session for record in left if record.kind == "rd"] == ["hers", "his"]

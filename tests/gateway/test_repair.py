"""Damage: whatever happens to the journal's files, the daemon starts, what is undamaged is there, and the rest is rebuilt or named."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.kit.capture import Record
from gateway import registry
from gateway.errors import StateError
from gateway.filing import Filing
from gateway.intake import Intake
from gateway.intake import read as read_intake
from gateway.journal import Commit, Fate, Journal, repair
from gateway.journal.schema import seal
from gateway.replay import Outcome, work_off
from gateway.simulator.play import play
from gateway.sinks.file import FileSink
from tests.support.things import candidate

REGISTRY = registry.load()


def things(path: Path) -> dict[tuple[str, int], str]:
    journal = Journal(path)
    found = {(row.id, row.version): row.body for row in journal.everything()}
    journal.close()
    return found


async def recover(state: Path) -> tuple[repair.Findings, Outcome, list[int]]:
    """What the daemon does at its start."""
    findings = repair.check(state / "journal.db")
    journal = Journal(state / "journal.db")
    log = Intake(state / "intake")
    start = 0 if findings.replay_all else int(journal.meta("worked_off", "0"))
    outcome = await work_off(read_intake(state / "intake", start), REGISTRY, Filing(journal, None))
    gaps = await journal.name_gaps("damaged")
    log.close()
    journal.close()
    return findings, outcome, gaps


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory that real sessions over the virtual radio have filled; its WAL has not been worked in."""
    import asyncio  # noqa: PLC0415 - a fixture for the module cannot be a coroutine here

    state = tmp_path_factory.mktemp("lived-in")
    verdict = asyncio.run(play(state, seed=3, seconds=4.5, sinks={"file": FileSink(state / "things.ndjson")}, stored_only=True))
    assert verdict.truths > 30
    return state


def copy(source: Path, target: Path, *, wal: bool) -> Path:
    """The state as a kill would leave it: with `wal`, everything still in the WAL."""
    state = target / "state"
    shutil.copytree(source, state)
    if wal:
        found = things(state / "journal.db")
        (state / "journal.db").unlink()
        journal = Journal(state / "journal.db")
        journal._connection.execute("PRAGMA wal_autocheckpoint=0")
        original = Journal(source / "journal.db")
        rows = original._connection.execute("SELECT * FROM things ORDER BY n").fetchall()
        others = {t: original._connection.execute(f"SELECT * FROM {t}").fetchall() for t in ("devices", "episodes", "meta")}
        original.close()
        for row in rows:
            journal._connection.execute("INSERT INTO things VALUES(?,?,?,?,?,?,?,?,?)", row)
        for table, content in others.items():
            for row in content:
                journal._connection.execute(f"INSERT OR REPLACE INTO {table} VALUES({','.join('?' * len(row))})", row)
        # As after a kill: copy the files while the connection is open, so that nothing is checkpointed.
        for suffix in ("", "-wal"):
            shutil.copy(state / f"journal.db{suffix}", target / f"kept{suffix}")
        journal.close()
        for suffix in ("", "-wal"):
            shutil.move(target / f"kept{suffix}", state / f"journal.db{suffix}")
        assert (state / "journal.db-wal").stat().st_size > 10_000
        (state / "journal.db-shm").unlink(missing_ok=True)
        shutil.copytree(state, target / "again")
        assert things(target / "again" / "journal.db") == found
    return state


def same(found: dict[tuple[str, int], str], expected: dict[tuple[str, int], str]) -> None:
    """Every thing is there, once, saying the same; numbers and provenance of a rebuilt one may differ by nothing that counts."""
    assert set(found) == set(expected)
    for key, body in expected.items():
        ours, theirs = json.loads(found[key]), json.loads(body)
        assert ours["data"] == theirs["data"]
        assert ours["when"] == theirs["when"]


SEED = random.SystemRandom().getrandbits(32)


@pytest.mark.parametrize("round_", range(8))
@pytest.mark.parametrize("wal", [False, True], ids=["journal", "wal"])
async def test_flipped_bits(lived_in: Path, tmp_path: Path, round_: int, *, wal: bool) -> None:
    """One to twenty flipped bits anywhere in the journal's file or its WAL."""
    expected = things(lived_in / "journal.db")
    state = copy(lived_in, tmp_path, wal=wal)
    randomness = random.Random(SEED + round_)
    path = state / ("journal.db-wal" if wal else "journal.db")
    data = bytearray(path.read_bytes())
    for _ in range(randomness.randint(1, 20)):
        data[randomness.randrange(len(data))] ^= 1 << randomness.randrange(8)
    path.write_bytes(data)
    await recover(state)
    same(things(state / "journal.db"), expected)


@pytest.mark.parametrize("round_", range(4))
@pytest.mark.parametrize("wal", [False, True], ids=["journal", "wal"])
async def test_cut_tails(lived_in: Path, tmp_path: Path, round_: int, *, wal: bool) -> None:
    """The file ends early, perhaps at once."""
    expected = things(lived_in / "journal.db")
    state = copy(lived_in, tmp_path, wal=wal)
    path = state / ("journal.db-wal" if wal else "journal.db")
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(0 if round_ == 0 else random.Random(SEED + round_).randrange(size))
    await recover(state)
    same(things(state / "journal.db"), expected)


@pytest.mark.parametrize("garbage", [b"", b"not a database", b"\x00" * 8192, b"SQLite format 3\x00" + b"\xff" * 4096])
async def test_a_file_that_is_no_database(lived_in: Path, tmp_path: Path, garbage: bytes) -> None:
    expected = things(lived_in / "journal.db")
    state = copy(lived_in, tmp_path, wal=False)
    (state / "journal.db").write_bytes(garbage)
    findings, _, _ = await recover(state)
    same(things(state / "journal.db"), expected)
    if garbage not in (b"", b"\x00" * 8192):
        assert findings.set_aside is not None
        assert (findings.set_aside / "journal.db").read_bytes() == garbage, "what was set aside is as it was found"


async def test_a_damaged_schema(lived_in: Path, tmp_path: Path) -> None:
    """The name of a column is no text any more: nothing of the file can be asked for, and everything is rebuilt."""
    expected = things(lived_in / "journal.db")
    state = copy(lived_in, tmp_path, wal=False)
    path = state / "journal.db"
    data = path.read_bytes()
    where = data.index(b"CREATE TABLE episodes(")
    where = data.index(b"device TEXT", where)
    path.write_bytes(data[:where] + b"dev\xf4ce TEXT" + data[where + 11 :])
    findings, _, _ = await recover(state)
    assert findings.set_aside is not None
    same(things(path), expected)


async def test_a_journal_that_is_gone_is_rebuilt(lived_in: Path, tmp_path: Path) -> None:
    expected = things(lived_in / "journal.db")
    state = copy(lived_in, tmp_path, wal=False)
    for path in state.glob("journal.db*"):
        path.unlink()
    await recover(state)
    same(things(state / "journal.db"), expected)


async def test_what_is_damaged_in_both_is_named(lived_in: Path, tmp_path: Path) -> None:
    """A row and the line it came from: the rest is there, the loss is told from both sides."""
    state = copy(lived_in, tmp_path, wal=False)
    journal = Journal(state / "journal.db")
    row = next(r for r in journal.everything() if r.type == "weight")
    position = json.loads(row.body)["provenance"]["intake_position"]
    journal._connection.execute("UPDATE things SET body=body||'x' WHERE n=?", (row.n,))
    journal.close()
    log = next((state / "intake").glob("*.log"))
    data = bytearray(log.read_bytes())
    data[position + 30] ^= 0xFF
    log.write_bytes(data)
    expected = {key: body for key, body in things(lived_in / "journal.db").items() if key[0] != row.id}
    findings, outcome, gaps = await recover(state)
    assert findings.damaged_rows == [row.n]
    assert position in outcome.damaged
    assert gaps == [row.n]
    same(things(state / "journal.db"), expected)


async def test_a_damaged_row_comes_back_from_intake(lived_in: Path, tmp_path: Path) -> None:
    expected = things(lived_in / "journal.db")
    state = copy(lived_in, tmp_path, wal=False)
    journal = Journal(state / "journal.db")
    journal._connection.execute("UPDATE things SET body=replace(body, 'a', 'b') WHERE n IN (3, 7, 11)")
    journal.close()
    findings, outcome, gaps = await recover(state)
    assert findings.damaged_rows == [3, 7, 11]
    assert outcome.things == 3
    assert gaps == [3, 7, 11]
    same(things(state / "journal.db"), expected)
    assert "3 damaged rows" in findings.sentences()[0]


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("devices", "identity=replace(identity, 'C', 'B')"),
        ("devices", "mark='{'"),
        ("episodes", "token=token||'x'"),
        ("sinks", "cursor=cursor+100"),
        ("meta", "value=value||'0'"),
    ],
)
async def test_damaged_notes_do_not_mislead(lived_in: Path, tmp_path: Path, table: str, change: str) -> None:
    """Who a device is, how far a sink was: wrong ones are taken out and made anew, and no thing gets a second id."""
    expected = things(lived_in / "journal.db")
    state = copy(lived_in, tmp_path, wal=False)
    journal = Journal(state / "journal.db")
    journal._connection.execute(f"UPDATE {table} SET {change}")
    journal.close()
    findings, _, _ = await recover(state)
    assert findings.damaged_notes[table] >= 1
    assert table in findings.sentences()[0]
    same(things(state / "journal.db"), expected)


@pytest.mark.parametrize("table", ["deferred", "held"])
async def test_a_forgotten_wait_makes_sinks_begin_anew(tmp_path: Path, table: str) -> None:
    """The cursor has passed what waits: if the note of it is damaged, only everything brings it for certain."""
    path = tmp_path / "journal.db"
    journal = Journal(path)
    for number in range(3):
        await journal.commit(Commit("", (candidate(f"t{number}"),)))
    await journal.advance("sink", Fate(3, {1: "too large"}, {2: ("anna", "not now")}))
    journal._connection.execute(f"UPDATE {table} SET reason='x'")
    journal.close()
    assert repair.check(path).damaged_notes == {table: 1}
    journal = Journal(path)
    assert journal.cursor("sink") == 0
    journal.close()


async def test_readable_rows_of_a_malformed_file_are_carried_over(tmp_path: Path) -> None:
    """Without any intake: what SQLite can still reach is kept under its own numbers, and gaps are named."""
    path = tmp_path / "journal.db"
    journal = Journal(path)
    for number in range(400):
        await journal.commit(Commit("", (candidate(f"t{number}"),)))
    await journal.advance("sink", Fate(250))
    journal.close()
    data = bytearray(path.read_bytes())
    page = 4096
    start = data.index(b'"name": "t200"') // page * page
    data[start : start + page] = b"\xaa" * page
    path.write_bytes(data)
    findings = repair.check(path)
    assert findings.set_aside is not None
    assert findings.replay_all, "what could not be carried over comes from intake"
    assert "set aside" in findings.sentences()[0]
    journal = Journal(path)
    rows = [row.n for row in journal.everything()]
    gaps = await journal.name_gaps("damaged")
    assert 300 < len(rows) < 400
    assert sorted(rows + gaps) == list(range(1, 401)) or max(rows) < 400
    assert journal.cursor("sink") == 250
    journal.close()


def test_a_large_journal_is_checked_at_leisure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a size the start looks at the tail; the scrub finds the rest and makes the next start thorough."""
    import asyncio  # noqa: PLC0415 - for this test

    path = tmp_path / "journal.db"
    monkeypatch.setattr(repair, "SMALL_BYTES", 1000)
    monkeypatch.setattr(repair, "TAIL_ROWS", 10)
    journal = Journal(path)
    for number in range(60):
        asyncio.run(journal.commit(Commit("", (candidate(f"t{number}"),))))
    assert repair.scrub(path)
    journal._connection.execute("UPDATE things SET body=body||'x' WHERE n=5")
    journal.close()
    assert repair.check(path).damaged_rows == []
    assert not repair.scrub(path)
    assert repair.check(path).damaged_rows == [5]
    assert repair.scrub(path)


@pytest.mark.parametrize("noted", [True, False])
async def test_a_device_keeps_the_identity_that_the_intake_log_knows(lived_in: Path, tmp_path: Path, *, noted: bool) -> None:
    """A session cut off before the device had said who it is does not name it when all is replayed."""
    records = [record for record in read_intake(lived_in / "intake") if isinstance(record, Record)]
    opened = next(r for r in records if r.kind == "open" and r.extra["drv"] == "blood-pressure")
    session = [r for r in records if r.session == opened.session and (noted or r.kind != "id")]
    log = Intake(tmp_path / "intake")
    for record in (*(replace(r, session="cut-off") for r in session[:2]), *session):
        log.append(record)
    log.close()
    _, outcome, _ = await recover(tmp_path)
    assert outcome.sessions == 2
    assert outcome.addresses == {opened.extra["a"]}
    assert outcome.things > 1
    found = {json.loads(body)["device"]["identity"].partition(":")[0] for body in things(tmp_path / "journal.db").values()}
    assert found == {"system-id" if noted else "address"}, "without the note the first session is believed, and that it knows too little"


@pytest.mark.parametrize(("column", "table"), [(b"key TEXT PRIMARY", "meta"), (b"held(\n", "held"), (b"digest BLOB", "things")])
async def test_a_flipped_bit_in_a_declaration(lived_in: Path, tmp_path: Path, column: bytes, table: str) -> None:
    """SQLite finds nothing wrong with a column of another name; the daemon would find none of its own."""
    expected = things(lived_in / "journal.db")
    state = copy(lived_in, tmp_path, wal=False)
    path = state / "journal.db"
    data = path.read_bytes()
    assert column in data, table
    path.write_bytes(data.replace(column, bytes((column[0] ^ 1,)) + column[1:], 1))
    await recover(state)
    same(things(path), expected)


def test_a_declaration_laid_out_otherwise_is_no_damage(lived_in: Path, tmp_path: Path) -> None:
    """A release may write its declarations on other lines than the one that made the journal."""
    state = copy(lived_in, tmp_path, wal=False)
    with closing(sqlite3.connect(state / "journal.db")) as connection:
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute("UPDATE sqlite_master SET sql=replace(sql, ', ', ',  ') WHERE name='devices'")
        connection.commit()
    found = repair.check(state / "journal.db")
    assert found.set_aside is None
    assert not found.replay_all


def test_a_journal_of_a_later_release_is_not_taken_for_damaged(lived_in: Path, tmp_path: Path) -> None:
    """Its tables may be declared otherwise; it stays as it is, and the daemon says what to do."""
    state = copy(lived_in, tmp_path, wal=False)
    with closing(sqlite3.connect(state / "journal.db")) as connection:
        connection.execute("UPDATE meta SET value=?, crc=? WHERE key='version'", ("99", seal("version", "99")))
        connection.execute("ALTER TABLE sinks RENAME COLUMN cursor TO place")
        connection.commit()
    found = repair.check(state / "journal.db")
    assert found.set_aside is None
    with pytest.raises(StateError, match="newer"):
        Journal(state / "journal.db")

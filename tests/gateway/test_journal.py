"""The invariants of the journal, each by its number in `gateway.journal.store`."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import JournalError, StateError
from gateway.journal import Commit, Fate, Journal, Rejection, store
from gateway.journal.jobs import Moment
from gateway.journal.schema import VERSION
from tests.support.things import candidate

A = "C1:00:00:00:00:01"


@pytest.fixture
def journal(tmp_path: Path) -> Any:
    made = Journal(tmp_path / "journal.db")
    yield made
    made.close()


def bodies(journal: Journal) -> list[dict[str, Any]]:
    return [json.loads(row.body) for row in journal.everything()]


def test_1a_what_commit_returned_survives_a_kill(tmp_path: Path) -> None:
    code = (
        "import asyncio, os, signal, sys; from pathlib import Path; from gateway.journal import Commit, Journal; "
        "from tests.support.things import candidate\n"
        "async def main():\n"
        "    journal = Journal(Path(sys.argv[1]))\n"
        "    async def one(n):\n"
        "        print((await journal.commit(Commit('', (candidate(f't{n}'),))))[0].id, flush=True)\n"
        "        if n == 60: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    await asyncio.gather(*(one(n) for n in range(100)))\n"
        "asyncio.run(main())\n"
    )
    path = tmp_path / "journal.db"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], check=False, cwd=Path(__file__).parents[2], capture_output=True, text=True
    )
    assert done.returncode == -signal.SIGKILL
    said = done.stdout.split()
    journal = Journal(path)
    there = {row.id for row in journal.everything()}
    journal.close()
    assert len(said) >= 1
    assert set(said) <= there


def test_1b_every_commit_is_synchronous(tmp_path: Path) -> None:
    """The connection that writes has WAL and synchronous=FULL, which is what the promise rests on."""
    journal = Journal(tmp_path / "journal.db")
    assert journal._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert journal._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    journal.close()


async def test_2_numbers_have_no_gap_and_are_never_given_twice(journal: Journal, tmp_path: Path) -> None:
    for number in range(5):
        await journal.commit(Commit("", (candidate(f"t{number}"),)))
    assert [row.n for row in journal.everything()] == [1, 2, 3, 4, 5]
    with closing(sqlite3.connect(tmp_path / "journal.db")) as other, other:
        other.execute("DELETE FROM things WHERE n IN (2, 5)")
    assert await journal.name_gaps("test") == [2]
    # 5 was the last: nothing shows that it had been there but what comes after it.
    new = await journal.commit(Commit("", (candidate("t9"),)))
    assert new[0].n == 5
    assert journal.missing() == [(2, "test")]
    assert journal.counts()["things"] == 4


async def test_3_versions_count_from_one_and_the_same_again_is_none(journal: Journal) -> None:
    async def put(content: str, quality: int = 4) -> list[int]:
        return [new.version for new in await journal.commit(Commit("", (candidate("a", content, quality=quality),)))]

    assert await put("x") == [1]
    assert await put("x") == []
    assert await put("y") == [2]
    assert await put("x") == [3]
    assert await put("x", quality=5) == [4], "the same content with a better time is a version"
    assert await put("x", quality=2) == []
    assert [body["version"] for body in bodies(journal)] == [1, 2, 3, 4]


async def test_4_a_commit_is_whole_or_nothing(journal: Journal) -> None:
    """One part that cannot be written takes the others back with it, and nobody else's."""
    await journal.identity(A, "address:A")

    def broken(_version: int) -> str:
        raise RuntimeError("cannot be rendered")

    good = candidate("good")
    bad = candidate("bad")
    rejection = Rejection(7, "s", A, "d", 0x2A35, b"\x01", "short", 1.0)
    from dataclasses import replace  # noqa: PLC0415 - for this test

    commit = Commit(A, (good, replace(bad, render=broken)), mark={"n": 1}, rejections=(rejection,))
    other = Commit("", (candidate("other"),))
    outcomes = await asyncio.gather(journal.commit(commit), journal.commit(other), return_exceptions=True)
    assert isinstance(outcomes[0], RuntimeError)
    assert [body["name"] for body in bodies(journal)] == ["other"]
    assert journal.mark(A) == {}
    assert journal.rejected() == []
    await journal.commit(Commit(A, (good,), mark={"n": 1}, rejections=(rejection,)))
    assert journal.mark(A) == {"n": 1}
    assert journal.rejected() == [rejection]
    wide = rejection._replace(position=8, characteristic=0x1A2EA40075B911E2BE050002A5D5C51B)  # a maker's own: more than SQLite's 64 bits
    await journal.commit(Commit(A, (), rejections=(wide,)))
    assert journal.rejected() == [rejection, wide]


async def test_5_a_replay_adds_nothing_that_is_there(journal: Journal, tmp_path: Path) -> None:
    for content in ("x", "y", "z"):
        await journal.commit(Commit("", (candidate("a", content),)))
    for content in ("x", "y", "z"):
        assert await journal.commit(Commit("", (candidate("a", content),), replaying=True)) == []
    with closing(sqlite3.connect(tmp_path / "journal.db")) as other, other:
        other.execute("DELETE FROM things WHERE version=2")
    back = [n for c in ("x", "y", "z") for n in await journal.commit(Commit("", (candidate("a", c),), replaying=True))]
    assert [new.version for new in back] == [2], "a lost version comes back under its own number"


async def test_5_a_replay_does_not_put_what_was_said_before_over_what_was_said_later(journal: Journal) -> None:
    await journal.commit(Commit("", (candidate("a", "whole", position=90),)))
    assert await journal.commit(Commit("", (candidate("a", "cut off", position=40),), replaying=True)) == []
    [new] = await journal.commit(Commit("", (candidate("a", "by a better driver", position=90),), replaying=True))
    assert new.version == 2
    assert journal.last_position() == 90


async def test_6_a_cursor_passes_a_thing_together_with_its_fate(journal: Journal) -> None:
    for number in range(3):
        await journal.commit(Commit("", (candidate(f"t{number}"),)))
    await journal.advance("s", Fate(2, {2: "time-pending"}))
    assert journal.cursor("s") == 2
    assert journal.deferred("s") == [(2, "time-pending")]
    await journal.advance("s", Fate(1))
    assert journal.cursor("s") == 2, "a cursor never goes back by itself"
    assert journal.cursor("s") == 2, "a cursor never goes back by itself"
    with pytest.raises(sqlite3.ProgrammingError, match="not supported"):
        await journal.advance("s", Fate(3, {3: object()}))  # type: ignore[dict-item]  # what SQLite cannot store
    assert journal.cursor("s") == 2
    assert [n for n, _ in journal.deferred("s")] == [2]
    await journal.advance("s", Fate(3, gone=[2]))
    assert journal.deferred("s") == []
    await journal.advance("s", Fate(3, held={3: ("anna", "nobody listens")}))
    assert journal.held("s") == [(3, "anna", "nobody listens")]
    await journal.advance("s", Fate(3, deferred={3: "too large"}, gone=[3]))
    assert (journal.held("s"), journal.deferred("s")) == ([], [(3, "too large")]), "from one into the other"


async def test_7a_a_cancelled_waiter_harms_nobody(journal: Journal) -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    tasks = [asyncio.create_task(journal.commit(Commit("", (candidate(f"t{n}"),)))) for n in range(20)]
    await asyncio.sleep(0)
    tasks[3].cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(outcomes[3], asyncio.CancelledError)
    await asyncio.sleep(0.02)
    assert len(bodies(journal)) == 20
    assert complaints == []


async def test_7b_a_failed_commit_fails_its_group_and_the_next_goes_on(journal: Journal, tmp_path: Path) -> None:
    limit = journal._connection.execute("PRAGMA page_count").fetchone()[0]
    await journal.writer.do(lambda c: c.execute(f"PRAGMA max_page_count={limit + 1}") and None)

    async def fill() -> None:
        for number in range(200):
            await journal.commit(Commit("", tuple(candidate(f"{number}-{n}") for n in range(50))))

    with pytest.raises(JournalError, match="full"):
        await fill()
    before = len(bodies(journal))
    await journal.writer.do(lambda c: c.execute("PRAGMA max_page_count=1000000") and None)
    await journal.commit(Commit("", (candidate("after"),)))
    assert len(bodies(journal)) == before + 1
    assert [row.n for row in journal.everything()] == list(range(1, before + 2))


async def test_7c_a_statement_that_fails_leaves_no_transaction_open(journal: Journal) -> None:
    with pytest.raises(JournalError, match="no such table"):
        await journal.writer.do(lambda c: c.execute("SELECT * FROM nonsense"))
    assert len(await journal.commit(Commit("", (candidate("after"),)))) == 1


async def test_8_a_damaged_row_is_not_handed_out(journal: Journal, tmp_path: Path) -> None:
    for number in range(3):
        await journal.commit(Commit("", (candidate(f"t{number}"),)))
    with closing(sqlite3.connect(tmp_path / "journal.db")) as other, other:
        other.execute("UPDATE things SET body=replace(body, 't1', 't7') WHERE n=2")
    assert [body["name"] for body in bodies(journal)] == ["t0", "t2"]
    assert [row.n for row in journal.after(0, 10)] == [1, 3]


async def test_group_commit_shares_its_syncs(journal: Journal) -> None:
    """A hundred producers do not cost a hundred commits."""
    await asyncio.gather(*(journal.commit(Commit("", (candidate(f"t{n}"),))) for n in range(100)))
    assert journal.writer.commits <= 20


async def test_within_one_boot_the_time_since_it_counts(journal: Journal) -> None:
    """Somebody sets the hub's clock by a day between a reading and its repetition; or by an hour between two equal readings."""
    day = 86400.0
    first = await journal.episode("d", "c0", "s1", Moment(day + 1000.0, "boot", 10.0), 10, 120.0)
    assert await journal.episode("d", "c0", "s2", Moment(1002.0, "boot", 12.0), 20, 120.0) == first
    assert await journal.episode("d", "c0", "s3", Moment(1003.0, "boot", 3600.0), 30, 120.0) != first
    assert await journal.episode("d", "c0", "s4", Moment(1004.0, "another", 3.0), 40, 120.0) != ""
    alone = await journal.episode("d", "c9", "s5", Moment(1000.0, "boot", 5000.0), 50, 120.0)
    assert await journal.episode("d", "c9", "s6", Moment(1060.0, "another", 5.0), 60, 120.0) == alone, "after a restart, by the clock"


async def test_an_identity_is_given_once(journal: Journal) -> None:
    assert await journal.identity(A, "system-id:1") == "system-id:1"
    assert await journal.identity(A, "address:x") == "system-id:1"


async def test_an_episode_is_one_reading_however_often_it_is_told(journal: Journal) -> None:
    """The same again in a new connection within two minutes repeats itself; in the same connection the driver numbers it."""
    first = await journal.episode("d", "c0", "s1", Moment(1000.0), 10, 120.0)
    assert await journal.episode("d", "c0", "s1", Moment(1000.0), 10, 120.0) == first
    assert await journal.episode("d", "c0", "s2", Moment(1050.0), 90, 120.0) == first
    assert await journal.episode("d", "c1", "s2", Moment(1050.0), 95, 120.0) != first
    assert await journal.episode("d", "c0", "s3", Moment(2000.0), 99, 120.0) != first
    again = await journal.episode("d", "c0", "s4", Moment(2040.0), 120, 30.0)
    assert again == "s4/120", "where a shorter silence makes it another"


def test_a_newer_format_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    Journal(path).close()
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE meta SET value=? WHERE key='version'", (str(VERSION + 1),))
    with pytest.raises(StateError, match="newer"):
        Journal(path)


@pytest.mark.parametrize("seed", range(3))
async def test_it_behaves_like_a_list(tmp_path: Path, seed: int) -> None:
    """Random commits, of several things or of the same one twice, replays and reopenings against a model that is a plain dictionary."""
    import random  # noqa: PLC0415 - for this test

    seed = seed or random.SystemRandom().getrandbits(32)
    randomness = random.Random(seed)
    path = tmp_path / "journal.db"
    journal = Journal(path)
    model: dict[str, list[str]] = {}
    for _ in range(300):
        action = randomness.random()
        if action < 0.05:
            journal.close()
            journal = Journal(path)
        replaying = action > 0.7
        said = [(f"t{randomness.randrange(8)}", f"c{randomness.randrange(4)}") for _ in range(randomness.choice((1, 1, 4, 12)))]
        await journal.commit(Commit("", tuple(candidate(name, content) for name, content in said), replaying=replaying))
        for name, content in said:
            versions = model.setdefault(name, [])
            if (content not in versions) if replaying else (versions[-1:] != [content]):
                versions.append(content)
    found: dict[str, list[str]] = {}
    for body in bodies(journal):
        found.setdefault(body["name"], []).append(body["content"])
    journal.close()
    assert found == model, f"seed {seed}"


def test_a_disk_that_is_full_at_the_start_is_told_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    before = len(list(Path("/proc/self/fd").iterdir()))
    with monkeypatch.context() as patch:
        patch.setattr(store, "put", full)
        with pytest.raises(StateError, match="make room and start again"):
            Journal(tmp_path / "journal.db")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    Journal(tmp_path / "journal.db").close()


def test_nothing_is_left_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        journal = Journal(tmp_path / "journal.db")
        list(journal.everything())
        journal.counts()
        journal.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before

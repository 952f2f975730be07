"""The owner's word outlives the journal."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gateway import inbox
from gateway.catching_up import catch_up
from gateway.filing import Filing
from gateway.intake import Intake, segments
from gateway.journal import Journal, repair
from gateway.journal.reading import read_latest
from gateway.registry import load
from gateway.simulator.play import play
from gateway.sinks.file import FileSink

REGISTRY = load()


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import asyncio  # noqa: PLC0415 - a fixture for the module cannot be a coroutine here

    state = tmp_path_factory.mktemp("lived-in")
    asyncio.run(play(state, seed=11, seconds=4, sinks={"file": FileSink(state / "things.ndjson")}, stored_only=True))
    return state


async def started(state: Path) -> int:
    """What a start does about what has been lost. Returns the things that are new."""
    findings = repair.check(state / "journal.db")
    journal, intake = Journal(state / "journal.db"), Intake(state / "intake")
    before = journal.head()
    await catch_up(REGISTRY, journal, Filing(journal, None), intake, replay_all=findings.replay_all)
    new = journal.head() - before
    intake.close()
    journal.close()
    return new


def said(state: Path) -> dict[str, tuple[str | None, bool | None, bool | None]]:
    things = (json.loads(row.body) for row in read_latest(state / "journal.db"))
    return {
        thing["id"]: (thing.get("person"), thing.get("by_hand"), thing.get("retracted")) for thing in things if thing["type"] != "device"
    }


async def speak(state: Path, *, crash: bool = False) -> None:
    """One to Anna, one to Ben and back, one to nobody again, two retracted. `crash`: the last word reaches the intake log alone."""
    journal, intake = Journal(state / "journal.db"), Intake(state / "intake")
    keep = inbox.keeper(intake, lambda: 1.0)
    numbers = [entry.number for entry in inbox.entries(read_latest(state / "journal.db"))]
    words: list[list[str | None]] = [["anna"], ["anna", "ben", "anna"], ["ben", None]]
    for number, persons in zip(numbers, words, strict=False):
        for person in persons:
            await inbox.assign(journal, [number], person, keep)
    await inbox.retract(journal, numbers[3:4], keep)
    if crash:
        with pytest.raises(RuntimeError):
            await inbox.retract(_Dead(journal), numbers[4:5], keep)  # type: ignore[arg-type]  # a journal that dies
    else:
        await inbox.retract(journal, numbers[4:5], keep)
    await journal.set_meta("worked_off", str(0 if crash else intake.position))
    intake.close()
    journal.close()


class _Dead:
    def __init__(self, journal: Journal) -> None:
        self.rows, self.versions = journal.rows, journal.versions

    async def commit(self, _commit: object) -> None:
        raise RuntimeError("the power goes")


async def test_a_journal_that_is_lost_whole_loses_no_word(lived_in: Path, tmp_path: Path) -> None:
    state = Path(shutil.copytree(lived_in, tmp_path / "state"))
    await speak(state)
    before = said(state)
    assert {people for people, _, _ in before.values()} == {"anna", None}
    assert sum(retracted is True for _, _, retracted in before.values()) >= 2
    for path in state.glob("journal.db*"):
        path.unlink()
    assert await started(state) > 0
    assert said(state) == before
    assert await started(state) == 0, "and says nothing twice"


async def test_a_word_that_did_not_reach_the_journal_is_upheld(lived_in: Path, tmp_path: Path) -> None:
    spoken, cut = (Path(shutil.copytree(lived_in, tmp_path / name)) for name in ("spoken", "cut"))
    await speak(spoken)
    await speak(cut, crash=True)
    assert said(cut) != said(spoken)
    assert await started(cut) >= 1
    assert said(cut) == said(spoken)
    assert await started(spoken) == 0, "where nothing is lost nothing is said again"


async def test_a_damaged_word_hides_no_other(lived_in: Path, tmp_path: Path) -> None:
    state = Path(shutil.copytree(lived_in, tmp_path / "state"))
    await speak(state)
    before = said(state)
    (_, segment) = segments(state / "intake")[-1]
    lines = segment.read_bytes().splitlines(keepends=True)
    place = max(index for index, text in enumerate(lines) if b'"k":"said"' in text)
    lines[place] = lines[place].replace(b'"retracted":true', b'"retracted":trve')
    segment.write_bytes(b"".join(lines))
    for path in state.glob("journal.db*"):
        path.unlink()
    await started(state)
    changed = [thing_id for thing_id, told in said(state).items() if told != before[thing_id]]
    assert changed
    assert all(before[thing_id][2] for thing_id in changed), "what the damaged line retracted, and nothing else"

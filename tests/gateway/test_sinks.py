"""The file sink and what drives sinks."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest

from drivers import Batch, BloodPressure, DeviceClock, Frame, Key, Quantity, Temperature
from gateway import pending
from gateway.errors import JournalError
from gateway.exports import csv as as_csv
from gateway.filing import Filing, SessionFacts
from gateway.journal import Commit, Fate, Journal, Row
from gateway.sinks.base import Answer, Refused, Sink, Unreachable
from gateway.sinks.file import FileSink
from gateway.sinks.outlet import Outlet
from profiles.times import DateTime
from tests.gateway.test_filing import FRAME, TIME, facts, glucose, info, put
from tests.support.fakes import T0, FakeClock, until
from tests.support.things import candidate


class Script(Sink):
    """A sink that answers as told, then takes everything."""

    def __init__(self, *answers: Exception | list[Refused]) -> None:
        self.answers, self.taken = list(answers), list[Row]()

    async def send(self, batch: Sequence[Row]) -> Sequence[Answer]:
        answer = self.answers.pop(0) if self.answers else []
        if isinstance(answer, Exception):
            raise answer
        refused = {item.n for item in answer}
        self.taken += [row for row in batch if row.n not in refused]
        return answer


@asynccontextmanager
async def running(outlet: Outlet) -> AsyncIterator[None]:
    task = asyncio.create_task(outlet.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def filled(tmp_path: Path, count: int) -> Journal:
    journal = Journal(tmp_path / "journal.db")
    for number in range(count):
        await journal.commit(Commit("", (candidate(f"t{number}"),)))
    return journal


def outlet(name: str, sink: Sink, journal: Journal) -> Outlet:
    return Outlet(name, sink, journal, randomness=random.Random(1))


async def test_everything_goes_in_order_and_the_cursor_follows(tmp_path: Path) -> None:
    journal, sink = await filled(tmp_path, 250), Script()
    driven = outlet("s", sink, journal)
    async with running(driven):
        await until(lambda: journal.cursor("s") == 250)
        await journal.commit(Commit("", (candidate("new"),)))
        driven.wake()
        await until(lambda: journal.cursor("s") == 251)
    assert [row.n for row in sink.taken] == list(range(1, 252))
    journal.close()


async def test_an_unreachable_sink_keeps_everything_and_hinders_nobody(tmp_path: Path) -> None:
    journal = await filled(tmp_path, 5)
    down, up = Script(Unreachable("no route")), Script()
    first, second = outlet("down", down, journal), outlet("up", up, journal)
    async with running(first), running(second):
        await until(lambda: journal.cursor("up") == 5)
        assert first.problem == "no route"
        assert journal.cursor("down") == 0
        await until(lambda: journal.cursor("down") == 5 and first.problem is None)
    assert [row.n for row in down.taken] == [1, 2, 3, 4, 5]
    journal.close()


async def test_a_refusal_defers_that_thing_and_no_other(tmp_path: Path) -> None:
    journal, sink = await filled(tmp_path, 3), Script([Refused(2, "too large")])
    async with running(outlet("s", sink, journal)):
        await until(lambda: journal.cursor("s") == 3)
    assert [row.n for row in sink.taken] == [1, 3]
    assert journal.deferred("s") == [(2, "too large")]
    assert journal.sinks() == {"s": {"cursor": 3, "deferred": 1, "held": 0}}
    journal.close()


async def test_a_restart_goes_on_behind_the_cursor(tmp_path: Path) -> None:
    journal = await filled(tmp_path, 4)
    await journal.advance("s", Fate(3))
    sink = Script()
    async with running(outlet("s", sink, journal)):
        await until(lambda: journal.cursor("s") == 4)
    assert [row.n for row in sink.taken] == [4]
    journal.close()


async def test_a_cursor_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    """The journal's disk is full: the cursor follows when there is room, and nothing is sent again for it."""
    journal, sink = await filled(tmp_path, 3), Script()
    real, refusals = journal.advance, [JournalError("full")]

    async def advance(*arguments: Any, **named: Any) -> None:
        if refusals:
            raise refusals.pop()
        await real(*arguments, **named)

    journal.advance = advance  # type: ignore[method-assign]
    async with running(outlet("s", sink, journal)):
        await until(lambda: journal.cursor("s") == 3)
    assert [row.n for row in sink.taken] == [1, 2, 3]
    journal.close()


# -- pending times -----------------------------------------------------------------------------------------------------


async def taken_without_a_clock(journal: Journal, clock: FakeClock) -> None:
    facts = SessionFacts(session="s", address="C1:00:00:00:00:01", driver="t", label="T", boot_id=clock.boot_id(), clock_trusted=False)
    frame = Frame(0x2A1C, b"", clock.now(), clock.boottime(), 0)
    reading = Temperature(frame=frame, key=Key.episode(b"x", 0), temperature=Quantity(Decimal("36.8"), "Cel"))
    await Filing(journal, UTC).file(facts, Batch((reading,)), [])


async def test_pending_things_wait_and_leave_with_their_time(tmp_path: Path) -> None:
    """A Pi without a clock boots in 1970: what it takes is kept back, and goes out with the right time once that is known."""
    journal, sink = await filled(tmp_path, 1), Script()
    clock = FakeClock(time=1000.0, boot=50.0, trusted=False)
    await taken_without_a_clock(journal, clock)
    driven = outlet("s", sink, journal)
    async with running(driven):
        await until(lambda: journal.cursor("s") == 2)
        assert [row.n for row in sink.taken] == [1]
        assert journal.deferred("s") == [(2, "time-pending")]
        assert len(pending.pending(journal)) == 1

        assert await pending.release_synchronized(journal, clock) == []
        clock.time, clock.boot, clock.trusted = T0, 110.0, True
        released = await pending.release_synchronized(journal, clock)
        assert [item.version for item in released] == [2]
        driven.wake()
        await until(lambda: journal.cursor("s") == 3)
    thing = json.loads(sink.taken[-1].body)
    assert thing["when"] == {"time": "2026-03-14T06:59:00+00:00", "quality": "received"}
    assert journal.deferred("s") == [], "the version that waited is superseded"
    assert pending.pending(journal) == []
    assert await pending.release_synchronized(journal, clock) == []
    journal.close()


async def test_what_a_good_device_clock_says_comes_out_right_with_both_clocks(tmp_path: Path) -> None:
    """Read in 1970: the time, when it was received, and how far the clocks were apart are told as they were."""
    journal, clock = Journal(tmp_path / "journal.db"), FakeClock(time=1000.0, boot=50.0, trusted=False)
    frame = Frame(0x2A18, b"", clock.now(), clock.boottime(), 0)
    reading = replace(glucose(1, "101"), frame=frame, device_time=DateTime(2026, 3, 13, 20, 0, 0))
    shown = DeviceClock(frame, DateTime(2026, 3, 14, 6, 53, 0))
    await put(journal, reading, on=replace(facts(), boot_id=clock.boot_id(), clock_trusted=False), clock=shown)
    clock.time, clock.boot, clock.trusted = T0 + 60, 110.0, True
    [released] = await pending.release_synchronized(journal, clock)
    thing = json.loads(journal.versions(released.id)[-1].body)
    assert thing["when"] == {"time": "2026-03-13T20:07:00+00:00", "quality": "corrected", "device_time": "2026-03-13T20:00:00"}
    assert thing["provenance"]["received"] == "2026-03-14T07:00:00.000Z"
    assert thing["provenance"]["clock_offset"] == 420.0
    journal.close()


async def test_things_of_an_earlier_boot_wait_for_their_owners_word(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    await taken_without_a_clock(journal, FakeClock(time=1000.0, boot=50.0, trusted=False, boot_name="earlier"))
    assert await pending.release_synchronized(journal, FakeClock()) == []
    released = await pending.release_as_they_are(journal, FakeClock())
    assert len(released) == 1
    body = json.loads(journal.versions(released[0].id)[-1].body)
    assert body["when"]["quality"] == "device-clock-invalid"
    journal.close()


# -- the file ------------------------------------------------------------------------------------------------------------


async def lines(path: Path, journal: Journal, after: int = 0) -> list[dict[str, object]]:
    sink = FileSink(path)
    await sink.send(journal.after(after, 1000))
    await sink.close()
    return [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]


async def test_what_was_written_before_a_crash_is_not_written_again(tmp_path: Path) -> None:
    journal, path = await filled(tmp_path, 5), tmp_path / "out" / "things.ndjson"
    assert len(await lines(path, journal)) == 5
    assert [t["name"] for t in await lines(path, journal, after=2)] == ["t0", "t1", "t2", "t3", "t4"]
    journal.close()


async def test_half_a_line_is_closed_and_written_whole(tmp_path: Path) -> None:
    journal, path = await filled(tmp_path, 3), tmp_path / "things.ndjson"
    await lines(path, journal)
    path.write_bytes(path.read_bytes()[:-40])
    found = await lines(path, journal, after=1)
    assert [t["name"] for t in found] == ["t0", "t1", "t2"]
    assert path.read_bytes().endswith(b"\n")
    journal.close()


async def test_a_file_that_was_moved_away_is_begun_anew(tmp_path: Path) -> None:
    journal, path = await filled(tmp_path, 2), tmp_path / "things.ndjson"
    sink = FileSink(path)
    await sink.send(journal.after(0, 1))
    path.rename(tmp_path / "rotated")
    await sink.send(journal.after(1, 1))
    await sink.close()
    assert [json.loads(line)["name"] for line in path.read_text().splitlines()] == ["t1"]
    assert path.stat().st_mode & 0o777 == 0o600
    journal.close()


def is_whole(line: bytes) -> bool:
    """Half a line is closed off, and stays."""
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("form", ["ndjson", "csv"])
async def test_whatever_a_crash_leaves_every_line_is_there_once(tmp_path: Path, form: Literal["ndjson", "csv"]) -> None:
    """The file is cut at every octet of its last things, and what is behind the cursor comes again."""
    journal, path = Journal(tmp_path / "journal.db"), tmp_path / f"things.{form}"
    await put(journal, *(glucose(number, str(100 + number)) for number in range(1, 4)), about=info(), on=facts())
    sink = FileSink(path, form)
    await sink.send(journal.after(0, 99))
    await sink.close()
    whole = path.read_bytes()
    header = len(as_csv.header()) if form == "csv" else 0
    for cut in range(header, len(whole), 7):
        path.write_bytes(whole[:cut])
        again = FileSink(path, form)
        await again.send(journal.after(0, 99))
        await again.close()
        found = [line for line in path.read_bytes().splitlines() if form == "csv" or is_whole(line)]
        assert sorted(found) == sorted(whole.splitlines()), cut
    journal.close()


async def test_a_disk_that_is_full_for_a_while_costs_no_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thing of three values, of which one is there; and the file is opened anew each time a write fails."""
    journal, path = Journal(tmp_path / "journal.db"), tmp_path / "things.csv"
    high, low, mean = (Quantity(Decimal(value), "mm[Hg]") for value in (120, 80, 93))
    key = Key.content(TIME, None, b"p", 0)
    reading = BloodPressure(frame=FRAME, key=key, device_time=TIME, systolic=high, diastolic=low, mean=mean)
    await put(journal, reading, on=facts())
    whole = as_csv.rows_of(journal.after(0, 1)[0])
    assert len(whole) == 3
    path.write_text(as_csv.header() + whole[0])
    sink = FileSink(path, "csv")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    for _ in range(3):
        with monkeypatch.context() as patch:
            patch.setattr("gateway.sinks.file.os.write", full)
            with pytest.raises(Unreachable):
                await sink.send(journal.after(0, 1))
    await sink.send(journal.after(0, 1))
    await sink.close()
    assert path.read_text() == as_csv.header() + "".join(whole)
    journal.close()


@pytest.mark.parametrize("form", ["ndjson", "csv"])
async def test_a_large_file_is_put_aside_and_nothing_is_written_twice(tmp_path: Path, form: Literal["ndjson", "csv"]) -> None:
    journal, path = Journal(tmp_path / "journal.db"), tmp_path / f"things.{form}"
    await put(journal, *(glucose(number, str(100 + number)) for number in range(1, 41)), on=facts())
    rows = journal.after(0, 99)
    for start in range(0, 40, 4):
        sink = FileSink(path, form, rotate_bytes=3000, keep=3)
        await sink.send(rows[max(0, start - 2) : start + 2])
        await sink.send(rows[start : start + 4])
        await sink.close()
    files = [path, *(tmp_path / f"{path.name}.{number}" for number in (1, 2, 3))]
    assert all(file.exists() for file in files)
    assert not (tmp_path / f"{path.name}.4").exists()
    lines = [line for file in files for line in file.read_text().splitlines()]
    if form == "csv":
        assert all(file.read_text().startswith("id,version,") for file in files)
        lines = [line for line in lines if not line.startswith("id,version,")]
    assert len(lines) == len(set(lines))
    assert "140" in files[0].read_text()
    journal.close()


async def test_a_file_that_cannot_be_written_is_unreachable(tmp_path: Path) -> None:
    journal = await filled(tmp_path, 1)
    (tmp_path / "taken").write_text("a file where a directory is wanted")
    driven = outlet("s", FileSink(tmp_path / "taken" / "things.ndjson"), journal)
    async with running(driven):
        await until(lambda: driven.problem is not None)
    assert journal.cursor("s") == 0
    journal.close()

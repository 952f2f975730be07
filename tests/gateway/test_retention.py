"""What is old goes when every sink has had it, and not before; and does not come back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.kit.capture import Record
from gateway import inbox
from gateway.config import DeviceSection
from gateway.intake import Intake, segments
from gateway.intake import read as read_intake
from gateway.journal import Commit, Fate, Journal, Rejection
from gateway.journal.jobs import Moment
from gateway.journal.reading import read_signed
from gateway.provenance import Signer, Verdict, verify
from gateway.retention import DAY_SECONDS, Retention
from tests.gateway.test_filing import FRAME, A, facts, glucose, info, put
from tests.support.fakes import T0

SIGNER = Signer(bytes(32))
ANNA = DeviceSection(address=A, person="anna")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "journal.db", SIGNER)
    yield made
    made.close()


async def fill(journal: Journal, ages: list[int]) -> None:
    """A device and a reading for each age in days."""
    for number, age in enumerate(ages, 1):
        frame = replace(FRAME, received=T0 - age * DAY_SECONDS, position=100 * number)
        reading = replace(glucose(number, str(100 + number)), frame=frame)
        await put(
            journal, reading, on=facts(session=f"s{number}", settings=ANNA), about=replace(info(), frame=frame) if number == 1 else None
        )


def values(journal: Journal) -> list[str]:
    things = [json.loads(row.body) for row in journal.everything()]
    return [thing["data"]["glucose"]["display"]["value"] for thing in things if thing["type"] == "blood-glucose"]


def retention(journal: Journal, place: Path, *sinks: str) -> tuple[Retention, Intake]:
    intake = Intake(place / "intake")
    return Retention(journal, intake, sinks or ("a", "b"), lambda: T0), intake


async def test_what_every_sink_has_had_goes_when_it_is_old(journal: Journal, tmp_path: Path) -> None:
    await fill(journal, [400, 300, 100, 31, 29, 0])
    for name in ("a", "b"):
        await journal.advance(name, Fate(journal.head()))
    keeping, intake = retention(journal, tmp_path)
    await keeping.day(None)
    assert len(values(journal)) == 6, "without keep_days nothing goes"
    await keeping.day(30)
    assert values(journal) == ["105", "106"]
    assert keeping.kept == {}
    assert any(row.type == "device" for row in journal.everything()), "what a device is stays"
    assert journal.counts()["purged"] == 4
    intake.close()


async def test_what_a_sink_still_needs_stays_and_is_told(journal: Journal, tmp_path: Path) -> None:
    await fill(journal, [400, 300, 200, 100, 0])
    await journal.advance("a", Fate(journal.head(), deferred={2: "refused"}, held={3: ("anna", "nobody listens")}))
    await journal.advance("b", Fate(4))
    keeping, intake = retention(journal, tmp_path)
    await keeping.day(30)
    assert values(journal) == ["101", "102", "104", "105"]
    assert keeping.kept == {"a": 2, "b": 1}
    await journal.advance("a", Fate(journal.head(), gone=(2, 3)))
    await journal.advance("b", Fate(journal.head()))
    await keeping.day(30)
    assert values(journal) == ["105"]
    assert keeping.kept == {}
    intake.close()


async def test_a_thing_goes_with_all_its_versions_or_stays(journal: Journal, tmp_path: Path) -> None:
    await fill(journal, [400])
    await put(journal, glucose(1, "5.6", "mmol/L"), on=facts(session="later", settings=ANNA))
    for name in ("a", "b"):
        await journal.advance(name, Fate(journal.head()))
    keeping, intake = retention(journal, tmp_path)
    await keeping.day(30)
    assert values(journal) == ["101", "5.6"]
    intake.close()


async def test_a_device_that_tells_it_again_makes_nothing_new(journal: Journal, tmp_path: Path) -> None:
    await fill(journal, [400, 0])
    for name in ("a", "b"):
        await journal.advance(name, Fate(journal.head()))
    keeping, intake = retention(journal, tmp_path)
    await keeping.day(30)
    await fill(journal, [400, 0])
    assert values(journal) == ["102"]
    assert list(verify(read_signed(tmp_path / "journal.db"), SIGNER.public, verdict := Verdict())) == []
    assert verdict.purged == 1
    intake.close()


async def test_old_segments_of_the_raw_log_go_and_words_are_said_again(journal: Journal, tmp_path: Path) -> None:
    intake = Intake(tmp_path / "intake", segment_bytes=600)
    keep = inbox.keeper(intake, lambda: T0 - 400 * DAY_SECONDS)
    for day in range(400, 0, -10):
        for _ in range(3):
            intake.append(Record(kind="rx", session=f"s{day}", characteristic=0x2A18, data=bytes(60), time=T0 - day * DAY_SECONDS))
        if day == 400:
            await keep({"ids": ["x"], "purged": True})
    await intake.flush()
    count, position = len(segments(tmp_path / "intake")), intake.position
    keeping = Retention(journal, intake, [], lambda: T0)
    await keeping.day(30)
    assert len(segments(tmp_path / "intake")) == count, "nothing of it has been worked off"
    await journal.set_meta("worked_off", str(position))
    await keeping.day(30)
    left = [record for record in read_intake(tmp_path / "intake") if isinstance(record, Record)]
    frames = [record for record in left if record.kind == "rx"]
    assert 0 < len(segments(tmp_path / "intake")) < count
    assert min(record.time for record in frames) >= T0 - 40 * DAY_SECONDS
    assert {record.time for record in frames} >= {T0 - day * DAY_SECONDS for day in (10, 20, 30)}
    assert [record.extra["ids"] for record in left if record.kind == "said"] == [["x"]]
    assert min(record.position for record in frames) > 0, "positions never change"
    await keeping.day(30)
    assert [record.extra["ids"] for record in read_intake(tmp_path / "intake") if isinstance(record, Record) and record.kind == "said"] == [
        ["x"]
    ]
    intake.close()


async def test_what_is_damaged_or_of_no_known_age_stays(journal: Journal, tmp_path: Path) -> None:
    """A flipped bit must not throw away what `repair` files again; nor a hub that was in 1970 when it heard something."""
    await fill(journal, [400, 300, 20_000, 0])
    for name in ("a", "b"):
        await journal.advance(name, Fate(journal.head()))

    def flip(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE things SET body = replace(body, '\"provenance\"', '\"provinance\"') WHERE n = 2")

    await journal.writer.do(flip)
    keeping, intake = retention(journal, tmp_path)
    await keeping.day(30)
    with closing(sqlite3.connect(tmp_path / "journal.db")) as connection:
        assert [n for (n,) in connection.execute("SELECT n FROM things ORDER BY n")] == [1, 2, 4, 5]
    intake.close()


async def test_rejected_frames_and_episodes_go_too(journal: Journal, tmp_path: Path) -> None:
    """With both moments of an episode, and of that device and session alone."""
    old, new = T0 - 400 * DAY_SECONDS, T0 - DAY_SECONDS
    for device, session, received in (("d", "old", old), ("d", "new", new), ("e", "old", new)):
        await journal.episode(device, "content", session, Moment(received, "boot" + session, 10.0), 1, 120.0)
    rejections = tuple(Rejection(at, "s", A, "glucose", 0x2A18, b"x", "no record", moment) for at, moment in ((1, old), (2, new)))
    await journal.commit(Commit(A, rejections=rejections))
    keeping, intake = retention(journal, tmp_path)
    await keeping.day(30)
    assert [one.position for one in journal.rejected()] == [2]
    with closing(sqlite3.connect(tmp_path / "journal.db")) as connection:
        left = connection.execute("SELECT DISTINCT device, session FROM episodes ORDER BY 1, 2").fetchall()
        assert left == [("d", "new"), ("e", "old")]
    intake.close()


async def test_what_is_too_large_loses_its_oldest(journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As much as has to go, and nothing of the last 30 days; here a megabyte has 1,024 octets."""
    monkeypatch.setattr("gateway.retention.MB", 1024)
    ages = [*range(400, 30, -2), *range(29, 0, -1)]
    await fill(journal, ages)
    intake = Intake(tmp_path / "intake", segment_bytes=2000)
    for age in ages:
        intake.append(Record(kind="rx", session="s", characteristic=0x2A18, data=bytes(50), time=T0 - age * DAY_SECONDS))
    await journal.set_meta("worked_off", str(intake.position))
    await intake.flush()
    keeping = Retention(journal, intake, ["a"], lambda: T0)
    whole = await keeping._size()
    wanted = whole * 3 // 4 // 1024
    await keeping.day(None, whole // 1024 + 1)
    assert len(values(journal)) == len(ages), "it is not too large"
    await keeping.day(None, wanted)
    assert len(values(journal)) == len(ages), "no sink has had it"
    assert keeping.kept == {"a": 185}
    await journal.advance("a", Fate(journal.head()))
    await keeping.day(None, wanted)
    left = len(values(journal))
    assert await keeping._size() <= wanted * 1024
    assert len(ages) // 2 < left < len(ages)
    assert values(journal)[-1] == str(100 + len(ages))
    frames = [record for record in read_intake(tmp_path / "intake") if isinstance(record, Record)]
    assert min(record.time for record in frames) > T0 - 400 * DAY_SECONDS
    await keeping.day(None, 20)
    assert len(values(journal)) == 29, "of the last 30 days nothing goes"
    intake.close()

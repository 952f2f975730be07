"""A hub that burns: what a backup has, and that it comes back whole or not at all."""

from __future__ import annotations

import asyncio
import json
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import root
from gateway.errors import StateError
from gateway.journal import Commit, Journal
from gateway.journal import backup as copying
from gateway.journal.reading import read_audit, read_latest
from gateway.simulator.cables.freestyle import FreeStyleUsb
from gateway.transports.cables.plugs import Plugged
from tests.support.cable_cases import NOW, glucose_of, records, told_glucose
from tests.support.cables import house
from tests.support.fakes import until
from tests.support.things import candidate

METER = Plugged("1-10", 0x1A61, 0x3850)


async def command(*arguments: str) -> tuple[int, str]:
    result = await asyncio.to_thread(CliRunner().invoke, root, arguments)
    return result.exit_code, result.output


async def test_a_gateway_goes_on_where_its_backup_was_made(tmp_path: Path) -> None:
    """What was read, whose it is, and who the device is; what its device tells again is nothing new, and the key is the same."""
    first, second, file = tmp_path / "first", tmp_path / "second", tmp_path / "backup"
    meter = FreeStyleUsb(records(5), lambda: NOW)
    signing = {"state": str(first / "state"), "sign": True}
    config = tmp_path / "config.toml"
    config.write_text(f'[gateway]\nstate = "{first}/state"\n')
    async with house(first, gateway=signing, person=[{"id": "anna"}]) as home:
        await home.plug(meter, METER)
        assert (await command("inbox", "assign", "anna", "--all", "-c", str(config)))[0] == 0
        code, said = await command("backup", str(file), "-c", str(config))
        assert (code, said.startswith(f"{file}: 13 things, ")) == (0, True), said
        await until(lambda: json.loads(list(read_audit(first / "state" / "journal.db"))[-1].body)["what"] == "backed up")
        mark = (await command("verify", "-c", str(config)))[1].split("mark ")[1].strip()
    assert file.stat().st_mode & 0o777 == 0o600
    config.write_text(f'[gateway]\nstate = "{second}/state"\n')
    assert await command("restore", str(file), "-c", str(config)) == (0, f"{second}/state: 13 things; start the gateway\n")
    async with house(second, gateway={**signing, "state": str(second / "state")}, person=[{"id": "anna"}]) as home:
        head = home.gateway.journal.head()
        await home.plug(meter, METER)
        assert told_glucose(home) == glucose_of(meter)
        assert home.gateway.journal.head() == head, "nothing new, and anna's are hers"
        meter.records.insert(0, (NOW, 222))
        await home.plug(meter, METER)
        assert told_glucose(home) == glucose_of(meter)
        assert (await command("verify", "-c", str(config), "--mark", mark))[0] == 0


async def test_it_is_made_while_things_are_written(tmp_path: Path) -> None:
    state, file = tmp_path / "state", tmp_path / "backup"
    state.mkdir()
    journal = Journal(state / "journal.db")
    going = True

    async def write() -> None:
        number = 0
        while going:
            await journal.commit(Commit("", tuple(candidate(f"t{number}-{one}") for one in range(20))))
            number += 1

    writing = asyncio.create_task(write())
    for attempt in range(5):
        before = journal.head()
        things = await asyncio.to_thread(copying.backup, state, file)
        assert before <= things <= journal.head()
        place = tmp_path / f"restored{attempt}"
        assert copying.restore(file, place) == things == len(list(read_latest(place / "journal.db")))
    going = False
    await writing
    journal.close()


def made(tmp_path: Path) -> Path:
    state, file = tmp_path / "state", tmp_path / "backup"
    (state / "intake").mkdir(parents=True)
    Journal(state / "journal.db").close()
    (state / "intake" / "0").write_bytes(bytes(range(256)) * 50)
    (state / "gateway.key").write_text("00" * 32)
    (state / "lock").touch()
    copying.backup(state, file)
    return file


def test_what_passes_with_a_restart_is_not_in_it(tmp_path: Path) -> None:
    file = made(tmp_path)
    with tarfile.open(file) as archive:
        assert sorted(archive.getnames()) == ["gateway.key", "intake", "intake/0", "journal.db"]


def test_a_backup_that_is_cut_or_damaged_restores_nothing(tmp_path: Path) -> None:
    file = made(tmp_path)
    whole = file.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:-1], whole[:200] + bytes((whole[200] ^ 1,)) + whole[201:], b"", b"PK\3\4"):
        file.write_bytes(damaged)
        with pytest.raises(StateError, match="nothing was restored"):
            copying.restore(file, tmp_path / "new")
        assert not (tmp_path / "new").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup", "state"]


def test_what_is_there_is_never_written_over(tmp_path: Path) -> None:
    file = made(tmp_path)
    with pytest.raises(StateError, match="is not empty; stop the gateway"):
        copying.restore(file, tmp_path / "state")
    empty = tmp_path / "empty"
    empty.mkdir(mode=0o750)
    copying.restore(file, empty)
    assert empty.stat().st_mode & 0o777 == 0o750
    with pytest.raises(StateError, match="there is no journal in"):
        copying.backup(tmp_path / "nowhere", tmp_path / "other")
    with pytest.raises(StateError, match="no backup was made"):
        copying.backup(tmp_path / "state", tmp_path / "none" / "other")


def test_what_root_restores_belongs_to_whom_the_directory_belonged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the service could not open it."""
    file, empty = made(tmp_path), tmp_path / "empty"
    empty.mkdir()
    owner, given = empty.stat().st_uid, dict[str, int]()
    monkeypatch.setattr("gateway.journal.backup.os.geteuid", lambda: 0)
    monkeypatch.setattr("gateway.journal.backup.os.chown", lambda path, user, _group, **_: given.update({Path(path).name: user}))
    copying.restore(file, empty)
    assert given == dict.fromkeys(("state", "journal.db", "intake", "0", "gateway.key"), owner)


def test_a_file_that_wants_out_is_not_let_out(tmp_path: Path) -> None:
    evil = tmp_path / "evil"
    (tmp_path / "x").write_text("x")
    with tarfile.open(evil, "w:gz") as archive:
        archive.add(tmp_path / "x", "../outside")
    with pytest.raises(StateError, match="nothing was restored"):
        copying.restore(evil, tmp_path / "deep" / "new")
    assert not (tmp_path / "deep" / "outside").exists()

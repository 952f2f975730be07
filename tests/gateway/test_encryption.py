"""What is stored can be encrypted, and is then of no use to whoever takes the card."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import shutil
import sqlite3
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from structlog.testing import capture_logs

from drivers.kit.capture import CaptureError, Record
from gateway.app import Gateway
from gateway.catching_up import catch_up
from gateway.cli import root
from gateway.clock import SystemClock
from gateway.config import Config
from gateway.credentials import Unusable
from gateway.encryption import MARK, NO_KEYS, Damaged, Key, Keys, Locked, make_key, read_keys
from gateway.errors import StateError
from gateway.filing import Filing
from gateway.intake import MOVED, Intake, read, segments
from gateway.journal import Commit, Journal, Rejection, Row, repair
from gateway.journal import rekeying as of_journal
from gateway.journal.jobs import Moment
from gateway.journal.reading import read_all, read_latest, read_rejected, read_signed
from gateway.journal.schema import KEY, Connection, connect, connect_reader, row_crc
from gateway.provenance import signer_of
from gateway.rekeying import bring_under
from gateway.whole import write_whole
from tests.gateway.test_filing import facts, glucose, info, put
from tests.support.fakes import FakeRadio
from tests.support.lived_in import KEYS, MASTER, REGISTRY, configure

OTHER = Key(bytes(range(1, 33)))
NOW = Moment(1e9, "boot", 5.0)


@pytest.fixture
def state(lived_in: Path, tmp_path: Path) -> Path:
    """Not encrypted yet."""
    made = Path(shutil.copytree(lived_in, tmp_path / "state"))
    (made / "things.ndjson").unlink()
    return made


# -- keys --------------------------------------------------------------------------------------------------------------


def test_a_text_comes_back_with_its_key_alone() -> None:
    key = KEYS.current
    stored = key.encrypt("101 mg/dL\udcff".encode("utf-8", "surrogateescape"))
    assert stored.startswith(MARK + key.name.encode() + b":")
    assert b"101" not in stored
    assert b"101 mg/dL" not in b64decode(stored.rpartition(b":")[2])
    assert key.decrypt(stored) == b"101 mg/dL\xff"
    assert key.encrypt(b"101 mg/dL\xff") != stored, "twice the same is not seen to be the same"
    with pytest.raises(Damaged):
        OTHER.decrypt(stored)
    with pytest.raises(Damaged):
        OTHER.decrypt(stored.replace(key.name.encode(), OTHER.name.encode()))


def test_every_octet_counts() -> None:
    key = KEYS.current
    for stored, back in ((key.encrypt(b"72.5 kg"), key.decrypt), (key.mask(b"72.5 kg"), key.unmask)):
        for place in range(len(stored)):
            changed = stored[:place] + bytes([stored[place] ^ 4]) + stored[place + 1 :]
            with pytest.raises(Damaged):
                back(changed)


def test_a_name_is_the_same_every_time_and_says_nothing() -> None:
    key = KEYS.current
    assert key.mask_text("id") == key.mask_text("id") != key.mask_text("ie")
    assert key.unmask_text(key.mask_text("id")) == "id"
    assert key.mask_text("id") != OTHER.mask_text("id")
    assert key.unmask(key.mask(b"")) == b""
    for damaged in ("%", "aWQ=", "\udcff"):
        with pytest.raises(Damaged):
            key.unmask_text(damaged)


def test_both_keys_are_derived_as_the_documentation_says() -> None:
    """Whoever has the key can read what is stored without this program: HKDF-SHA256 by hand (RFC 5869), AES by the library."""

    def derived(label: bytes, length: int) -> bytes:
        extracted = hmac.digest(bytes(32), MASTER, hashlib.sha256)
        made, block = b"", b""
        while len(made) < length:
            block = hmac.digest(extracted, block + label + bytes([len(made) // 32 + 1]), hashlib.sha256)
            made += block
        return made[:length]

    head, _, said = KEYS.current.encrypt(b"text").rpartition(b":")
    octets = b64decode(said)
    gcm = AESGCM(derived(b"health-gateway at rest AES-256-GCM", 32))
    assert gcm.decrypt(octets[:12], octets[12:], head + b":") == b"text"
    assert AESSIV(derived(b"health-gateway at rest AES-SIV", 64)).decrypt(KEYS.current.mask(b"name"), None) == b"name"


def test_a_key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key"
    name = make_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_keys(path).current.name == name
    with pytest.raises(FileExistsError):
        make_key(path)
    path.chmod(0o640)
    with pytest.raises(Unusable, match=r"can be read by others \(mode 640\): chmod 600"):
        read_keys(path)
    for text in ("", "00" * 31, "zz" * 32):
        path.write_text(text)
        path.chmod(0o600)
        with pytest.raises(Unusable, match="holds no key of 64 hexadecimal digits; `health-gateway new-key` makes one"):
            read_keys(path)
    with pytest.raises(Unusable, match="cannot be read: No such file"):
        read_keys(tmp_path / "none")
    # systemd hands its credentials over in a directory that is nobody else's.
    (tmp_path / "at-rest").write_text(MASTER.hex())
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setattr("gateway.credentials.located.__defaults__", (os.environ,))
    assert read_keys(Path("at-rest")).current.name == KEYS.current.name


# -- what a thief reads ------------------------------------------------------------------------------------------------


def secrets_of(state: Path, keys: Keys) -> dict[str, bytes]:
    """What is not to be found, by what it is: everything measured, and every name that is made of what was measured."""
    found: dict[str, bytes] = {}
    for row in read_all(state / "journal.db", keys):
        thing = json.loads(row.body)
        data = json.dumps(thing["data"], separators=(",", ":"))[1:-1]
        found |= {f"id of {row.n}": row.id.encode(), f"time of {row.n}": thing["when"]["time"].encode()}
        if len(data) > 12:
            found[f"data of {row.n}"] = data.encode()
    for signed in read_signed(state / "journal.db", keys):
        if signed.proof is not None:
            found |= {f"statement of {signed.n}": signed.proof.previous, f"signature of {signed.n}": signed.proof.signature}
    with connect_reader(state / "journal.db", keys) as reader:
        for n, digest in reader.execute("SELECT n, digest FROM things"):
            found[f"digest of {n}"] = reader.key.unmask(digest)
        for number, (content,) in enumerate(reader.execute("SELECT content FROM episodes")):
            found[f"content {number}"] = reader.key.unmask_text(content).encode()
    reader.close()
    for record in read(state / "intake", 0, keys):
        assert isinstance(record, Record)
        if len(record.data) > 3:
            found[f"frame at {record.position}"] = record.data.hex().encode()
    found.pop("statement of 1", None)  # zeros
    return found


def seen(state: Path, keys: Keys, secrets: dict[str, bytes]) -> list[str]:
    octets = b"".join(path.read_bytes() for path in sorted(state.rglob("*")) if path.is_file() and path.name not in ("key", "config.toml"))
    assert octets
    return [what for what, said in secrets.items() if said in octets]


async def test_nothing_is_found_in_what_is_stored(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by those who look, nor in what was stored before it was encrypted: free pages and the write-ahead log are part of it."""
    secrets = secrets_of(state, NO_KEYS)
    assert {what.split()[0] for what in secrets} == {"id", "time", "data", "statement", "signature", "digest", "content", "frame"}
    assert len(seen(state, NO_KEYS, secrets)) == len(secrets), "they are there as long as it is not"
    told = list[str]()
    monkeypatch.setattr("gateway.service.notify", told.append)
    done = bring_under(state, KEYS)
    assert done is not None
    assert (done.before, done.after, done.damaged) == ("", KEYS.current.name, 0)
    assert set(told) == {"EXTEND_TIMEOUT_USEC=3600000000"}
    told.clear()
    bring_under(state, KEYS)
    assert told == [], "a start that has nothing to do is not waited for"
    assert seen(state, KEYS, secrets) == []
    assert secrets_of(state, KEYS) == secrets, "and all of it is still there"


async def test_nor_in_what_comes_later(tmp_path: Path) -> None:
    state = tmp_path
    journal, intake = Journal(state / "journal.db", signer_of(state), KEYS), Intake(state / "intake", keys=KEYS)
    for number in range(5):
        intake.append(Record(kind="rx", session="s", characteristic=0x2A18, data=f"frame of {number}".encode()))
        await put(journal, glucose(number, f"10{number}"), about=info())
    await journal.episode("device", "72.5 kg", "s", NOW, 7, 60.0)
    await journal.commit(Commit("a", rejections=[Rejection(1, "s", "a", "d", 0x2A18, b"unreadable \xff", "too short", 1.0)]))
    secrets = secrets_of(state, KEYS) | {"rejected": b"unreadable \xff", "episode": b"72.5 kg"}
    assert seen(state, KEYS, secrets) == []
    assert [one.data for one in read_rejected(state / "journal.db", KEYS)] == [b"unreadable \xff"]
    intake.close()
    journal.close()
    assert seen(state, KEYS, secrets) == []


# -- the same as without -----------------------------------------------------------------------------------------------


def contents(state: Path, keys: Keys) -> tuple[list[Row], list[Any], list[Any]]:
    signed = [(one.n, one.body, one.proof, one.purged) for one in read_signed(state / "journal.db", keys)]
    return list(read_all(state / "journal.db", keys)), signed, list(read(state / "intake", 0, keys))


async def started(state: Path, keys: Keys) -> int:
    """How many things a start files anew."""
    findings = repair.check(state / "journal.db")
    bring_under(state, keys)
    journal, intake = Journal(state / "journal.db", signer_of(state), keys), Intake(state / "intake", keys=keys)
    before = journal.head()
    await catch_up(REGISTRY, journal, Filing(journal, None), intake, replay_all=findings.replay_all)
    intake.close()
    journal.close()
    return journal.head() - before


def watched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every time that the whole file is written."""
    execute, found = Connection.execute, list[str]()

    def noted(self: Connection, query: str, *more: Any) -> Any:
        found.extend([query] if query == "VACUUM" else [])
        return execute(self, query, *more)

    monkeypatch.setattr(Connection, "execute", noted)
    return found


async def test_from_none_to_one_to_another_to_none(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing changes but how it is stored: things, signatures, and every line with its position."""
    before = contents(state, NO_KEYS)
    ways = [KEYS, Keys(OTHER, [KEYS.current]), Keys(older=[OTHER]), KEYS, Keys(older=[KEYS.current])]
    for keys in ways:
        assert bring_under(state, keys) is not None
        assert contents(state, keys) == before
        vacuums = watched(monkeypatch)
        assert bring_under(state, keys) is None, "once is enough"
        assert vacuums == [], "a start does not write the journal's file anew"
        assert await started(state, keys) == 0
        assert contents(state, keys) == before


async def test_what_comes_afterwards_is_further_back_and_is_read_with_it(state: Path) -> None:
    bring_under(state, KEYS)
    old = [record.position for record in read(state / "intake", 0, KEYS)]
    intake = Intake(state / "intake", keys=KEYS)
    position = intake.append(Record(kind="rx", session="new", data=b"new"))
    intake.close()
    assert position > max(old)
    assert [record.position for record in read(state / "intake", 0, KEYS)] == [*old, position]
    for start in (0, old[5], old[5] + 1, old[-1], position):
        assert [record.position for record in read(state / "intake", start, KEYS)] == [one for one in [*old, position] if one >= start]


async def test_a_lost_journal_is_made_again_from_an_encrypted_log(state: Path) -> None:
    before = {row.id: json.loads(row.body) for row in read_latest(state / "journal.db")}
    bring_under(state, KEYS)
    for path in state.glob("journal.db*"):
        path.unlink()
    assert await started(state, KEYS) > 0
    again = {row.id: json.loads(row.body) for row in read_latest(state / "journal.db", KEYS)}
    assert {one: (thing["data"], thing["when"], thing.get("person")) for one, thing in again.items()} == {
        one: (thing["data"], thing["when"], thing.get("person")) for one, thing in before.items()
    }
    with pytest.raises(Locked):
        list(read_all(state / "journal.db"))


async def test_an_equal_reading_is_known_again(tmp_path: Path) -> None:
    """By id, digest and episode, none of which stand there as they are."""
    plain, encrypted = Journal(tmp_path / "plain.db"), Journal(tmp_path / "encrypted.db", keys=KEYS)
    said = []
    for journal in (plain, encrypted):
        first = await put(journal, glucose(1, "101"), glucose(2, "102"))
        again = await put(journal, glucose(1, "101"), on=facts(session="s2"))
        mended = await put(journal, glucose(1, "5.6", "mmol/L"), on=facts(session="s3"))
        token = await journal.episode("device", "72.5 kg", "s1", NOW, 7, 60.0)
        same = await journal.episode("device", "72.5 kg", "s2", NOW, 9, 60.0)
        assert token == same
        await journal.bury(["forgotten"])
        said.append((first, again, mended, journal.versions(first[0]["id"]), journal.after(0, 9), journal.counts()))
    assert said[0] == said[1]
    assert said[0][1] == []
    plain.close()
    encrypted.close()


# -- without the key, and with damage ----------------------------------------------------------------------------------


def test_without_the_key_nothing_is_done_and_nothing_is_lost(state: Path) -> None:
    configure(state, encrypted=True)
    (state / "config.toml").write_text(f'[gateway]\nstate = "{state}"\nsign = true\n')
    before = contents(state, KEYS)
    for keys in (NO_KEYS, Keys(OTHER)):
        with pytest.raises(Locked, match=f"is encrypted with the key {KEYS.current.name}; name its file in at_rest.key_file"):
            bring_under(state, keys)
        with pytest.raises(Locked):
            Journal(state / "journal.db", keys=keys)
    capture = ["capture", "--device", "C1:00:00:00:00:01", "--last", "--out", str(state / "x")]
    for command in (["export"], ["verify"], ["sink", "remove", "queue"], ["purge", "anna", "--yes"], ["rejected", "list"], capture):
        done = CliRunner().invoke(root, [*command, "-c", str(state / "config.toml")])
        assert done.exit_code == 1, command
        assert f"is encrypted with the key {KEYS.current.name}" in done.output, (command, done.output)
        assert "Traceback" not in done.output
    assert contents(state, KEYS) == before


def test_commands_read_what_is_encrypted(state: Path) -> None:
    plain = [row.body for row in read_all(state / "journal.db")]
    configure(state, encrypted=True)
    run = CliRunner()
    done = run.invoke(root, ["export", "-c", str(state / "config.toml")])
    assert done.output.splitlines() == plain
    assert run.invoke(root, ["verify", "-c", str(state / "config.toml")]).exit_code == 0
    assert run.invoke(root, ["sink", "rewind", "queue", "--to", "0", "-c", str(state / "config.toml")]).exit_code == 0
    checked = run.invoke(root, ["check", "-c", str(state / "config.toml")]).output
    assert f"at rest: encrypted with the key {KEYS.current.name}; the key is in the state directory, and so in every backup: put" in checked
    elsewhere = make_key(state.parent / "elsewhere")
    text = f'[gateway]\nstate = "{state}"\n[at_rest]\nkey_file = "{state.parent}/elsewhere"\n'
    (state.parent / "config.toml").write_text(text)
    checked = run.invoke(root, ["check", "-c", str(state.parent / "config.toml")]).output
    assert f"at rest: encrypted with the key {elsewhere}; but not what the sink file writes\n" in checked
    (state.parent / "elsewhere").chmod(0o644)
    refused = run.invoke(root, ["check", "-c", str(state.parent / "config.toml")])
    assert refused.exit_code == 1
    assert f"at_rest: {state.parent}/elsewhere can be read by others (mode 644): chmod 600" in refused.output
    made = run.invoke(root, ["new-key", str(state / "second")])
    assert made.exit_code == 0
    assert run.invoke(root, ["new-key", str(state / "second")]).output == f"Error: {state}/second: File exists; no key was made\n"


@pytest.mark.parametrize("way", [KEYS, Keys(older=[KEYS.current])], ids=["encrypted", "plain again"])
async def test_damage_hides_nothing_else(state: Path, way: Keys) -> None:
    """A line and a row in a hundred, before a key is changed: the others are as they were."""
    bring_under(state, KEYS)
    lines = list(read(state / "intake", 0, KEYS))
    [(_, path), *_] = segments(state / "intake")
    assert path.suffix == MOVED
    raw = path.read_bytes().splitlines(keepends=True)
    raw[7] = raw[7][:60] + bytes([raw[7][60] ^ 2]) + raw[7][61:]
    path.write_bytes(b"".join(raw))
    if not way.current.name:
        bring_under(state, way)
    after = list(read(state / "intake", 0, way))
    assert isinstance(after[7], CaptureError)
    assert [*after[:7], *after[8:]] == [*lines[:7], *lines[8:]]


async def test_a_thing_that_does_not_open_is_filed_again(state: Path) -> None:
    """Its checksum fits, since whoever changed it knew how to make one."""
    bring_under(state, KEYS)
    rows = list(read_all(state / "journal.db", KEYS))
    connection = connect(state / "journal.db")
    n, named, version, kind, digest, quality, position, body = connection.execute(
        "SELECT n, id, version, type, digest, quality, position, body FROM things ORDER BY n LIMIT 1 OFFSET 3"
    ).fetchone()
    body = body[:-4] + ("AAA=" if body[-4:] != "AAA=" else "BBB=")
    connection.execute(
        "UPDATE things SET body=?, crc=? WHERE n=?", (body, row_crc(n, named, version, kind, digest, quality, position, body), n)
    )
    connection.close()
    assert [row.n for row in read_all(state / "journal.db", KEYS)] == [row.n for row in rows if row.n != n]
    assert (await opened_after(state, n)) is False
    shutil.copytree(state, state.parent / "copy")
    done = bring_under(state.parent / "copy", Keys(OTHER, [KEYS.current]))
    assert done is not None
    assert (done.things, done.damaged) == (len(rows) - 1, 1)
    lost = next(row for row in rows if row.n == n)
    for name, master in (("old", MASTER), ("new", bytes(range(1, 33)))):
        (state.parent / name).write_text(master.hex())
        (state.parent / name).chmod(0o600)
    told = {"gateway": {"state": str(state), "sign": True}, "time": {"trust": "manual"}}
    told["at_rest"] = {"key_file": str(state.parent / "new"), "old_key_files": [str(state.parent / "old")]}
    gateway = Gateway(Config.model_validate(told), REGISTRY, FakeRadio(), SystemClock("manual"), sinks={})
    running = asyncio.create_task(gateway.run())
    await gateway.ready.wait()
    again = [row for row in gateway.journal.versions(lost.id) if row.version == lost.version]
    missing = gateway.journal.missing()
    gateway.stop()
    await running
    assert [json.loads(row.body)["data"] for row in again] == [json.loads(lost.body)["data"]]
    assert [number for number, _ in missing] == [n]


async def opened_after(state: Path, n: int) -> bool:
    journal = Journal(state / "journal.db", signer_of(state), KEYS)
    found = any(row.n == n for row in journal.after(n - 1, 1))
    journal.close()
    return found


def test_a_journal_that_has_lost_its_note_tells_by_what_is_in_it(state: Path) -> None:
    """Also where the configuration names another key by now; and an older release's, which has no note."""
    for keys, after in ((KEYS, Keys(OTHER, [KEYS.current])), (NO_KEYS, KEYS)):
        place = state.parent / (keys.current.name or "plain")
        shutil.copytree(state, place)
        bring_under(place, keys)
        before = contents(place, keys)
        connection = connect(place / "journal.db")
        connection.execute("DELETE FROM meta WHERE key=?", (KEY,))
        connection.close()
        assert contents(place, after)[0] == before[0]
        assert bring_under(place, after) is not None
        assert contents(place, after) == before


def test_a_line_of_it_says_how_it_is_read(state: Path) -> None:
    bring_under(state, KEYS)
    intake = Intake(state / "intake", keys=KEYS)
    intake.append(Record(kind="rx", session="s", data=b"x"))
    intake.close()
    done = CliRunner().invoke(root, ["replay", str(segments(state / "intake")[-1][1])])
    assert "it is encrypted; `health-gateway capture --last` copies a conversation as it was" in done.output


# -- cut off -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", [KEYS, Keys(OTHER, [KEYS.current]), Keys(older=[KEYS.current])], ids=["encrypt", "rotate", "decrypt"])
async def test_cut_off_anywhere_it_goes_on(state: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """With several segments, one of which cannot be written at first; and with a journal that cannot."""
    before = contents(state, NO_KEYS)
    records = [record for record in before[2] if isinstance(record, Record)]
    shutil.rmtree(state / "intake")
    intake = Intake(state / "intake", segment_bytes=2000)
    for record in records:
        intake.append(record)
    intake.close()
    before = contents(state, NO_KEYS)
    assert len(segments(state / "intake")) > 5
    if keys is not KEYS:
        bring_under(state, KEYS)
    whole, writes = write_whole, list[Path]()

    def full(path: Path, data: bytes) -> None:
        writes.append(path)
        if len(writes) == 4:
            raise OSError(28, "No space left on device")
        whole(path, data)

    with monkeypatch.context() as patch:
        patch.setattr("gateway.rekeying.write_whole", full)
        with pytest.raises(StateError, match="No space left on device; it could not be brought under another key: make room"):
            bring_under(state, keys)
    both = Keys(keys.current, [KEYS.current, OTHER])
    assert contents(state, both) == before, "half of it under one, half under the other"
    with monkeypatch.context() as patch:
        patch.setattr("gateway.journal.rekeying.put", broken)
        with pytest.raises(StateError, match="disk I/O error; it could not be brought under another key, and is as it was"):
            bring_under(state, keys)
    assert contents(state, both) == before
    assert bring_under(state, keys) is not None
    assert contents(state, keys) == before


def broken(*_: object) -> None:
    raise sqlite3.OperationalError("disk I/O error")


async def test_without_room_to_write_the_file_anew_it_goes_on_and_is_done_later(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets, before, execute = secrets_of(state, NO_KEYS), contents(state, NO_KEYS), Connection.execute

    def full(self: Connection, query: str, *more: Any) -> Any:
        if query == "VACUUM":
            raise sqlite3.OperationalError("database or disk is full")
        return execute(self, query, *more)

    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(Connection, "execute", full)
        done = bring_under(state, KEYS)
    assert done is not None
    assert done.after == KEYS.current.name
    assert any("can still be found in the journal's file: make room and restart" in entry["event"] for entry in logs)
    assert contents(state, KEYS) == before
    assert bring_under(state, KEYS) is None
    assert seen(state, KEYS, secrets) == []


async def test_what_stood_in_the_file_before_goes_also_after_a_crash(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Committed, and then killed before the file was written anew."""
    secrets = secrets_of(state, NO_KEYS)
    execute = Connection.execute

    def killed(self: Connection, query: str, *more: Any) -> Any:
        if query == "VACUUM":
            raise KeyboardInterrupt
        return execute(self, query, *more)

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "execute", killed)
        with pytest.raises(KeyboardInterrupt):
            of_journal.rekey(state / "journal.db", KEYS)
    assert bring_under(state, KEYS) is None
    assert [what for what in seen(state, KEYS, secrets) if "frame" not in what] == []

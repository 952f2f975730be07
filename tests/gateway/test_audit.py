"""Who did what: what is noted, and that nothing can be taken out unnoticed."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from structlog.testing import capture_logs

from gateway.audit import Audit
from gateway.cli import root
from gateway.errors import JournalError
from gateway.journal import Journal
from gateway.journal.reading import read_audit
from gateway.provenance import AUDIT_LABEL, Signer, Verdict, verify
from gateway.simulator.cables.freestyle import FreeStyleUsb
from gateway.transports.cables.plugs import Plugged
from tests.support.cable_cases import NOW, records
from tests.support.cables import house
from tests.support.fakes import T0

SIGNER = Signer(bytes(range(32)))


async def written(path: Path, count: int = 5, signer: Signer | None = SIGNER) -> str:
    """The mark behind them."""
    journal = Journal(path, signer)
    audit = Audit(journal, lambda: T0)
    for number in range(count):
        audit.note("read", device=f"C1:00:00:00:00:{number:02}", things=number)
    await audit.settle()
    journal.close()
    return audit.mark


def problems(path: Path, public: bytes | None = SIGNER.public, mark: str | None = None) -> list[str]:
    return list(verify(read_audit(path), public, Verdict(), mark=mark, label=AUDIT_LABEL))


@pytest.mark.parametrize("signer", [SIGNER, None], ids=["signed", "chained"])
async def test_every_octet_of_the_log_counts(tmp_path: Path, signer: Signer | None) -> None:
    """Of what each entry says, and of what stands beside it."""
    path = tmp_path / "journal.db"
    mark = await written(path, 3, signer)
    public = signer.public if signer else None
    assert problems(path, public, mark) == []
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for column in ("body", "previous", *(("signature",) if signer else ())):
            for n in (1, 2, 3):
                (whole,) = connection.execute(f"SELECT CAST({column} AS BLOB) FROM audit WHERE n=?", (n,)).fetchone()
                for at in range(len(whole)):
                    changed = whole[:at] + bytes((whole[at] ^ 0x01,)) + whole[at + 1 :]
                    kind = "TEXT" if column == "body" else "BLOB"
                    connection.execute(f"UPDATE audit SET {column}=CAST(? AS {kind}) WHERE n=?", (changed, n))
                    assert problems(path, public, mark), (column, n, at)
                    connection.execute(f"UPDATE audit SET {column}=CAST(? AS {kind}) WHERE n=?", (whole, n))
        assert problems(path, public, mark) == []
        for n in (1, 2):
            rows = connection.execute("SELECT * FROM audit WHERE n>=? ORDER BY n", (n,)).fetchall()
            connection.execute("DELETE FROM audit WHERE n=?", (n,))
            assert problems(path, public, mark), f"{n} taken out"
            connection.execute("UPDATE audit SET n=n-1 WHERE n>?", (n,))
            assert problems(path, public, mark), f"{n} taken out, and the rest moved up"
            connection.execute("DELETE FROM audit WHERE n>=?", (n,))
            connection.executemany("INSERT INTO audit VALUES(?,?,?,?,?,?)", rows)
        assert problems(path, public, mark) == []
        connection.execute("DELETE FROM audit WHERE n=3")
    assert problems(path, public) == []
    assert problems(path, public, mark) == ["it ends at 2, though it reached 3 before: the end was cut off"]


async def test_an_entry_of_the_log_is_no_thing_and_a_thing_is_no_entry(tmp_path: Path) -> None:
    """Or somebody could make the one of the other, signature and all."""
    path = tmp_path / "journal.db"
    await written(path, 1)
    assert problems(path) == []
    assert list(verify(read_audit(path), SIGNER.public, Verdict())) == ["1 is not what was signed"]


async def test_it_goes_on_behind_a_restart_and_signing_may_begin_later(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    await written(path, 2, None)
    mark = await written(path, 2)
    assert problems(path, mark=mark) == []
    await written(path, 1, None)
    assert problems(path) == ["5 is not signed, though what came before it is"]


async def test_a_journal_that_takes_nothing_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "journal.db")

    async def full(_body: str) -> str:
        raise JournalError("full")

    monkeypatch.setattr(journal, "note", full)
    audit = Audit(journal, lambda: T0)
    with capture_logs() as logs:
        audit.note("read", device="x")
        await audit.settle()
    journal.close()
    [told] = logs
    assert (told["event"], told["entry"], told["problem"]) == ("the audit log could not be written", "read", "full")


async def test_what_happens_is_noted_without_health_values(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    clinic = {"type": "file", "path": str(tmp_path / "out"), "consent": "required"}
    config.write_text(f'[gateway]\nstate = "{tmp_path}/state"\n')

    async def said(*arguments: str) -> str:
        result = await asyncio.to_thread(CliRunner().invoke, root, [*arguments, "-c", str(config)])
        assert result.exit_code == 0, result.output
        return result.output

    async with house(tmp_path, person=[{"id": "anna"}], sink={"clinic": clinic}) as home:
        await home.plug(FreeStyleUsb([(NOW, 137), *records(3)], lambda: NOW), Plugged("1-10", 0x1A61, 0x3850))
        number = (await said("inbox", "list")).split()[0]
        await said("inbox", "assign", "anna", number)
        await said("consent", "grant", "anna", "clinic", "--type", "blood-glucose")
        await said("consent", "revoke", "anna", "clinic")
        await said("export")
        await said("rejected", "list")
    entries = [json.loads(entry.body) for entry in read_audit(tmp_path / "state" / "journal.db")]
    assert [entry["what"] for entry in entries] == [
        "started",
        "read",
        "readings shown",
        "assigned",
        "granted",
        "revoked",
        "exported",
        "rejected frames shown",
        "delivered",
        "stopped",
    ]
    read = entries[1]
    assert (read["driver"], read["identity"], read["things"]) == ("freestyle-neo", "serial:Abbott:FreeStyle Precision Neo:LAGM231-S0042", 6)
    assert entries[3]["to"] == "anna"
    assert "137" not in json.dumps(entries)
    shown = await said("audit", "show", "--last", "9")
    assert len(shown.splitlines()) == 9
    assert "granted        person anna, sink clinic, types blood-glucose" in shown
    told = await said("audit", "verify")
    assert told.startswith("10 entries, 0 of them signed; no problems; mark 10:")

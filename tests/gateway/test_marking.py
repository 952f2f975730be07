"""How far the audit log goes, at every sink."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from gateway.audit import Audit
from gateway.exports.fhir.bundle import Transaction
from gateway.exports.fhir.parties import Home
from gateway.exports.healthvault_xml import thing_element
from gateway.journal import Journal
from gateway.journal.reading import read_audit, read_signed
from gateway.marking import tell
from gateway.normalize.things import BY_NAME
from gateway.provenance import AUDIT_LABEL, Signer, Verdict, verify
from tests.support.fakes import FakeClock
from tests.support.fhir_rules import problems


async def test_a_cut_off_end_shows_by_what_a_sink_has_heard(tmp_path: Path) -> None:
    path, signer, clock = tmp_path / "journal.db", Signer(bytes(32)), FakeClock()
    journal = Journal(path, signer)
    audit = Audit(journal, clock.now)
    for day in range(3):
        audit.note("day", number=day)
        await audit.settle()
        await tell(journal, "c0ffee00", audit.mark, clock)
        clock.pass_(86400)
    rows = list(journal.everything())
    heard = [json.loads(row.body) for row in rows]
    journal.close()
    assert [thing["version"] for thing in heard] == [1, 2, 3]
    assert {thing["id"] for thing in heard} == {heard[0]["id"]}
    assert list(verify(read_signed(path), signer.public, Verdict())) == [], "it is signed as things are"
    mark = heard[-1]["data"]["audit_mark"]
    assert list(verify(read_audit(path), signer.public, Verdict(), mark=mark, label=AUDIT_LABEL)) == []
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM audit WHERE n = 3")
        connection.commit()
    assert list(verify(read_audit(path), signer.public, Verdict(), label=AUDIT_LABEL)) == [], "alone it looks whole"
    [said] = verify(read_audit(path), signer.public, Verdict(), mark=mark, label=AUDIT_LABEL)
    assert "the end was cut off" in said


async def test_every_shape_takes_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    await tell(journal, "c0ffee00", "7:" + "ab" * 32, FakeClock())
    [row] = journal.everything()
    journal.close()
    thing = json.loads(row.body)
    assert BY_NAME["device"].model_validate_json(row.body).id == thing["id"]
    transaction = Transaction(Home("c0ffee00", "1"))
    transaction.add(thing)
    bundle = transaction.bundle()
    assert problems(bundle) == []
    [entry] = bundle["entry"]
    assert entry["resource"]["note"][0]["text"].endswith("7:" + "ab" * 32)
    assert thing_element(thing, row) is not None

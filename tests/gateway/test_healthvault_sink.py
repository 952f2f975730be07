"""The HealthVault sink against a record service that checks hashes, signatures and schemas."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from lxml import etree

from gateway import inbox
from gateway.cli import root
from gateway.config import DeviceSection
from gateway.config_sinks import HealthVaultSection
from gateway.healthvault import rules, wire
from gateway.healthvault.status import MEANS, SENTENCES, Means
from gateway.journal import Journal
from gateway.journal.reading import read_latest
from gateway.provenance import Signer
from gateway.sinks.base import Unreachable
from gateway.sinks.healthvault import NOBODY, HealthVaultSink
from tests.gateway.test_exports import NAMESPACES
from tests.gateway.test_filing import A, facts, glucose, info, put
from tests.support.driving import driven
from tests.support.fakes import until
from tests.support.healthvault_server import APP, OTHER, PERSON, RECORD, SCHEMA, SECRET, VaultServer, b64, served

ANNA = DeviceSection(address=A, person="anna")
BOUNDARY = json.loads((Path(__file__).parents[1] / "vectors" / "healthvault-boundary.json").read_text())["cases"]


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    made = tmp_path / "secret"
    made.write_text(b64(SECRET) + "\n")
    return made


def sink(url: str, secret: Path, **named: Any) -> HealthVaultSink:
    records = {"anna": RECORD, "ben": OTHER}
    said = {
        "type": "healthvault",
        "url": url,
        "app_id": APP,
        "secret_file": secret,
        "person_id": PERSON,
        "records": records,
        "timeout_seconds": 1,
    }
    return HealthVaultSink(HealthVaultSection.model_validate(said | named))


async def readings(journal: Journal, count: int) -> None:
    await put(journal, *(glucose(number, str(100 + number)) for number in range(1, count + 1)), about=info(), on=facts(settings=ANNA))


def expected(count: int) -> list[str]:
    return [str(100 + number) for number in range(1, count + 1)]


async def test_things_arrive_once_each_in_its_record(journal: Journal, secret: Path) -> None:
    await readings(journal, 70)
    server = VaultServer()
    async with served(server) as url, driven(journal, sink(url, secret), "v"):
        await until(lambda: journal.cursor("v") == 71)
    assert server.values() == expected(70)
    assert server.methods == ["CreateAuthenticatedSessionToken", *["GetThings", "PutThings"] * 3], "thirty at a time"


async def test_what_was_signed_goes_with_its_signature(tmp_path: Path, secret: Path) -> None:
    signed = Journal(tmp_path / "signed.db", Signer(bytes(32)))
    await readings(signed, 1)
    server = VaultServer()
    async with served(server) as url, driven(signed, sink(url, secret), "v"):
        await until(lambda: signed.cursor("v") == 2)
    [kept] = server.records[RECORD]
    row = signed.after(1, 1)[0]
    found = kept.element.find("data-xml/common/extension/signed")
    assert row.proof is not None
    assert (found.text, found.get("signature")) == (row.body, row.proof.signature.hex())
    signed.close()


async def test_a_lost_answer_and_a_sink_that_begins_anew_double_nothing(journal: Journal, secret: Path) -> None:
    await readings(journal, 5)
    server = VaultServer(lose=True)
    async with served(server) as url:
        async with driven(journal, sink(url, secret, timeout_seconds=0.3), "v") as outlet:
            await until(lambda: outlet.problem is not None)
            assert "no answer" in str(outlet.problem)
            assert server.values() == expected(5), "it had taken them"
            outlet.retry()
            await until(lambda: journal.cursor("v") == 6)
        async with driven(journal, sink(url, secret), "another"):
            await until(lambda: journal.cursor("another") == 6)
    assert server.values() == expected(5)
    assert server.methods.count("PutThings") == 1, "what is there is not even put in its own place"


async def test_an_old_version_does_not_take_the_place_of_a_newer_one(journal: Journal, secret: Path) -> None:
    for session, value, unit in (("s1", "101", "mg/dL"), ("s2", "5.6", "mmol/L")):
        await put(journal, glucose(1, value, unit), on=facts(session=session, settings=ANNA))
    server = VaultServer()
    async with served(server) as url:
        made = sink(url, secret)
        assert await made.send(journal.after(1, 1)) == []
        assert await made.send(journal.after(0, 1)) == []
        await made.close()
    assert server.values() == ["5.6"]


async def test_moved_back_and_retracted(journal: Journal, path: Path, secret: Path) -> None:
    """Each word of the owner's reaches the records: nobody else's keeps it, and nothing is there twice."""
    await put(journal, glucose(1, "101"), on=facts(settings=ANNA))
    server = VaultServer()

    def whose() -> tuple[list[str], list[str]]:
        return server.values(RECORD), server.values(OTHER)

    async with served(server) as url, driven(journal, sink(url, secret), "v") as outlet:
        await until(lambda: whose() == (["101"], []))
        for person, wanted in (("ben", ([], ["101"])), ("anna", (["101"], [])), (None, ([], [])), ("ben", ([], ["101"]))):
            await inbox.assign(journal, [max(row.n for row in read_latest(path))], person)
            outlet.wake()
            await until(lambda wanted=wanted: whose() == wanted)  # type: ignore[misc]  # mypy infers no default's type
        await inbox.retract(journal, [max(row.n for row in read_latest(path))])
        outlet.wake()
        await until(lambda: whose() == ([], []))
    assert server.methods.count("PutThings") == 4, "to her, to him, back to her, to him"
    assert server.methods.count("RemoveThings") == 4


async def test_a_later_version_takes_the_place_of_the_earlier_one(journal: Journal, secret: Path) -> None:
    """Also where somebody else has touched it in between: its stamp is asked for again, once."""
    await put(journal, glucose(1, "101"), on=facts(settings=ANNA))
    server = VaultServer()
    async with served(server) as url:
        made = sink(url, secret)
        assert await made.send(journal.after(0, 1)) == []
        first = server.records[RECORD][0].thing_id
        before = server._getthings

        def changed_behind_our_back(record: str, asked: Any) -> bytes:
            said = before(record, asked)
            server.records[record][0].stamp = "5f3f9a1e-0000-0000-0000-000000000000"
            server._getthings = before  # type: ignore[method-assign]
            return said

        server._getthings = changed_behind_our_back  # type: ignore[assignment, method-assign]
        await put(journal, glucose(1, "5.6", "mmol/L"), on=facts(session="s2", settings=ANNA))
        assert await made.send(journal.after(1, 1)) == [], "it need not be tried again later"
        await made.close()
    assert server.values() == ["5.6"]
    assert server.records[RECORD][0].thing_id == first
    assert server.methods.count("PutThings") == 3


async def test_what_is_refused_waits_and_the_rest_goes_on(journal: Journal, secret: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What the service says of it may hold a value: only its number is told."""
    await readings(journal, 70)
    ids = [row.id for row in journal.after(1, 100)]
    server = VaultServer(refuses={ids[16]: 3, ids[49]: 90}, at_once=20)
    async with served(server) as url, driven(journal, sink(url, secret), "v"):
        await until(lambda: journal.cursor("v") == 71)
    assert sorted(server.values()) == sorted(set(expected(70)) - {"117", "150"})
    assert journal.deferred("v") == [(18, "the record service refuses it (status 3)"), (51, "the record service refuses it (status 90)")]
    assert "72.4" not in caplog.text


async def test_a_record_that_is_closed_holds_its_person_and_nobody_else(journal: Journal, secret: Path) -> None:
    await readings(journal, 3)
    await put(journal, glucose(9, "109"), on=facts("C1:00:00:00:00:09", "s9", settings=DeviceSection(address=A, person="ben")))
    server = VaultServer(closed={RECORD: 11})
    async with served(server) as url, driven(journal, sink(url, secret), "v") as outlet:
        await until(lambda: server.values(OTHER) == ["109"] and outlet.problem is not None)
        assert "its owner does not let us write into this record" in str(outlet.problem)
        assert server.values() == []
        server.closed = {}
        outlet.retry()
        await until(lambda: server.values() == expected(3))


async def test_what_has_no_record_waits(journal: Journal, secret: Path) -> None:
    await put(journal, glucose(1, "101"), on=facts())
    await put(journal, glucose(2, "102"), on=facts(session="s2", settings=DeviceSection(address=A, person="carl")))
    server = VaultServer()
    async with served(server) as url, driven(journal, sink(url, secret), "v"):
        await until(lambda: journal.cursor("v") == 2)
    assert journal.deferred("v") == [(1, NOBODY), (2, "there is no record for whose it is; name it in `records`")]


async def test_a_session_that_has_ended_is_renewed_once(journal: Journal, secret: Path) -> None:
    await readings(journal, 2)
    server = VaultServer()
    async with served(server) as url, driven(journal, sink(url, secret), "v") as outlet:
        await until(lambda: journal.cursor("v") == 3)
        server.sessions = {}
        await put(journal, glucose(3, "103"), on=facts(session="s3", settings=ANNA))
        outlet.wake()
        await until(lambda: journal.cursor("v") == 4)
        assert server.begun == 2
        server.answers = [8, 65]
        await put(journal, glucose(4, "104"), on=facts(session="s4", settings=ANNA))
        outlet.wake()
        await until(lambda: outlet.problem is not None)
        assert "check `app_id`" in str(outlet.problem)
        outlet.retry()
        await until(lambda: journal.cursor("v") == 5)
    assert server.values() == expected(4)


@pytest.mark.parametrize("code", [*range(1, 162)])
async def test_every_status_code_loses_nothing(journal: Journal, secret: Path, code: int) -> None:
    """The thing that it is said of is kept or told to be refused, and goes when the service takes it; nothing is there twice."""
    await readings(journal, 2)
    server = VaultServer(answers=[code, code, code, code, code, code])
    made = sink(_URL, secret)
    made._post = _direct(server)  # type: ignore[method-assign]
    for _ in range(8):
        rows = journal.after(0, 9)
        try:
            answers = list(await made.send(rows))
        except Unreachable as error:
            assert str(error).endswith(f"(status {code})")
            assert MEANS.get(code) not in (Means.CLOSED, Means.FULL, Means.HALVE, Means.POISON)
            continue
        if not answers:
            break
        assert all(str(code) in answer.reason for answer in answers)
        assert MEANS[code] in (Means.CLOSED, Means.FULL, Means.HALVE, Means.POISON)
    assert server.values() == expected(2)


_URL = "http://127.0.0.1:1/"


def _direct(server: VaultServer) -> Any:
    async def post(body: bytes) -> wire.Response:
        return wire.understood(server.take(body))

    return post


def test_every_class_of_codes_has_its_sentence() -> None:
    assert set(SENTENCES) == set(Means) - {Means.HALVE, Means.POISON}


async def told(made: HealthVaultSink, journal: Journal) -> str:
    with pytest.raises(Unreachable) as error:
        await made.send(journal.after(0, 9))
    await made.close()
    return str(error.value)


async def test_what_is_wrong_is_said_in_one_line(journal: Journal, secret: Path, tmp_path: Path) -> None:
    await readings(journal, 1)
    wrong = tmp_path / "wrong"
    wrong.write_text(b64(b"another"))
    server = VaultServer()
    async with served(server) as url:
        assert "it does not know us; check `app_id` and `secret_file` (status 6)" in await told(sink(url, wrong), journal)
        wrong.write_text("no base64!")
        assert "wrong holds no secret (base64)" in await told(sink(url, wrong), journal)
        assert "No such file" in await told(sink(url, tmp_path / "none"), journal)
        server.clock = 7200
        assert "is the hub's right?" in await told(sink(url, secret), journal)
        server.clock = 0
        entities = "<!DOCTYPE x [<!ENTITY a 'b'>]><response/>"
        for garbage in ("<html>welcome</html>", "{}", entities, "<response><status/></response>", ""):
            server.answers = [garbage]
            assert "not as HealthVault does; check `url`" in await told(sink(url, secret), journal)
        assert "there is nothing at this address" in await told(sink(url + "x", secret), journal)
    assert journal.cursor("v") == 0


async def test_check_tries_it(secret: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    server = VaultServer()

    async def checked(url: str) -> str:
        config.write_text(
            f'[gateway]\nstate = "{tmp_path}"\n[[person]]\nid = "anna"\n[sink.vault]\ntype = "healthvault"\nurl = "{url}"\n'
            f'app_id = "{APP}"\nsecret_file = "{secret}"\nperson_id = "{PERSON}"\nrecords = {{ anna = "{RECORD}" }}\n'
        )
        return (await asyncio.to_thread(CliRunner().invoke, root, ["check", "-c", str(config)])).output

    async with served(server) as url:
        assert f"sink vault: {url} answers" in await checked(url)
        secret.write_text(b64(b"another"))
        assert "it does not know us" in await checked(url)
    assert server.methods == ["CreateAuthenticatedSessionToken"] * 2


# -- what a record needs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", BOUNDARY, ids=lambda case: case["case"])
def test_a_record_takes_what_a_person_needs_there(case: dict[str, Any]) -> None:
    """The cases at the boundaries of HealthVault's schemas: refused by its schema, or by ours, or taken."""
    element = etree.fromstring(case["xml"])
    ours = element.tag in NAMESPACES
    common = "<common><source>x</source></common>"
    data = f"<info><thing><type-id>{case['type_id']}</type-id><data-xml>{case['xml']}{common}</data-xml></thing></info>"
    is_valid = SCHEMA.validate(etree.fromstring(data)) if ours else case["schema_valid"]
    if ours and case["schema_valid"]:
        assert is_valid or not case["a_record_takes_it"]
    if ours and not case["schema_valid"]:
        assert not is_valid
    assert (is_valid and not list(rules.problems(element))) == case["a_record_takes_it"]


@pytest.mark.parametrize(
    ("xml", "said"),
    [
        ("<blood-pressure><systolic>80</systolic><diastolic>120</diastolic></blood-pressure>", ["systolic is below diastolic"]),
        ("<blood-pressure><systolic>120</systolic><diastolic>120</diastolic></blood-pressure>", []),
        ("<blood-pressure><systolic>0</systolic><diastolic>0</diastolic></blood-pressure>", ["is not above 0", "is not above 0"]),
        ("<blood-oxygen-saturation><value>0</value></blood-oxygen-saturation>", ["value is not above 0"]),
        ("<weight><value><kg>x</kg></value></weight>", ["kg is no number"]),
        ("<body-composition><when/></body-composition>", ["it holds no value"]),
        ("<peak-flow><when/><peak-expiratory-flow>8</peak-expiratory-flow></peak-flow>", []),
    ],
)
def test_the_rules_one_by_one(xml: str, said: list[str]) -> None:
    found = list(rules.problems(etree.fromstring(xml)))
    assert len(found) == len(said)
    assert all(part in sentence for part, sentence in zip(said, found, strict=True))


async def test_what_no_record_needs_is_refused_before_it_is_sent(journal: Journal, secret: Path) -> None:
    await put(journal, glucose(1, "0"), glucose(2, "102"), on=facts(settings=ANNA))
    server = VaultServer()
    async with served(server) as url, driven(journal, sink(url, secret), "v"):
        await until(lambda: journal.cursor("v") == 2)
    assert server.values() == ["102"]
    assert journal.deferred("v") == [(1, "no record needs this: mmolPerL is not above 0")]

"""The FHIR sink against a server that takes what the guide permits, and nothing else."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway import inbox
from gateway.cli import root
from gateway.config import DeviceSection
from gateway.config_sinks import FhirSection
from gateway.exports.fhir.bundle import SIGNED
from gateway.filing import candidates
from gateway.journal import Commit, Journal
from gateway.journal.reading import read_latest
from gateway.normalize.things import SamplesData, SamplesThing
from gateway.provenance import Proof, Signer, signature_problem
from gateway.sinks.base import Unreachable
from gateway.sinks.fhir import NOBODY, FhirSink
from tests.gateway.test_filing import A, facts, glucose, info, put
from tests.support.certificates import Authority
from tests.support.driving import driven
from tests.support.fakes import until
from tests.support.fhir_server import FhirServer, served

ANNA = DeviceSection(address=A, person="anna")


def sink(url: str, **named: object) -> FhirSink:
    section = FhirSection.model_validate({"type": "fhir", "url": url, "timeout_seconds": 1, **named})
    return FhirSink(section, "c0ffee00", keeps_time=True)


async def readings(journal: Journal, count: int) -> None:
    await put(journal, *(glucose(number, str(100 + number)) for number in range(1, count + 1)), about=info(), on=facts(settings=ANNA))


def values(server: FhirServer) -> dict[str, str]:
    """Status by value, of glucose."""
    return {str(one.get("valueQuantity", {}).get("value", "-")): one["status"] for one in server.observations()}


async def test_things_arrive_once_with_device_gateway_and_person(journal: Journal) -> None:
    await readings(journal, 120)
    server = FhirServer()
    async with served(server) as url, driven(journal, sink(url), "f"):
        await until(lambda: journal.cursor("f") == 121)
    assert len(server.observations()) == 120
    assert len(server.of("Device")) == 2
    [patient] = server.of("Patient")
    assert patient["identifier"][0]["value"] == "anna"
    references = {one["subject"]["reference"] for one in server.observations()}
    assert len(references) == 1
    assert server.stored[references.pop()] == patient
    assert server.transactions == 3, "fifty at a time"


async def test_what_was_signed_goes_with_its_signature(tmp_path: Path) -> None:
    """Whoever has the observation and the public key can check the thing that it was made of."""
    signer = Signer(bytes(32))
    signed = Journal(tmp_path / "signed.db", signer)
    await readings(signed, 2)
    server = FhirServer()
    async with served(server) as url, driven(signed, sink(url), "f"):
        await until(lambda: signed.cursor("f") == 3)
    signed.close()
    found = []
    for one in server.observations():
        [extension] = [each for each in one["extension"] if each["url"] == SIGNED]
        said = {each["url"]: each["valueString"] for each in extension["extension"]}
        proof = Proof(said["key"], bytes.fromhex(said["previous"]), bytes.fromhex(said["signature"]))
        assert signature_problem(signer.public, int(said["n"]), said["payload"].encode(), proof) is None
        assert str(one["valueQuantity"]["value"]) == json.loads(said["payload"])["data"]["glucose"]["display"]["value"]
        found.append(int(said["n"]))
    assert sorted(found) == [2, 3]


async def test_a_lost_answer_doubles_nothing(journal: Journal) -> None:
    await readings(journal, 5)
    server = FhirServer(lose=True)
    async with served(server) as url, driven(journal, sink(url, timeout_seconds=0.3), "f") as outlet:
        await until(lambda: outlet.problem is not None)
        assert "no answer" in str(outlet.problem)
        assert len(server.observations()) == 5, "it had taken them"
        outlet.retry()
        await until(lambda: journal.cursor("f") == 6)
    assert len(server.observations()) == 5
    assert server.transactions == 2


async def test_what_is_refused_waits_and_the_rest_goes_on(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    """Of seventy that go together the server will not have two; what it says of them is told by its codes alone."""
    await readings(journal, 70)
    server = FhirServer(refuses=lambda one: str(one.get("valueQuantity", {}).get("value")) in ("117", "150"))
    async with served(server) as url, driven(journal, sink(url, together=100), "f"):
        await until(lambda: journal.cursor("f") == 71)
    assert len(server.observations()) == 68
    told = journal.deferred("f")
    assert [n for n, _ in told] == [18, 51]
    assert {reason for _, reason in told} == {"the server refuses it (422: business-rule)"}
    assert "117" not in caplog.text


async def test_what_is_nobody_s_waits_until_somebody_says_whose_it_is(journal: Journal, path: Path) -> None:
    await put(journal, glucose(1, "101"), glucose(2, "102"), on=facts())
    server = FhirServer()
    async with served(server) as url, driven(journal, sink(url), "f") as outlet:
        await until(lambda: journal.cursor("f") == 2)
        assert journal.deferred("f") == [(1, NOBODY), (2, NOBODY)]
        assert server.observations() == []
        [first, _] = inbox.entries(read_latest(path))
        await inbox.assign(journal, [first.number], "anna")
        outlet.wake()
        await until(lambda: journal.cursor("f") == 3)
        assert values(server) == {"101": "final"}
        assert journal.deferred("f") == [(2, NOBODY)]


async def test_moved_back_and_retracted(journal: Journal, path: Path) -> None:
    """Each word of the owner's reaches the server: nobody else's record keeps it, and nothing is there twice."""
    await put(journal, glucose(1, "101"), on=facts(settings=ANNA))
    server = FhirServer()

    def whose() -> dict[str, str]:
        names = {reference: one["identifier"][0]["value"] for reference, one in server.stored.items() if one["resourceType"] == "Patient"}
        return {names[one["subject"]["reference"]]: one["status"] for one in server.observations()}

    async with served(server) as url, driven(journal, sink(url), "f") as outlet:
        await until(lambda: whose() == {"anna": "final"})
        for person, wanted in (
            ("ben", {"anna": "entered-in-error", "ben": "final"}),
            ("anna", {"anna": "final", "ben": "entered-in-error"}),
            (None, {"anna": "entered-in-error", "ben": "entered-in-error"}),
            ("anna", {"anna": "final", "ben": "entered-in-error"}),
        ):
            await inbox.assign(journal, [_number(path)], person)
            outlet.wake()
            await until(lambda wanted=wanted: whose() == wanted)  # type: ignore[misc]  # mypy infers no default's type
        await inbox.retract(journal, [_number(path)])
        outlet.wake()
        await until(lambda: whose() == {"anna": "entered-in-error", "ben": "entered-in-error"})
    assert "valueQuantity" not in json.dumps(server.observations())


def _number(path: Path) -> int:
    return max(row.n for row in read_latest(path))


async def test_samples_at_uneven_moments_wait_with_a_reason(journal: Journal) -> None:
    [thing] = await put(journal, glucose(1, "101"), on=facts(settings=ANNA))
    said = {name: value for name, value in thing.items() if name not in ("type", "type_id", "data")}
    data = SamplesData(name="rr-interval", unit="s", offsets=[Decimal(0), Decimal("0.813"), Decimal("1.6")], values=[Decimal(1)] * 3)
    await journal.commit(Commit(A, tuple(candidates([SamplesThing.model_validate({**said, "id": "5" * 32, "data": data})]))))
    server = FhirServer()
    async with served(server) as url, driven(journal, sink(url), "f"):
        await until(lambda: journal.cursor("f") == 2)
    assert len(server.observations()) == 1
    [(_, reason)] = journal.deferred("f")
    assert "uneven moments" in reason


async def test_a_token_is_asked_for_once_and_anew_when_it_has_ended(journal: Journal, tmp_path: Path) -> None:
    await readings(journal, 3)
    secret = tmp_path / "secret"
    secret.write_text("s3cret & more\n")
    server = FhirServer(secret="s3cret%20%26%20more")
    async with served(server) as url:
        token_url = url.replace("/r4", "/token")
        made = sink(url, token_url=token_url, client_id="hub", client_secret_file=secret, scope="system/*.write", together=1)
        async with driven(journal, made, "f"):
            await until(lambda: journal.cursor("f") == 4)
            assert server.scopes == ["system/*.write"]
            server.tokens = []
            await put(journal, glucose(9, "109"), on=facts(session="s9", settings=ANNA))
            outlet = journal.head()
        async with driven(journal, made, "f"):
            await until(lambda: journal.cursor("f") == outlet)
    assert len(server.scopes) == 2
    assert len(server.observations()) == 4


async def told(made: FhirSink, journal: Journal) -> str:
    with pytest.raises(Unreachable) as error:
        await made.send(journal.after(0, 1))
    await made.close()
    return str(error.value)


async def test_what_is_wrong_is_said_in_one_line(journal: Journal, tmp_path: Path) -> None:
    await readings(journal, 1)
    authority, stranger = Authority(tmp_path, "authority"), Authority(tmp_path, "stranger")
    pair, other = authority.issue("server"), stranger.issue("guest")
    mine = authority.issue("client")
    secret = tmp_path / "secret"
    secret.write_text("wrong")
    server = FhirServer(secret="right")
    async with served(server) as url:
        assert "does not let us in" in await told(sink(url), journal)
        asked = {"token_url": url.replace("/r4", "/token"), "client_id": "hub", "client_secret_file": secret}
        assert "no token: it does not know us there; check `client_id`" in await told(sink(url, **asked), journal)
        assert "no token: there is nothing at this address; check `token_url`" in await told(
            sink(url, **asked | {"token_url": url.replace("/r4", "/none")}), journal
        )
        assert f"{tmp_path}/none cannot be read: No such file" in await told(sink(url, token_file=tmp_path / "none"), journal)
        assert "none cannot be read" in await told(sink(url, **asked | {"client_secret_file": tmp_path / "none"}), journal)
        secret.write_text("\n")
        assert "secret holds no token" in await told(sink(url, token_file=secret), journal)
    async with served(FhirServer(), pair, clients=authority.certificate) as url:
        ca = {"ca_file": authority.certificate}
        assert "certificate of ours" in await told(sink(url, **ca), journal)
        assert "certificate of ours" in await told(sink(url, **ca, certificate_file=other.certificate, key_file=other.key), journal)
        good = sink(url, **ca, certificate_file=mine.certificate, key_file=mine.key)
        assert await good.send(journal.after(0, 9)) == []
        await good.close()
        assert "not to be trusted" in await told(sink(url, ca_file=stranger.certificate), journal)


@pytest.mark.parametrize(
    "answer", ["<html>welcome</html>", "{}", '{"resourceType":"Bundle","type":"transaction-response","entry":[]}', "[1]"]
)
async def test_a_server_that_answers_something_else_has_taken_nothing(journal: Journal, answer: str) -> None:
    await readings(journal, 1)
    server = FhirServer(answers=[answer])
    async with served(server) as url, driven(journal, sink(url), "f") as outlet:
        await until(lambda: outlet.problem is not None)
        assert "not as a FHIR server does" in str(outlet.problem)
        assert journal.cursor("f") == 0
        outlet.retry()
        await until(lambda: journal.cursor("f") == 2)


@pytest.mark.parametrize(
    ("status", "sentence"), [(403, "check `scope`"), (404, "check `url`"), (429, "slower"), (500, "now (500)"), (307, "elsewhere")]
)
async def test_what_cannot_be_taken_now_is_kept(journal: Journal, status: int, sentence: str) -> None:
    await readings(journal, 3)
    server = FhirServer(answers=[status])
    async with served(server) as url, driven(journal, sink(url, together=2), "f") as outlet:
        await until(lambda: outlet.problem is not None)
        assert sentence in str(outlet.problem)
        outlet.retry()
        await until(lambda: journal.cursor("f") == 4)
    assert values(server) == {"101": "final", "102": "final", "103": "final"}


async def test_check_tries_it(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"

    async def checked(url: str, more: str = "") -> str:
        config.write_text(f'[gateway]\nstate = "{tmp_path}"\n[sink.clinic]\ntype = "fhir"\nurl = "{url}"\n{more}')
        return (await asyncio.to_thread(CliRunner().invoke, root, ["check", "-c", str(config)])).output

    server = FhirServer(secret="right")
    async with served(server) as url:
        assert f"sink clinic: {url} answers" in await checked(url)
        (tmp_path / "secret").write_text("wrong")
        more = f'token_url = "{url.replace("/r4", "/token")}"\nclient_id = "hub"\nclient_secret_file = "{tmp_path}/secret"\n'
        assert "sink clinic: no token: it does not know us" in await checked(url, more)
        assert "belong together" in await checked(url, 'client_id = "hub"\n')
    assert server.transactions == 0

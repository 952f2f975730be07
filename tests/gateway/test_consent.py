"""Nothing goes where its person has not agreed to it, and everything that may go does."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from structlog.testing import capture_logs

from gateway.cli import root
from gateway.config import parse
from gateway.consent import Consents, Grant, stated
from gateway.errors import ConfigError
from gateway.journal import Commit, Journal, Row
from gateway.simulator.cables.freestyle import FreeStyleUsb
from gateway.sinks.base import Held, person_of
from gateway.sinks.outlet import NO_GRANT
from gateway.transports.cables.plugs import Plugged
from tests.gateway.test_outlet import Server, Time, fill, nudged
from tests.support.cable_cases import KETONES, NOW, records
from tests.support.cables import house
from tests.support.driving import driven
from tests.support.fakes import T0, until
from tests.support.things import candidate


@pytest.mark.parametrize(
    ("grant", "covers"),
    [
        (Grant("anna", "clinic"), True),
        (Grant("anna", "clinic", ("weight", "blood-glucose")), True),
        (Grant("anna", "clinic", ("blood-pressure",)), False),
        (Grant("anna", "other"), False),
        (Grant("ben", "clinic"), False),
        (Grant("anna", "clinic", since=T0), True),
        (Grant("anna", "clinic", since=T0 + 1), False),
        (Grant("anna", "clinic", until=T0), False),
        (Grant("anna", "clinic", until=T0 + 1), True),
    ],
)
def test_a_grant_covers_a_person_types_a_sink_and_a_time(grant: Grant, covers: bool) -> None:  # noqa: FBT001 - a case
    assert grant.covers("anna", "weight", "clinic", T0) is covers
    assert not grant.covers(None, "weight", "clinic", T0), "what belongs to nobody"


def test_who_the_devices_are_goes_where_anything_goes() -> None:
    assert Grant("anna", "clinic", ("weight",)).covers(None, "device", "clinic", T0)
    assert not Grant("anna", "clinic", until=T0).covers(None, "device", "clinic", T0)


async def test_what_nobody_agreed_to_is_passed_over_and_goes_when_somebody_does(journal: Journal) -> None:
    sink, granted = Server(), {"anna"}
    await fill(journal, "anna", "ben", None, "anna")
    async with driven(journal, sink, "s", allow=lambda row: person_of(row) in granted) as outlet:
        await nudged(outlet)
        assert (sink.sent, journal.cursor("s"), journal.deferred("s")) == ([1, 4], 4, [(2, NO_GRANT), (3, NO_GRANT)])
        commits = journal.writer.commits
        outlet.retry()
        await nudged(outlet)
        assert (sink.sent, journal.writer.commits) == ([1, 4], commits), "nothing is noted anew of what still waits"
        granted.add("ben")
        outlet.retry()
        await nudged(outlet)
        assert (sink.sent, journal.deferred("s")) == ([1, 4, 2], [(3, NO_GRANT)])


async def test_it_is_asked_again_at_every_send(journal: Journal) -> None:
    """What waits in line when a grant is revoked does not go; nor does what is sent again because a connection was lost."""
    sink, granted, time = Server(settle_seconds=30), {"anna"}, Time()
    await fill(journal, "anna", "anna")
    sink.answers[2] = Held(2, "nobody subscribes")
    async with driven(journal, sink, "s", time, allow=lambda row: person_of(row) in granted) as outlet:
        await nudged(outlet)
        assert sink.sent == [1, 2]
        granted.clear()
        sink.killed()
        sink.answers.clear()
        outlet.retry()
        await nudged(outlet)
        time.now += 1000
        await nudged(outlet)
        assert sink.sent == [1, 2]
        assert [why for _, why in journal.deferred("s")] == [NO_GRANT, NO_GRANT]


async def test_a_new_version_that_may_go_takes_the_old_one_s_place(journal: Journal) -> None:
    """Given to somebody who agreed: what belonged to nobody does not follow."""
    sink = Server()
    await fill(journal, None)
    async with driven(journal, sink, "s", allow=lambda row: person_of(row) == "anna") as outlet:
        await nudged(outlet)
        await journal.commit(Commit("", (candidate("t0", "given", person="anna"),)))
        await nudged(outlet)
        assert (sink.sent, journal.deferred("s")) == ([2], [])


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_is_granted_revoked_and_cut_nothing_goes_that_may_not_and_nothing_is_lost(journal: Journal, seed: int) -> None:
    dice = random.Random(seed)
    persons: list[str | None] = ["anna", "ben", "carla", None]
    granted: set[str | None] = set()

    class Witness(Server):
        async def send(self, batch: list[Row]) -> list[object]:  # type: ignore[override]  # as it is called
            for row in batch:
                assert person_of(row) in granted
            if dice.random() < 0.3:
                self.fails_at = dice.choice(batch).n
            return list(await super().send(batch))

    sink, time = Witness(), Time()
    async with driven(journal, sink, "s", time, allow=lambda row: person_of(row) in granted) as outlet:
        for _ in range(25):
            await fill(journal, *dice.choices(persons, k=dice.randrange(5)))
            granted ^= set(dice.sample(persons[:3], k=dice.randrange(3)))
            outlet.retry()
            await asyncio.sleep(0)
        granted |= set(persons)

        def everything() -> bool:
            outlet.retry()
            return set(sink.has) == set(range(1, journal.head() + 1))

        await until(everything, 10)
        await nudged(outlet)
    assert (journal.deferred("s"), journal.cursor("s")) == ([], journal.head())
    assert len(sink.has) == len(set(sink.has)), "nothing twice: what was taken before a cut was not sent again"


async def test_what_was_granted_and_revoked_by_command_outlives_a_restart(tmp_path: Path) -> None:
    config, file = parse(Path("c.toml"), CONFIG), tmp_path / "consent.json"
    one = Consents(file, config.grant, lambda: T0)
    await one.grant(Grant("ben", "clinic", ("weight",), T0, T0 + 5, "why"))
    assert await one.revoke("anna", "clinic") == 1
    assert await one.revoke("anna", "clinic") == 0
    other = Consents(file, config.grant, lambda: T0)
    assert other.told() == one.told()
    assert [grant["person"] for grant in other.told()] == ["ben"]
    await other.grant(Grant("anna", "clinic"))
    await other.revoke("ben", "clinic")
    assert [(grant["person"], grant["stated"]) for grant in other.told()] == [("anna", False), ("anna", True)]
    assert file.stat().st_mode & 0o777 == 0o600


async def test_a_file_that_cannot_be_read_grants_nothing(tmp_path: Path) -> None:
    """Any octet of it: a revocation that was forgotten would let things go that nobody agreed to any more."""
    config, file = parse(Path("c.toml"), CONFIG), tmp_path / "consent.json"
    await Consents(file, config.grant, lambda: T0).grant(Grant("ben", "clinic"))
    whole = file.read_bytes()
    assert len(Consents(file, config.grant, lambda: T0).told()) == 2
    for at in range(len(whole)):
        file.write_bytes(whole[:at] + bytes((whole[at] ^ 0x01,)) + whole[at + 1 :])
        with capture_logs() as logs:
            assert Consents(file, config.grant, lambda: T0).told() == [], at
        assert "nothing goes to sinks that ask for consent" in logs[0]["event"]
    file.write_bytes(b"")
    closed = Consents(file, config.grant, lambda: T0)
    await closed.grant(Grant("anna", "clinic"))
    assert [grant["person"] for grant in Consents(file, config.grant, lambda: T0).told()] == ["anna", "anna"]


async def test_a_journal_that_is_lost_forgets_no_revocation(tmp_path: Path) -> None:
    """It is built anew from what the devices said."""
    out = tmp_path / "clinic.ndjson"
    settings: dict[str, Any] = {
        "person": [{"id": "anna"}],
        "device": [{"port": "1a61:3850", "person": "anna"}],
        "sink": {"clinic": {"type": "file", "path": str(out), "consent": "required"}},
        "grant": [{"person": "anna", "sink": "clinic"}],
    }
    async with house(tmp_path, **settings) as home:
        await home.gateway._consents.revoke("anna", "clinic")
        await home.plug(FreeStyleUsb(records(3), lambda: NOW), Plugged("1-10", 0x1A61, 0x3850))
    for file in (tmp_path / "state").glob("journal.db*"):
        file.unlink()
    async with house(tmp_path, **settings) as home:
        await until(lambda: home.gateway.journal.cursor("clinic") == home.gateway.journal.head() == 5)
        assert not out.exists()


async def test_a_disk_that_takes_nothing_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Consents(tmp_path / "consent.json", parse(Path("c.toml"), CONFIG).grant, lambda: T0)

    def full(_path: Path, _data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gateway.consent.write_whole", full)
    before = one.told()
    for attempt in (one.grant(Grant("ben", "clinic")), one.revoke("anna", "clinic")):
        with pytest.raises(OSError, match="No space left"):
            await attempt
    assert one.told() == before


CONFIG = """[[person]]
id = "anna"
[[person]]
id = "ben"
[sink.archive]
type = "file"
[sink.clinic]
type = "file"
path = "/tmp/x"
consent = "required"
[[grant]]
person = "anna"
sink = "clinic"
types = ["blood-glucose"]
since = 2026-01-01
why = "the study"
"""


def test_a_grant_of_the_configuration_begins_with_its_day() -> None:
    [section] = parse(Path("c.toml"), CONFIG).grant
    told = stated(section).told()
    assert (told["types"], str(told["since"])[:16], told["until"], told["why"]) == (
        ["blood-glucose"],
        "2026-01-01T00:00",
        None,
        "the study",
    )


@pytest.mark.parametrize(
    ("said", "wanted", "problem"),
    [
        ('person = "anna"\nsink', 'person = "carla"\nsink', r"c.toml:12: grant.0.person: no \[\[person\]\] has the id 'carla'"),
        ('sink = "clinic"', 'sink = "clinics"', r"c.toml:13: grant.0.sink: there is no \[sink.clinics\]"),
        ('sink = "clinic"', 'sink = "archive"', "everything goes there anyway"),
        ("blood-glucose", "blood-glucos", "there is no thing-type 'blood-glucos'; there are: blood-glucose,"),
        ('why = "the', 'until = 2025-01-01\nwhy = "the', "is not after since"),
    ],
)
def test_a_grant_that_makes_no_sense_is_told(said: str, wanted: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        parse(Path("c.toml"), CONFIG.replace(said, wanted))


async def test_a_person_grants_and_revokes(tmp_path: Path) -> None:
    """By the command, while the gateway runs."""
    out, config = tmp_path / "clinic.ndjson", tmp_path / "config.toml"
    clinic = {"type": "file", "path": str(out), "consent": "required"}
    config.write_text(f'[gateway]\nstate = "{tmp_path}/state"\n')
    meter = Plugged("1-10", 0x1A61, 0x3850)

    async def said(*arguments: str) -> tuple[int, str]:
        result = await asyncio.to_thread(CliRunner().invoke, root, ["consent", *arguments, "-c", str(config)])
        return result.exit_code, result.output

    def types() -> list[str]:
        return [json.loads(line)["type"] for line in out.read_text().splitlines()] if out.exists() else []

    device = [{"port": "1a61:3850", "person": "anna"}]
    async with house(tmp_path, person=[{"id": "anna"}], device=device, sink={"clinic": clinic}) as home:
        await home.plug(FreeStyleUsb(records(3), lambda: NOW, ketones=KETONES), meter)
        assert types() == []
        assert await said("list") == (0, "nobody has granted anything\n")
        assert (await said("grant", "anna", "clinic", "--type", "blood-glucose", "--why", "a study"))[0] == 0
        await until(lambda: len(types()) == 5)
        assert sorted(set(types())) == ["blood-glucose", "device"]
        assert await said("list") == (0, "anna to clinic: blood-glucose (by command): a study\n")
        assert await said("revoke", "anna", "clinic") == (0, "revoked (1 grants); nothing more of anna goes to clinic\n")
        await home.plug(FreeStyleUsb(records(7), lambda: NOW), meter)
        await asyncio.sleep(0.2)
        assert len(types()) == 5
        for wrong, problem in (
            (("grant", "carla", "clinic"), "no [[person]] has the id 'carla'"),
            (("grant", "anna", "archive"), "no sink 'archive' asks for consent"),
            (("grant", "anna", "clinic", "--type", "x"), "there is no thing-type 'x'"),
            (("grant", "anna", "clinic", "--until", "soon"), "are dates, such as"),
            (("revoke", "anna", "clinic"), "anna has granted nothing to clinic"),
        ):
            code, told = await said(*wrong)
            assert (code, problem in told) == (1, True), told


async def test_a_grant_in_the_file_counts_from_the_reload_on(tmp_path: Path) -> None:
    out, config = tmp_path / "clinic.ndjson", tmp_path / "config.toml"
    rest = f'[gateway]\nstate = "{tmp_path}/state"\n[[person]]\nid = "anna"\n[[device]]\nport = "1a61:3850"\nperson = "anna"\n'
    rest += f'[sink.clinic]\ntype = "file"\npath = "{out}"\nconsent = "required"\n'
    clinic = {"type": "file", "path": str(out), "consent": "required"}
    device = [{"port": "1a61:3850", "person": "anna"}]
    async with house(tmp_path, person=[{"id": "anna"}], device=device, sink={"clinic": clinic}) as home:
        home.gateway._config_path = config
        await home.plug(FreeStyleUsb(records(3), lambda: NOW), Plugged("1-10", 0x1A61, 0x3850))
        assert not out.exists()
        config.write_text(rest + '[[grant]]\nperson = "anna"\nsink = "clinic"\n')
        home.gateway.reload()
        assert home.gateway.config_problem is None
        await until(lambda: out.exists() and len(out.read_text().splitlines()) == 5)

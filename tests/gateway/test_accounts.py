"""The accounts of sinks, changed by hand."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.claiming import claimed
from gateway.cli import root
from gateway.journal import Commit, Fate, Journal
from gateway.journal.reading import read_sinks
from gateway.sinks.base import Answer, Sink
from gateway.sinks.outlet import Outlet
from tests.gateway.test_filing import facts, glucose, put
from tests.support.fakes import until
from tests.support.things import candidate


class Taking(Sink):
    def __init__(self) -> None:
        self.taken: list[int] = []

    async def send(self, batch: object) -> list[Answer]:
        self.taken += [row.n for row in batch]  # type: ignore[attr-defined]  # rows
        return []


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Twelve things; the queue has come to ten, one of which waits and one is held."""

    async def fill() -> None:
        journal = Journal(tmp_path / "journal.db")
        await journal.commit(Commit("", tuple(candidate(f"t{number}") for number in range(12))))
        await journal.advance("queue", Fate(10, deferred={3: "refused", 9: "refused"}, held={5: ("anna", "nobody listens")}))
        journal.close()

    asyncio.run(fill())
    (tmp_path / "config.toml").write_text(f'[gateway]\nstate = "{tmp_path}"\n[sink.queue]\ntype = "mqtt"\nhost = "x"\n')
    return tmp_path


def run(state: Path, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(root, ["sink", *arguments, "-c", str(state / "config.toml")])
    return done.exit_code, done.output


def audited(state: Path) -> list[dict[str, object]]:
    done = CliRunner().invoke(root, ["audit", "show", "--json", "-c", str(state / "config.toml")])
    return [json.loads(line) for line in done.output.splitlines()]


async def drained(state: Path, name: str) -> list[int]:
    journal, sink = Journal(state / "journal.db"), Taking()
    outlet = Outlet(name, sink, journal, randomness=random.Random(1))
    task = asyncio.create_task(outlet.run())
    await until(lambda: journal.cursor(name) == journal.head() and not journal.deferred(name))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    journal.close()
    return sink.taken


def test_they_are_listed(state: Path) -> None:
    assert run(state, "list") == (0, "queue: has come to 10, 3 of that wait\n")
    (state / "config.toml").write_text(f'[gateway]\nstate = "{state}"\n')
    assert run(state, "list") == (0, "queue: has come to 10, 3 of that wait; it is not in the configuration\n")


def test_a_new_sink_may_begin_now(state: Path) -> None:
    assert run(state, "add", "new") == (0, "new gets what comes behind 12\n")
    assert read_sinks(state / "journal.db")["new"]["cursor"] == 12
    code, said = run(state, "add", "queue")
    assert code == 1
    assert "has accounts already; `sink rewind` changes how far it has come" in said


def test_a_renamed_sink_goes_on_with_all_that_waits(state: Path) -> None:
    assert run(state, "rename", "queue", "clinic") == (0, "clinic goes on behind 10\n")
    assert read_sinks(state / "journal.db") == {"clinic": {"cursor": 10, "deferred": 2, "held": 1}}
    assert sorted(asyncio.run(drained(state, "clinic"))) == [3, 5, 9, 11, 12]
    assert "no accounts of a sink queue" in run(state, "rename", "queue", "x")[1]
    assert run(state, "add", "other")[0] == 0
    assert "clinic has accounts already" in run(state, "rename", "other", "clinic")[1]


def test_a_rewound_sink_gets_everything_again_once(state: Path) -> None:
    assert run(state, "rewind", "queue", "--to", "4") == (0, "queue had come to 10; it gets what is behind 4 again\n")
    assert read_sinks(state / "journal.db")["queue"] == {"cursor": 4, "deferred": 1, "held": 0}
    assert sorted(asyncio.run(drained(state, "queue"))) == [3, *range(5, 13)]
    assert "goes to a number from 0 to that" in run(state, "rewind", "queue", "--to", "99")[1]
    assert "say how far" in run(state, "rewind", "queue")[1]


def test_a_sink_is_rewound_to_a_day(state: Path) -> None:
    async def fill() -> None:
        journal = Journal(state / "journal.db")
        await put(journal, glucose(1), glucose(2), on=facts())
        await journal.advance("queue", Fate(14))
        journal.close()

    asyncio.run(fill())
    assert run(state, "rewind", "queue", "--since", "2026-01-01")[1] == "queue had come to 14; it gets what is behind 12 again\n"
    assert run(state, "rewind", "queue", "--since", "2099-01-01")[1] == "queue had come to 12; it gets what is behind 12 again\n"


def test_what_is_in_the_configuration_is_not_removed(state: Path) -> None:
    assert "queue is in the configuration; take it out first" in run(state, "remove", "queue")[1]
    (state / "config.toml").write_text(f'[gateway]\nstate = "{state}"\n')
    assert run(state, "remove", "queue") == (0, "queue is forgotten; it had come to 10\n")
    assert read_sinks(state / "journal.db") == {}
    assert run(state, "remove", "queue")[0] == 1


def test_each_change_is_in_the_audit_log_and_what_failed_is_not(state: Path) -> None:
    run(state, "add", "new")
    run(state, "add", "new")
    run(state, "rewind", "queue", "--to", "4")
    run(state, "rename", "new", "newer")
    assert [(one["what"], one["sink"]) for one in audited(state)] == [
        ("sink begins", "new"),
        ("sink rewound", "queue"),
        ("sink renamed", "new"),
    ]


def test_a_gateway_that_runs_keeps_its_accounts_itself(state: Path) -> None:
    """It need not answer, nor we be allowed to ask it."""
    with claimed(state):
        for arguments in (["add", "new"], ["rename", "queue", "x"], ["rewind", "queue", "--to", "0"], ["remove", "old"]):
            assert "is in use by another health-gateway; stop that one first" in run(state, *arguments)[1]
    assert read_sinks(state / "journal.db") == {"queue": {"cursor": 10, "deferred": 2, "held": 1}}

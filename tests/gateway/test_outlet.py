"""A sink's accounts: what settles, what is sent again, what waits in line. The sink is scripted, the clock stands still until told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gateway.journal import Commit, Fate, Journal, Row
from gateway.sinks.base import Answer, Held, Refused, Sink, Unreachable, person_of
from gateway.sinks.outlet import Outlet
from tests.support.driving import driven
from tests.support.fakes import until
from tests.support.things import candidate


class Server(Sink):
    """Takes everything but what `answers` says, by number; forgets what it took when it is `killed`."""

    def __init__(self, settle_seconds: float = 0.0) -> None:
        self.settle_seconds = settle_seconds
        self.answers: dict[int, Answer] = {}
        self.sent: list[int] = []
        self.has: list[int] = []
        self.probes = 0
        self.fails_at: int | None = None
        self._connection: object = object()

    @property
    def connection(self) -> object:
        return self._connection

    def killed(self) -> None:
        self.has.clear()
        self._connection = object()

    async def send(self, batch: Sequence[Row]) -> Sequence[Answer]:
        answers: list[Answer] = []
        lines: dict[str | None, str] = {}
        for place, row in enumerate(batch):
            if row.n == self.fails_at:
                self.fails_at = None
                raise Unreachable("cut", taken=place, answers=answers)
            if person_of(row) in lines:
                answers.append(Held(row.n, lines[person_of(row)]))
                continue
            self.sent.append(row.n)
            if row.n in self.answers:
                answers.append(answer := self.answers[row.n])
                if isinstance(answer, Held):
                    lines[person_of(row)] = answer.reason
            else:
                self.has.append(row.n)
        return answers

    async def probe(self) -> None:
        self.probes += 1


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def fill(journal: Journal, *persons: str | None) -> None:
    first = journal.head()
    for number, person in enumerate(persons, first):
        await journal.commit(Commit("", (candidate(f"t{number}", person=person),)))


async def nudged(outlet: Outlet) -> None:
    """Let it look once and come to rest."""
    outlet.wake()
    await until(outlet.idle.is_set)


async def test_1_the_cursor_waits_until_it_has_settled(journal: Journal) -> None:
    """And then asks for a sign of life first."""
    sink, time = Server(settle_seconds=30), Time()
    await fill(journal, "anna", "anna")
    async with driven(journal, sink, "s", time) as outlet:
        await nudged(outlet)
        assert (sink.has, journal.cursor("s"), sink.probes) == ([1, 2], 0, 0)
        time.now += 29
        await nudged(outlet)
        assert journal.cursor("s") == 0
        time.now += 2
        await nudged(outlet)
        assert (journal.cursor("s"), sink.probes) == (2, 1)


async def test_1_what_has_not_settled_when_the_probe_fails_stays(journal: Journal) -> None:
    class Deaf(Server):
        async def probe(self) -> None:
            self.killed()
            raise Unreachable("gone")

    sink, time = Deaf(settle_seconds=30), Time()
    await fill(journal, "anna")
    async with driven(journal, sink, "s", time) as outlet:
        await nudged(outlet)
        time.now += 31
        outlet.wake()
        await until(lambda: outlet.problem == "gone")
        assert journal.cursor("s") == 0


async def test_2_another_connection_gets_everything_behind_the_cursor_again(journal: Journal) -> None:
    sink, time = Server(settle_seconds=30), Time()
    await fill(journal, "anna", "ben")
    async with driven(journal, sink, "s", time) as outlet:
        await nudged(outlet)
        time.now += 31
        await nudged(outlet)
        await fill(journal, "anna", "ben")
        await nudged(outlet)
        sink.killed()
        time.now += 31
        await nudged(outlet)
        assert sink.has == [3, 4], "1 and 2 had settled"
        time.now += 31
        await nudged(outlet)
        assert journal.cursor("s") == 4


async def test_2_a_restart_sends_again_what_had_not_settled(journal: Journal) -> None:
    sink, time = Server(settle_seconds=30), Time()
    await fill(journal, "anna")
    async with driven(journal, sink, "s", time) as outlet:
        await nudged(outlet)
    async with driven(journal, sink, "s", time) as outlet:
        await nudged(outlet)
    assert sink.sent == [1, 1]


async def test_3_a_line_goes_in_order_and_the_rest_goes_on(journal: Journal) -> None:
    sink, time = Server(), Time()
    sink.answers = {1: Held(1, "not now"), 3: Held(3, "not now")}
    await fill(journal, "anna", "ben", "anna")
    async with driven(journal, sink, "s", time) as outlet:
        await nudged(outlet)
        await fill(journal, "anna", "ben")
        await nudged(outlet)
        assert sink.has == [2, 5]
        assert journal.held("s") == [(1, "anna", "not now"), (3, "anna", "not now"), (4, "anna", "not now")]
        assert outlet.problem == "3 things wait: not now"
        del sink.answers[1]
        time.now += 10
        await nudged(outlet)
        assert sink.has == [2, 5, 1], "3 is held for itself, and 4 stands behind it"
        del sink.answers[3]
        time.now += 100
        await nudged(outlet)
        assert sink.has == [2, 5, 1, 3, 4]
        assert journal.held("s") == []
        assert outlet.problem is None


async def test_3_a_line_is_probed_by_its_first_alone(journal: Journal) -> None:
    """A consumer that is away for a week is not sent everything again every five minutes."""
    sink, time = Server(), Time()
    sink.answers = {n: Held(n, "not now") for n in range(1, 21)}
    await fill(journal, *["anna"] * 20)
    async with driven(journal, sink, "s", time) as outlet:
        await nudged(outlet)
        sink.sent.clear()
        for _ in range(3):
            time.now += 1000
            await nudged(outlet)
        assert sink.sent == [1, 1, 1]


async def test_a_line_that_is_refused_in_the_middle_goes_on_behind_it(journal: Journal) -> None:
    sink, time = Server(), Time()
    sink.answers = {n: Held(n, "not now") for n in (1, 2, 3)}
    await fill(journal, "anna", "anna", "anna")
    async with driven(journal, sink, "s", time) as outlet:
        await nudged(outlet)
        sink.answers = {2: Refused(2, "too large")}
        time.now += 10
        await nudged(outlet)
    assert sink.has == [1, 3]
    assert (journal.held("s"), journal.deferred("s")) == ([], [(2, "too large")])


async def test_what_was_answered_before_the_connection_went_counts(journal: Journal) -> None:
    sink, time = Server(), Time()
    sink.answers = {1: Refused(1, "no")}
    sink.fails_at = 3
    await fill(journal, "anna", "anna", "anna", "anna")
    async with driven(journal, sink, "s", time) as outlet:
        await until(lambda: outlet.problem == "cut")
        assert journal.cursor("s") == 2
        assert journal.deferred("s") == [(1, "no")]
        outlet.retry()
        await until(lambda: journal.cursor("s") == 4)
    assert sink.has == [2, 3, 4]


class Late(Server):
    """Complains that an answer is missing when all have come."""

    def __init__(self) -> None:
        super().__init__()
        self.complains, self.is_there = True, False

    async def send(self, batch: Sequence[Row]) -> Sequence[Answer]:
        answers = await super().send(batch)
        if self.complains:
            self.complains = False
            raise Unreachable("no answer", taken=len(batch), answers=answers)
        return answers

    async def probe(self) -> None:
        await super().probe()
        if not self.is_there:
            raise Unreachable("still none")


async def test_a_problem_is_over_when_the_server_is_there_and_nothing_is_left(journal: Journal) -> None:
    """The answers of the last things may come with the complaint that they are missing: there is no next thing to find out with."""
    await journal.commit(Commit("", tuple(candidate(f"t{number}") for number in range(3))))
    server = Late()
    async with driven(journal, server, "s") as outlet:
        await until(lambda: outlet.problem == "no answer")
        outlet.retry()
        await until(lambda: outlet.problem == "still none")
        server.is_there = True
        outlet.retry()
        await until(lambda: outlet.problem is None)
        await until(outlet.idle.is_set)
    assert journal.cursor("s") == 3
    assert server.sent == [1, 2, 3]


async def test_what_was_refused_is_tried_again_at_a_start_and_every_hour(journal: Journal) -> None:
    sink, time = Server(), Time()
    sink.answers = {1: Refused(1, "no")}
    await fill(journal, "anna")
    async with driven(journal, sink, "s", time) as outlet:
        await nudged(outlet)
        assert sink.sent == [1]
        time.now += 3601
        await nudged(outlet)
        assert sink.sent == [1, 1]
    async with driven(journal, sink, "s", time) as outlet:
        await nudged(outlet)
        assert sink.sent == [1, 1, 1]
        sink.answers.clear()
        outlet.retry()
        await nudged(outlet)
    assert journal.deferred("s") == []


async def test_what_is_refused_again_for_the_same_reason_is_not_written_again(journal: Journal) -> None:
    sink, time = Server(), Time()
    sink.answers = {n: Refused(n, "nobody's") for n in (1, 2, 3)}
    await fill(journal, "anna", "anna", "anna")
    async with driven(journal, sink, "s", time) as outlet:
        await until(lambda: journal.cursor("s") == 3)
        before = journal.writer.commits
        outlet.retry()
        await until(lambda: sink.sent == [1, 2, 3, 1, 2, 3])
        await until(outlet.idle.is_set)
        assert journal.writer.commits == before
        sink.answers = {1: Refused(1, "nobody's"), 2: Refused(2, "another reason")}
        outlet.retry()
        await until(lambda: journal.deferred("s") == [(1, "nobody's"), (2, "another reason")])
        assert journal.writer.commits == before + 1
    assert sink.has == [3]


async def test_an_old_version_does_not_go_after_a_newer_one(journal: Journal) -> None:
    """Refused, and meanwhile overtaken by version 2: the owner's retry must not bring version 1 back."""
    sink, time = Server(), Time()
    sink.answers = {1: Refused(1, "no")}
    await journal.commit(Commit("", (candidate("a", "one", person="anna"),)))
    async with driven(journal, sink, "s", time) as outlet:
        await nudged(outlet)
        await journal.commit(Commit("", (candidate("a", "two", person="anna"),)))
        await nudged(outlet)
        outlet.retry()
        await nudged(outlet)
    assert sink.has == [2]
    assert journal.deferred("s") == []


async def test_a_damaged_row_does_not_hold_up_its_line(journal: Journal, tmp_path: Path) -> None:
    sink, time = Server(), Time()
    await fill(journal, "anna", "anna")
    await journal.advance("s", Fate(2, held={1: ("anna", "not now"), 2: ("anna", "not now")}))
    await journal.writer.do(lambda connection: connection.execute("UPDATE things SET crc=crc+1 WHERE n=1"))
    async with driven(journal, sink, "s", time) as outlet:
        await nudged(outlet)
    assert sink.has == [2]
    assert journal.held("s") == []

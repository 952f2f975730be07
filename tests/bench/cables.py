"""Cables: an oximeter that streams, in percent of one core; a large store, beside bulk-appending the same things; its confirmations while
the journal stalls.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import operator
import os
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from gateway import registry
from gateway.app import Gateway
from gateway.cli.daemon import GARBAGE
from gateway.clock import SystemClock
from gateway.config import Config
from gateway.filing import Filing, candidates
from gateway.intake import read as read_intake
from gateway.journal import Commit, Journal
from gateway.normalize.things import TYPES, Thing
from gateway.replay import facts_of, readings, sessions_of
from gateway.simulator.cables.others import Cms50
from gateway.simulator.phd_agent import Agent, Entry
from gateway.transports.cables.plugs import Plugged
from gateway.transports.cables.ports import SystemPorts
from profiles.phd import apdu as apdus
from profiles.times import DateTime
from tests.bench.measure import interleaved
from tests.support.cables import VirtualPorts
from tests.support.fakes import FakeRadio, until

ENTRIES, AT_ONCE = 10_000, 200
STREAM_SECONDS = 20
METER = Plugged("1-1", 0x173A, 0x21D5, "BENCH", classes=frozenset({0x0F}))
_THING: TypeAdapter[Thing] = TypeAdapter(functools.reduce(operator.or_, TYPES))


class _OnCable:
    """An agent, and when it heard each confirmation."""

    def __init__(self, agent: Agent) -> None:
        self.agent, self._stream = agent, apdus.Stream()
        self.waits: list[float] = []
        self._said = 0.0

    def begin(self) -> list[bytes]:
        return self.agent.begin()

    def receive(self, data: bytes) -> list[bytes]:
        before = self.agent.confirmed
        answers = [answer for one in self._stream.feed(data) for answer in self.agent.receive(one)]
        now = time.perf_counter()
        if self.agent.confirmed > before:
            self.waits.append(now - self._said)
        self._said = now
        return answers


def _agent() -> Agent:
    now = datetime.now(UTC).replace(tzinfo=None)
    entries = [Entry(DateTime.of(now - timedelta(minutes=ENTRIES - number)), 60 + number % 200) for number in range(ENTRIES)]
    return Agent(entries, lambda: datetime.now(UTC).replace(tzinfo=None), at_once=AT_ONCE)


def _config(place: Path, **settings: Any) -> Config:
    return Config.model_validate(
        {"gateway": {"state": str(place)}, "time": {"trust": "manual"}, "cables": {"idle_seconds": 0.5}, **settings}
    )


async def _read(device: Any, plugged: Plugged, place: Path, stall: float = 0.0, **settings: Any) -> tuple[float, int, Gateway]:
    """Seconds from the plug to the last thing in the journal, and how many commits that took."""
    ports = VirtualPorts(device)
    gateway = Gateway(_config(place, **settings), registry.load(), FakeRadio(), SystemClock("manual"), ports=ports, sinks={})
    task = asyncio.create_task(gateway.run())
    await gateway.ready.wait()
    await until(lambda: ports.on_plugged is not None)
    assert ports.on_plugged is not None
    commits, commit = 0, gateway.journal.commit
    last = time.perf_counter()

    async def counted(asked: Commit) -> Any:
        nonlocal commits, last
        commits += bool(asked.candidates)
        if stall:
            await asyncio.sleep(stall)
        found = await commit(asked)
        last = time.perf_counter()
        return found

    gateway.journal.commit = counted  # type: ignore[method-assign,assignment]  # watched
    gc.collect()
    began = time.perf_counter()
    ports.on_plugged(plugged)
    assert gateway.cabling is not None
    cabling = gateway.cabling
    await until(lambda: any(one["sessions"] for one in cabling.status()["plugged"]), 300)
    gateway.stop()
    await task
    return last - began, commits, gateway


async def _store() -> float:
    with tempfile.TemporaryDirectory(dir=".") as place:
        meter = _OnCable(_agent())
        seconds, commits, _ = await _read(meter, METER, Path(place))
        assert meter.agent.confirmed == ENTRIES
        events = -(-ENTRIES // AT_ONCE)
        assert commits <= events + 1, f"{commits} commits for {events} events"
        return seconds


async def _bulk() -> float:
    """The same things, made beforehand, appended as one would by hand: as many in a commit."""
    with tempfile.TemporaryDirectory(dir=".") as place:
        await _read(_OnCable(_agent()), METER, Path(place))
        with_journal = Journal(Path(place) / "journal.db")
        things = [_THING.validate_json(row.body) for row in with_journal.everything()]
        with_journal.close()
        journal = Journal(Path(place) / "bulk.db")
        await journal.identity("bench", "bench")
        gc.collect()
        began = time.perf_counter()
        for at in range(0, len(things), AT_ONCE):
            await journal.commit(Commit("bench", candidates(things[at : at + AT_ONCE])))
        seconds = time.perf_counter() - began
        assert journal.head() >= ENTRIES
        journal.close()
        return seconds


async def _filed() -> float:
    """The same readings, understood beforehand, filed in bulk: identity, time, person and rules, and then appended."""
    with tempfile.TemporaryDirectory(dir=".") as place:
        await _read(_OnCable(_agent()), METER, Path(place))
        [session], _ = sessions_of(read_intake(Path(place) / "intake"))
        batches = [batch async for batch, _ in readings(session, registry.load())]
        journal = Journal(Path(place) / "filed.db")
        filing, facts = Filing(journal, None), facts_of(session[0])
        gc.collect()
        began = time.perf_counter()
        for batch in batches:
            await filing.file(facts, batch, [])
        seconds = time.perf_counter() - began
        assert journal.head() >= ENTRIES
        journal.close()
        return seconds


async def _stream() -> float:
    """Percent of one core: a pty at 60 Hz, as a tty would be."""
    with tempfile.TemporaryDirectory(dir=".") as place:
        master, slave = os.openpty()
        node = os.ttyname(slave)
        os.close(slave)
        settings = {"device": [{"port": node, "driver": "contec-cms50"}], "cables": {"idle_seconds": 3}}
        gateway = Gateway(
            _config(Path(place), **settings), registry.load(), FakeRadio(), SystemClock("manual"), ports=SystemPorts(), sinks={}
        )
        task = asyncio.create_task(gateway.run())
        await gateway.ready.wait()
        await asyncio.sleep(1)
        assert gateway.cabling is not None
        gateway.cabling.on_plugged(Plugged("1-9", 0x0403, 0x6001, nodes=(("tty", node),)))
        [second] = Cms50(1).begin()
        writer = asyncio.create_task(asyncio.to_thread(_write, master, second))
        await asyncio.sleep(3)
        cpu, began = time.process_time(), time.perf_counter()
        await asyncio.sleep(STREAM_SECONDS)
        percent = (time.process_time() - cpu) / (time.perf_counter() - began) * 100
        os.close(master)
        await asyncio.gather(writer, return_exceptions=True)
        gateway.stop()
        await task
        return percent


def _write(master: int, second: bytes) -> None:
    """In a child, so that its time is not the gateway's."""
    if os.fork() == 0:
        at, packets = time.monotonic(), [second[index : index + 5] for index in range(0, 300, 5)]
        for number in range(60 * (STREAM_SECONDS + 10)):
            at += 1 / 60
            time.sleep(max(0, at - time.monotonic()))
            try:
                os.write(master, packets[number % 60])
            except OSError:
                break
        os._exit(0)


async def _stalled() -> float:
    """The longest that the device waits for a confirmation while each commit takes a second."""
    with tempfile.TemporaryDirectory(dir=".") as place:
        agent = _agent()
        agent.entries = agent.entries[: 5 * AT_ONCE]
        meter = _OnCable(agent)
        await _read(meter, METER, Path(place), stall=1.0)
        assert meter.agent.confirmed == 5 * AT_ONCE
        return max(meter.waits)


def run() -> None:
    gc.freeze()  # as the daemon does
    gc.set_threshold(GARBAGE)
    cases = {"bulk": _bulk, "filed": _filed, "store": _store}
    found = interleaved({name: lambda case=case: asyncio.run(case()) for name, case in cases.items()}, runs=3)  # type: ignore[misc]  # bound now
    print(f"{ENTRIES} entries of an IEEE 11073-20601 store, {AT_ONCE} in an event, medians of 3, interleaved")
    print(f"  bulk-appending the same things   {found['bulk'] * 1000:7.0f} ms")
    print(f"  bulk-filing the same readings    {found['filed'] * 1000:7.0f} ms")
    ratios = found["store"] / found["bulk"], found["store"] / found["filed"]
    print(
        f"  from plug to journal             {found['store'] * 1000:7.0f} ms   {ratios[0]:.2f} x the things, {ratios[1]:.2f} x the readings"
    )
    print(
        f"  longest wait for a confirmation with commits of 1 s: {asyncio.run(_stalled()) * 1000:.0f} ms (the device gives up after 3,000)"
    )
    print(f"an oximeter at 60 Hz: {asyncio.run(_stream()):.1f} % of one core (at most 2)")

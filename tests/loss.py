"""What a real Mosquitto loses, by its settings and by what the gateway waits for: `make broker-loss THINGS=5000`.

Three things happen to each combination: the broker is killed (-9) under load; the consumer is away while everything drains; and the
broker is killed a while after that. Counted is what has not reached the consumer in the end.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gateway.cli.common import set_up_logging
from gateway.config_sinks import MqttSection
from gateway.journal import Commit, Journal
from gateway.mqtt.consumer import Consumer, Store
from gateway.sinks.mqtt import MqttSink
from tests.support.broker import DEBIAN, DOCUMENTED, Broker
from tests.support.driving import driven
from tests.support.fakes import until
from tests.support.things import candidate

What = Literal["killed under load", "consumer away", "consumer away, then killed"]
SETTINGS = {"docs/queue.md": DOCUMENTED, "Debian's": DEBIAN}
AUTOSAVE_SECONDS = 12
PATIENCE_SECONDS = 400


@dataclass(frozen=True)
class Case:
    what: What
    settings: str
    ack: Literal["broker", "receiver"]

    def __str__(self) -> str:
        return f'{self.what:<27} {self.settings:<14} ack = "{self.ack}"'


@asynccontextmanager
async def consuming(section: MqttSection, out: Path) -> AsyncIterator[Store]:
    store, listening = Store(out), asyncio.Event()

    def say(text: str) -> None:
        if "listening" in text:
            listening.set()

    task = asyncio.create_task(Consumer(section, section.topic, "consumer", store, lambda _: None, say).run())
    try:
        async with asyncio.timeout(60):
            await listening.wait()
        yield store
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        store.close()


async def quiet(store: Store, seconds: float = 6) -> None:
    """Until nothing new has come for so long."""
    seen, since = -1, time.monotonic()
    while time.monotonic() - since < seconds:
        if len(store.highest) != seen:
            seen, since = len(store.highest), time.monotonic()
        await asyncio.sleep(0.1)


async def measure(case: Case, things: int, place: Path) -> int:
    """How many of `things` never reach the consumer."""
    broker = Broker(place / "broker", SETTINGS[case.settings]).start()
    section = MqttSection(type="mqtt", host="127.0.0.1", port=broker.port, ack=case.ack)
    journal = Journal(place / "journal.db")
    for start in range(0, things, 500):
        persons = [f"person-{number % 4}" for number in range(500)]
        batch = tuple(candidate(f"t{start + i}", person=person, size=1100) for i, person in enumerate(persons) if start + i < things)
        await journal.commit(Commit("", batch))
    async with consuming(section, place / "out"):
        pass  # it has been there once: its session stays
    await asyncio.sleep(AUTOSAVE_SECONDS)
    async with driven(journal, MqttSink(section, "gateway")) as outlet:
        if case.what == "killed under load":
            async with consuming(section, place / "out") as store:
                # Not later: with Debian's settings a consumer that is slower than the gateway gets little more than its first thousand.
                await until(lambda: len(store.highest) >= things // 20, PATIENCE_SECONDS)
                broker.kill()
                broker.start()
                await until(lambda: journal.cursor("queue") == things, PATIENCE_SECONDS)
                await quiet(store)
        else:
            await until(lambda: outlet._ledger.sent == things or outlet.problem is not None, PATIENCE_SECONDS)
            if case.what == "consumer away, then killed":
                await asyncio.sleep(section.settle_seconds + AUTOSAVE_SECONDS)
                broker.kill()
                broker.start()
            async with consuming(section, place / "out") as store:
                with suppress(TimeoutError):
                    await until(lambda: journal.cursor("queue") == things and not journal.held("queue"), 120)
                await quiet(store)
    journal.close()
    broker.stop()
    arrived = {json.loads(line)["id"] for line in (place / "out").read_bytes().splitlines()}
    return things - len(arrived)


async def main(things: int) -> None:
    whats: tuple[What, ...] = ("killed under load", "consumer away", "consumer away, then killed")
    acks: tuple[Literal["broker", "receiver"], ...] = ("broker", "receiver")
    cases = [Case(what, settings, ack) for what in whats for settings in SETTINGS for ack in acks]
    slots = asyncio.Semaphore(3)

    async def one(case: Case, place: Path) -> int:
        async with slots:
            place.mkdir()
            return await measure(case, things, place)

    with tempfile.TemporaryDirectory(prefix="health-gateway-loss-") as directory:
        lost = await asyncio.gather(*(one(case, Path(directory) / str(number)) for number, case in enumerate(cases)))
    for case, count in zip(cases, lost, strict=True):
        print(f"{case}   {count:5} of {things} lost")


if __name__ == "__main__":
    set_up_logging("error", "console")
    version = subprocess.run(["mosquitto", "-h"], check=False, capture_output=True, text=True).stdout.splitlines()[0]
    print(version)
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000))

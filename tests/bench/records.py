"""A thousand stored records by record access, journalled, beside what the virtual radio needs to carry them."""

from __future__ import annotations

import asyncio
import gc
import random
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from bumble.link import LocalLink

from gateway import registry
from gateway.attendant import Attendant
from gateway.cli.daemon import GARBAGE
from gateway.clock import SystemClock
from gateway.filing import Filing
from gateway.intake import Intake
from gateway.journal import Journal
from gateway.simulator.devices import Meter
from gateway.simulator.memory import Memory
from gateway.simulator.play import config
from gateway.simulator.radio import Typist, backends, make_device
from gateway.transports.ble import BleakRadio
from gateway.transports.radio import Seen
from profiles.gatt import glucose as gls
from profiles.gatt.record_access import RecordAccessControlPoint, report_all
from tests.bench.measure import interleaved

RECORDS = 1000
HUB, METER = "C0:FF:EE:00:00:00", "C0:FF:EE:00:00:03"


async def _no_passkey(_addresses: list[str]) -> int | None:
    return None


@asynccontextmanager
async def air(place: Path) -> AsyncIterator[tuple[BleakRadio, Meter]]:
    """A meter with its records, advertising, and the hub's radio."""
    link = LocalLink()  # type: ignore[no-untyped-call]  # bumble leaves it untyped
    memory = Memory(place / "meter", METER)
    meter = Meter(link, METER, memory, lambda: datetime.now(UTC))
    numbers = count(1)
    with memory.together():
        meter.fill(lambda: next(numbers), random.Random(1), RECORDS)
    await meter.start()
    hub = make_device(link, "hub", HUB, Typist(_no_passkey, lambda: hub))
    await hub.power_on()
    scanner, client = backends(hub)
    await meter.advertise()
    yield BleakRadio(scanner, client), meter
    await meter.stop()


async def _first_seen(radio: BleakRadio) -> Seen:
    found: asyncio.Future[Seen] = asyncio.get_running_loop().create_future()
    scanning = asyncio.create_task(radio.scan(lambda seen: None if found.done() else found.set_result(seen)))
    seen = await found
    scanning.cancel()
    await asyncio.gather(scanning, return_exceptions=True)
    return seen


async def _bare() -> float:
    """Connect, switch on, ask for all, count what comes."""
    with tempfile.TemporaryDirectory(dir=".") as place:
        async with air(Path(place)) as (radio, _):
            seen = await _first_seen(radio)
            came, done = 0, asyncio.Event()

            def on_frame(characteristic: int, _data: bytes) -> None:
                nonlocal came
                came += characteristic == gls.GlucoseMeasurement.uuid
                if characteristic == RecordAccessControlPoint.uuid:
                    done.set()

            gc.collect()  # what the world before has left is nobody's to walk
            began = time.perf_counter()
            connection = await radio.connect(seen, on_frame=on_frame, on_lost=lambda: None, timeout=10)
            for characteristic in (gls.GlucoseMeasurement.uuid, RecordAccessControlPoint.uuid):
                await connection.subscribe(characteristic)
            await connection.write(RecordAccessControlPoint.uuid, report_all())
            await done.wait()
            spent = time.perf_counter() - began
            assert came == RECORDS, came
            await connection.close()
            return spent


async def _ours() -> float:
    """The same through a session, until its last reading is in the journal and the session is over."""
    with tempfile.TemporaryDirectory(dir=".") as name:
        place = Path(name)
        async with air(place) as (radio, _):
            journal, intake, clock = Journal(place / "journal.db"), Intake(place / "intake"), SystemClock("simulated")
            attendant = Attendant(config(place), registry.load(), radio, intake, journal, Filing(journal, None), clock)
            seen = await _first_seen(radio)
            watching = asyncio.create_task(attendant.watch())
            await asyncio.sleep(0)
            gc.collect()
            began = time.perf_counter()
            attendant.on_seen(seen)
            await asyncio.gather(*attendant._tasks)
            spent = time.perf_counter() - began
            glucose = sum(row.type == "blood-glucose" for row in journal.everything())
            assert glucose >= RECORDS - 1, glucose  # one waits for its meal, and comes with it
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            intake.close()
            journal.close()
            return spent


def _settled() -> None:
    """As the daemon does when it is up: the collector leaves alone what was there before."""
    registry.load()
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE)


def run() -> None:
    _settled()
    found = interleaved({"bare": lambda: asyncio.run(_bare()), "ours": lambda: asyncio.run(_ours())}, runs=3)
    print(f"{RECORDS} stored records by record access over the virtual radio, medians of 3, interleaved")
    print(f"  bare: connect, ask, receive      {found['bare'] * 1000:7.0f} ms")
    print(f"  a session, all of it journalled  {found['ours'] * 1000:7.0f} ms   {found['ours'] / found['bare']:.2f} x")

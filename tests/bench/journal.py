"""The journal: how many syncs a thing costs, how many things go in, and what a million of them do to start and export."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.encryption import Key, Keys
from gateway.journal import Commit, Journal
from gateway.journal.reading import read_all
from gateway.journal.rekeying import rekey
from gateway.journal.schema import put, row_crc
from gateway.provenance import NONE, Signer, statement
from gateway.simulator.play import play
from gateway.sinks.file import FileSink
from tests.bench.measure import interleaved
from tests.support.things import candidate

THINGS, PRODUCERS = 1000, 100
KEYS = Keys(Key(bytes(range(32))))
MILLION = 1_000_000


def real_body(place: Path) -> tuple[str, int]:
    """A thing as it really is, out of a short life of the virtual devices."""
    asyncio.run(play(place, seed=1, seconds=3, sinks={"file": FileSink(place / "things.ndjson")}, stored_only=True))
    bodies = [row.body for row in read_all(place / "journal.db") if row.type == "blood-pressure"]
    return bodies[0], len(bodies[0].encode())


def _raw(body: bytes, group: int = 1) -> float:
    """Things per second, appended to a bare file with fdatasync."""
    with tempfile.TemporaryDirectory(dir=".") as place:
        fd = os.open(f"{place}/log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        began = time.perf_counter()
        for number in range(THINGS):
            os.write(fd, body)
            if number % group == group - 1:
                os.fdatasync(fd)
        spent = time.perf_counter() - began
        os.close(fd)
    return THINGS / spent


def _ours(producers: int, size: int) -> float:
    async def run(journal: Journal) -> float:
        async def produce(who: int) -> None:
            for number in range(THINGS // producers):
                await journal.commit(Commit("", (candidate(f"{who}-{number}", size=size),)))

        began = time.perf_counter()
        await asyncio.gather(*(produce(who) for who in range(producers)))
        return THINGS / (time.perf_counter() - began)

    with tempfile.TemporaryDirectory(dir=".") as place:
        journal = Journal(Path(place) / "journal.db")
        rate = asyncio.run(run(journal))
        journal.close()
    return rate


SYNC_COUNTER = """
import asyncio, sys, tempfile
from pathlib import Path
from typing import Any
from gateway.encryption import Key, Keys
from gateway.journal import Commit, Journal
from tests.support.things import candidate
async def main(journal):
    async def produce(who):
        for number in range({each}):
            await journal.commit(Commit("", (candidate(f"{{who}}-{{number}}"),)))
    await asyncio.gather(*(produce(who) for who in range({producers})))
with tempfile.TemporaryDirectory(dir=".") as place:
    journal = Journal(Path(place) / "journal.db")
    asyncio.run(main(journal))
    print(journal.writer.commits)
    journal.close()
"""


def _syncs() -> tuple[int, str]:
    """Fdatasync and fsync calls of a whole process that files 1,000 things, counted by the kernel if strace is here."""
    code = SYNC_COUNTER.format(each=THINGS // PRODUCERS, producers=PRODUCERS)
    if shutil.which("strace"):
        done = subprocess.run(
            ["strace", "-f", "-qq", "-e", "trace=fdatasync,fsync", sys.executable, "-c", code],
            check=True,
            capture_output=True,
            text=True,
        )
        return sum("sync(" in line for line in done.stderr.splitlines()), "counted by strace"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return int(done.stdout), "commits, one fdatasync each; strace would count them all"


def fill(path: Path, body: str, count: int, signer: Signer | None = None) -> None:
    """So many realistic things, written as the journal writes them, in one transaction; signed as it signs them."""
    journal = Journal(path, signer)
    thing = json.loads(body)
    digest = bytes(16)

    def rows() -> Iterator[tuple[Any, ...]]:
        for n in range(1, count + 1):
            thing_id = f"{n:032x}"
            text = json.dumps({**thing, "id": thing_id}, separators=(",", ":"))
            yield (n, thing_id, 1, "blood-pressure", digest, 4, 0, text, row_crc(n, thing_id, 1, "blood-pressure", digest, 4, 0, text))

    journal._connection.execute("BEGIN")
    journal._connection.executemany("INSERT INTO things VALUES(?,?,?,?,?,?,?,?,?)", rows())
    if signer is not None:
        for proof in _proofs(rows(), signer):
            put(journal._connection, "proofs", *proof)
    journal._connection.execute("COMMIT")
    put(journal._connection, "sinks", "file", count)
    journal.close()


def encrypt(path: Path) -> None:
    """As a start does it after a key was named."""
    before, began = path.stat().st_size, time.perf_counter()
    done = rekey(path, KEYS)
    assert done is not None
    spent = time.perf_counter() - began
    print(f"encrypting {done.things:,} things that are there: {spent:.1f} s, {path.stat().st_size / before:.2f} times the room")


def _proofs(rows: Iterator[tuple[Any, ...]], signer: Signer) -> Iterator[tuple[int, str, bytes, bytes]]:
    head = NONE
    for n, *_, text, _crc in rows:
        said = statement(n, head, text.encode())
        yield n, signer.key, head, signer.sign(said)
        head = said


def _start(state: Path) -> tuple[float, float, float]:
    done = subprocess.run([sys.executable, "-m", "tests.bench.start", str(state)], check=True, capture_output=True, text=True)
    whole, without_imports, memory = map(float, next(line for line in done.stdout.splitlines() if line.startswith("started ")).split()[1:])
    return whole, without_imports, memory


EXPORTER = """
import sys
from pathlib import Path
from typing import Any
from gateway.api import functions
from tests.bench.measure import resident
octets = sum(len(line) for line in functions.export(Path(sys.argv[1]), sys.argv[2], None))
print(octets, resident())
"""


def _export(journal: Path, kind: str) -> tuple[float, float, float]:
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", EXPORTER, str(journal), kind], check=True, capture_output=True, text=True)
    octets, memory = map(float, done.stdout.split())
    return time.perf_counter() - began, octets / 1e6, memory


def run() -> None:
    with tempfile.TemporaryDirectory(dir=".") as place:
        body, size = real_body(Path(place) / "life")
        raw = (body + "\n").encode()
        syncs, how = _syncs()
        print(f"journal, things of {size} bytes, SQLite {sqlite3.sqlite_version}")
        print(f"  syncs for {THINGS} things from {PRODUCERS} producers: {syncs} ({how})")
        found = interleaved(
            {
                "raw": lambda: _raw(raw),
                "raw100": lambda: _raw(raw, PRODUCERS),
                "one": lambda: _ours(1, size),
                "hundred": lambda: _ours(PRODUCERS, size),
            }
        )
        print(f"  raw append + fdatasync each     {found['raw']:9.0f} things/s")
        print(f"  raw append + fdatasync per 100  {found['raw100']:9.0f} things/s")
        print(f"  journal, 1 producer             {found['one']:9.0f} things/s   {found['one'] / found['raw']:.2f} x raw")
        print(f"  journal, 100 producers          {found['hundred']:9.0f} things/s   {found['hundred'] / found['raw']:.2f} x raw")

        state = Path(place) / "million"
        state.mkdir()
        empty = Path(place) / "empty"
        empty.mkdir()
        fill(state / "journal.db", body, MILLION)
        size_mb = (state / "journal.db").stat().st_size / 1e6
        starts = interleaved({"million": lambda: _start(state)[0], "empty": lambda: _start(empty)[0]})
        memory, memory_empty = _start(state)[2], _start(empty)[2]
        print(
            f"start with {MILLION:,} things ({size_mb:.0f} MB): {starts['million']:.2f} s, {memory:.0f} MB resident; "
            f"with none: {starts['empty']:.2f} s, {memory_empty:.0f} MB"
        )
        for kind in ("ndjson", "csv", "healthvault-xml"):
            seconds, megabytes, memory = _export(state / "journal.db", kind)
            few = _export(Path(place) / "life" / "journal.db", kind)[2]
            print(
                f"export {kind:<16} {seconds:6.1f} s, {megabytes:6.0f} MB out, {memory:.0f} MB resident (with {few:.0f} MB for a few dozen)"
            )

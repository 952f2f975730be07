"""One round: lives of the daemon among faults, then peace, then the comparison with what the devices know."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import signal
import sys
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drivers.kit.capture import Record
from gateway.encryption import Keys, make_key, read_keys
from gateway.intake import read
from gateway.journal.reading import read_latest
from gateway.simulator.devices import Meter
from gateway.simulator.memory import Verdict, compare, truths
from gateway.simulator.pushers import Cuff, Scale
from gateway.simulator.users import UserScale
from gateway.simulator.world import ADDRESSES
from profiles.gatt.device_information import ModelNumber
from tests.campaign.far import BrokerFar, ClinicFar, Far, StreamFar, Ways, threaded
from tests.campaign.plan import BULK_RECORDS, Event, Fault, Kind, Plan
from tests.campaign.stage import ROOT, Disk
from tests.support.rig import UNUSABLE, Spec

LIFE_SECONDS = 60
HUNG = 1000
"""Taken off the exit status of a daemon that had to be killed because it did not end."""
MOST_LIVES = 8
ARRIVAL_SECONDS = 20.0
FAR_FAULTS = ("broker-killed", "broker-restarted", "broker-refuses", "consumer-away")
FORGETFUL = ("weight", "vital-signs", "blood-glucose")
"""What comes from devices that delete what was confirmed, or are told to."""
FARS: dict[Kind, type[BrokerFar | StreamFar | ClinicFar]] = {"broker": BrokerFar, "stream": StreamFar, "clinic": ClinicFar}


def _deaf() -> None:
    """As `run` does it first of all: a reload before its time ends nothing."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


@dataclass
class Result:
    plan: Plan
    verdict: Verdict | None = None
    killed: bool = False
    lives: int = 0
    faults: list[str] = field(default_factory=list)
    deleting: int = 0
    window: int = 0
    """Lost before intake had them: a device forgot what the process had not yet written when it was killed."""
    file_doubled: int = 0
    problem: str = ""

    @property
    def lost(self) -> int:
        return len(self.verdict.lost) - self.window if self.verdict else 0

    @property
    def good(self) -> bool:
        if self.verdict is None or self.problem or self.file_doubled or self.lost:
            return False
        return not (self.verdict.doubled or self.verdict.merged or self.verdict.invented)

    def __str__(self) -> str:
        return f"{self.plan}: {self.verdict}; lives {self.lives}, file lines doubled {self.file_doubled}; {self.problem}"


class Round:
    def __init__(self, plan: Plan, place: Path) -> None:
        self._plan, self._place = plan, place
        self._random = random.Random(plan.seed)
        place.mkdir(parents=True)
        self._state = place / "state"
        self._state.mkdir(mode=0o700)
        self._disk = Disk(self._state)
        self._far: Far = FARS[plan.far](place, plan.ack)
        self._config = place / "config.toml"
        self._clock, self._calm = place / "clock", place / "calm"
        self._clock.write_text("0")
        self._key_files = [place / "key-1", place / "key-2"]
        for path in self._key_files:
            make_key(path)
        self._key: Path | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._configured, self._one_at_a_time = asyncio.Lock(), asyncio.Lock()
        self.result = Result(plan)

    def _text(self, reconnect: float = 2) -> str:
        return f"""
[gateway]
state = "{self._state}"
socket = "{self._place / "control.sock"}"
[time]
trust = "simulated"
[disk]
reserve_mb = 1
[bluetooth]
accept = "any"
idle_seconds = 1.5
reconnect_seconds = {reconnect}
[[person]]
id = "anna"
[[person]]
id = "ben"
[[device]]
address = "{ADDRESSES[Meter]}"
person = "anna"
forget = true
[[device]]
address = "{ADDRESSES[Cuff]}"
users = {{ 1 = "ben" }}
[[device]]
address = "{ADDRESSES[Scale]}"
person = "anna"
[[device]]
address = "{ADDRESSES[UserScale]}"
consent = {{ 1 = 1111, 2 = 2222 }}
users = {{ 1 = "anna", 2 = "ben" }}
[sink.file]
type = "file"
path = "{self._place / "things.ndjson"}"
[at_rest]
{f'key_file = "{self._key}"' if self._key else ""}
old_key_files = {json.dumps([str(path) for path in self._key_files])}
{self._far.sections()}"""

    async def run(self) -> Result:
        faults = {event.fault for event in self._plan.events}
        if "disk-full" in faults:
            self._disk.mount()
        try:
            await self._far.start()
            self._config.write_text(self._text())
            weather = asyncio.create_task(self._weather())
            await self._live(weather)
            if not self.result.problem:
                await self._judge()
        except Exception as error:  # noqa: BLE001 - whatever happens belongs to this round's seed
            self.result.problem = f"{type(error).__name__}: {error}"
        finally:
            await self._far.stop()
            if not self.result.good:
                shutil.copytree(self._state, self._place / "state-kept", dirs_exist_ok=True)
            self._disk.unmount()
        return self.result

    # -- lives -------------------------------------------------------------------------------------------------------

    async def _live(self, weather: asyncio.Task[None]) -> None:
        damage = "journal-damaged" in {event.fault for event in self._plan.events}
        for life in range(MOST_LIVES):
            status, told = await self._life(f"{self._plan.point}:{self._plan.count}" if life == 0 else None)
            self.result.lives += 1
            if status == -signal.SIGKILL:
                self.result.killed = True
            elif status == 0 and not damage:
                break
            elif status not in (0, UNUSABLE):
                self.result.problem = f"exit status {status}: {told[-3000:]}"
                break
            if damage:
                self._damage()
                damage = False
            if status == UNUSABLE:
                await asyncio.sleep(0.5)
        else:
            self.result.problem = "it never came to an end"
        await weather

    async def _life(self, kill: str | None) -> tuple[int, str]:
        spec = Spec(
            str(self._config),
            str(self._place / "devices"),
            str(self._clock),
            str(self._calm),
            self._plan.seed,
            kill,
            BULK_RECORDS if self._plan.bulk else 20,
            LIFE_SECONDS,
        ).write(self._place / "spec.json")
        log = self._place / "daemon.log"
        async with self._configured:
            # Each life stores what there is with another key than the one before, or with none.
            self._key = self._random.choice([path for path in (None, *self._key_files) if path != self._key or kill])
            self._config.write_text(self._text())
            before = log.read_bytes().count(b" started ") if log.exists() else 0
            with log.open("ab") as out:
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "tests.support.rig", str(spec)), cwd=ROOT, stdout=out, stderr=out, preexec_fn=_deaf
                )
            # The configuration is read at the start; a reload comes after that.
            while self._process.returncode is None and log.read_bytes().count(b" started ") == before:  # noqa: ASYNC110 - its log
                await asyncio.sleep(0.05)
        try:
            async with asyncio.timeout(LIFE_SECONDS + 30):
                status = await self._process.wait()
        except TimeoutError:
            self._process.kill()
            return await self._process.wait() - HUNG, log.read_text(errors="replace")
        return status, log.read_text(errors="replace")

    def _damage(self) -> None:
        """Flip bits, or cut the end of the write-ahead log off."""
        kinds = [path for path in (self._state / "journal.db", self._state / "journal.db-wal") if path.exists() and path.stat().st_size]
        if not kinds:
            return
        path = self._random.choice(kinds)
        data = bytearray(path.read_bytes())
        if path.suffix == ".db-wal" and self._random.random() < 0.5:
            del data[self._random.randrange(len(data)) :]
        else:
            for _ in range(self._random.randint(1, 20)):
                data[self._random.randrange(len(data))] ^= 1 << self._random.randrange(8)
        path.write_bytes(data)
        self.result.faults.append("journal-damaged")

    # -- faults ------------------------------------------------------------------------------------------------------

    async def _weather(self) -> None:
        await asyncio.gather(*(self._befall(event) for event in self._plan.events))
        self._calm.touch()

    async def _befall(self, event: Event) -> None:
        if event.fault == "journal-damaged":
            return  # between two lives
        await asyncio.sleep(event.at)
        called, strike, mend = self._ways(event.fault)
        # One that is being started is not killed: what would be tested then is our waiting for it. Of a cluster one goes at a time.
        async with self._one_at_a_time if event.fault in FAR_FAULTS else nullcontext():
            await strike()
            await self._reconfigure(called)
            if called == "consent-revoked":
                self._far.told()
            await asyncio.sleep(event.lasts)
            await mend()
            await self._reconfigure(called)
        if event.fault != "disk-full" or self._disk.small:
            self.result.faults.append(called)

    def _ways(self, fault: Fault) -> Ways:
        disk = self._disk
        if fault == "disk-full":
            return fault, threaded(disk.fill), threaded(disk.empty)
        if fault == "clock-stepped":
            return fault, self._step_clock, self._step_clock
        if fault == "reloaded":
            return fault, lambda: self._reload(valid=False), lambda: self._reload(valid=True)
        return self._far.ways(fault)

    async def _reconfigure(self, fault: str) -> None:
        if fault == "consent-revoked":
            await self._reload(valid=True)

    async def _step_clock(self) -> None:
        temporary = self._clock.with_suffix(".new")
        temporary.write_text(str(self._random.choice((-86_400, -3600, -75, 75, 3600, 86_400))))
        temporary.replace(self._clock)

    async def _reload(self, *, valid: bool) -> None:
        async with self._configured:
            good = self._text(reconnect=self._random.choice((1, 2, 3)))
            self._config.write_text(good if valid else good + "nonsense = true\n")
            with suppress(ProcessLookupError):
                if self._process is not None and self._process.returncode is None:
                    self._process.send_signal(signal.SIGHUP)
            if not valid:
                await asyncio.sleep(0.3)
                self._config.write_text(good)

    # -- judgement ---------------------------------------------------------------------------------------------------

    async def _judge(self) -> None:
        expected = truths(self._place / "devices")
        self.result.deleting = sum(truth["type"] in FORGETFUL for truth in expected)
        latest = [json.loads(row.body) for row in read_latest(self._state / "journal.db", self._keys())]
        newest = {thing["id"]: thing["version"] for thing in latest}
        with suppress(TimeoutError):
            async with asyncio.timeout(ARRIVAL_SECONDS):
                while not await self._far.whole(newest):  # noqa: ASYNC110 - another process writes it
                    await asyncio.sleep(0.2)
        things = await asyncio.to_thread(self._far.arrived)
        unknown = self._never_introduced()
        self.result.verdict = compare(
            [truth for truth in expected if truth["type"] != "device" or truth["device"] not in unknown],
            [thing for thing in things if thing["type"] != "device" or thing["device"]["address"] not in unknown],
        )
        self.result.problem = self._far.problem(latest)
        self.result.window = self._never_taken(expected, set(self.result.verdict.lost))
        if "journal-damaged" not in self.result.faults:
            written = [(t["id"], t["version"]) for t in map(json.loads, (self._place / "things.ndjson").read_text().splitlines())]
            self.result.file_doubled = len(written) - len(set(written))
            missing = set(newest.items()) - set(written)
            if missing:
                self.result.problem = f"{len(missing)} things are not in the file"

    def _never_introduced(self) -> set[str]:
        """Devices of which everything was read but their model, when the daemon was killed, and that have had nothing to say since."""
        addresses: dict[str, str] = {}
        told = set[str]()
        for record in read(self._state / "intake", 0, self._keys()):
            if isinstance(record, Record) and record.kind == "open" and f"{ModelNumber.uuid:04X}" in record.extra.get("chars", ()):
                addresses[record.session] = str(record.extra.get("a"))
            elif isinstance(record, Record) and record.characteristic == ModelNumber.uuid and record.session in addresses:
                told.add(addresses[record.session])
        return set(addresses.values()) - told

    def _never_taken(self, expected: list[dict[str, Any]], lost: set[int]) -> int:
        if not lost:
            return 0
        records = (record for record in read(self._state / "intake", 0, self._keys()) if isinstance(record, Record))
        log = "\n".join(record.data.hex() for record in records)
        return sum(truth["truth"] in lost and bool(truth["data"]) and truth["data"].lower() not in log for truth in expected)

    def _keys(self) -> Keys:
        return read_keys(self._key, self._key_files)

    def clear(self) -> None:
        shutil.rmtree(self._place, ignore_errors=True)

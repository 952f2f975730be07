"""A round's far end: a broker and its consumer; a stream of three servers with workers and a database; the servers of a clinic.

Each says what belongs into the configuration, how the faults strike it, what has arrived, and what is wrong with that.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nats
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.exports.fhir.bundle import THING
from gateway.exports.fhir.observations import NoForm, drafts
from tests.campaign.plan import Fault
from tests.campaign.stage import ROOT, Consumer, Network
from tests.support import fhir_server, healthvault_server
from tests.support.broker import DURABLE, Broker
from tests.support.nats_server import STREAM, Cluster, stream
from tests.support.postgres import Postgres
from tests.support.web import listening

Act = Callable[[], Awaitable[object]]
Ways = tuple[str, Act, Act]
"""What it is called in the summary, how it strikes, how it ends."""
Thing = dict[str, Any]
# Patterns: `topic` rules make Mosquitto drop what comes between its restart and the consumer's return (docs/queue.md).
REFUSING = "pattern read #\npattern write health/receipt/#\n"
WELCOMING = "pattern readwrite #\n"


def threaded(function: Callable[[], object]) -> Act:
    return lambda: asyncio.to_thread(function)


class Far(ABC):
    """`granted`: whether Anna agrees at the moment; only the clinic asks."""

    granted = True
    since = 0.0
    """When the gateway was told so."""

    @abstractmethod
    async def start(self) -> None: ...

    @abstractmethod
    async def stop(self) -> None: ...

    @abstractmethod
    def sections(self) -> str:
        """Of the configuration."""

    @abstractmethod
    def ways(self, fault: Fault) -> Ways: ...

    @abstractmethod
    def arrived(self) -> list[Thing]: ...

    def told(self) -> None:
        """The gateway has been sent the signal to read what its configuration says now, or reads it at its next start."""
        self.since = time.monotonic()

    def problem(self, _latest: list[Thing]) -> str:
        """What is wrong with what has arrived, beside what a comparison with the truths shows. `latest`: of the journal."""
        return ""

    async def whole(self, newest: dict[str, int]) -> bool:
        """Whether all of these versions have come."""
        arrived: dict[str, int] = {}
        for thing in await asyncio.to_thread(self.arrived):
            arrived[thing["id"]] = max(thing["version"], arrived.get(thing["id"], 0))
        return all(arrived.get(key, 0) >= version for key, version in newest.items())


class BrokerFar(Far):
    def __init__(self, place: Path, ack: str) -> None:
        self._ack, self._place = ack, place
        self._rules = place / "acl"
        self._rules.write_text(WELCOMING)
        self._broker = Broker(place / "broker", DURABLE + f"acl_file {self._rules}\n")
        self._network = Network(self._broker.port)
        (place / "consumer.toml").write_text(self._section(self._broker.port))
        self._consumer = Consumer(place / "consumer.toml", place / "consumer.ndjson")

    async def start(self) -> None:
        await asyncio.to_thread(self._broker.start)
        await self._network.set("fine")
        await self._consumer.start()

    async def stop(self) -> None:
        await self._consumer.kill()
        await self._network.close()
        await asyncio.to_thread(self._broker.stop)

    def _section(self, port: int) -> str:
        return (
            f'[sink.queue]\ntype = "mqtt"\nhost = "127.0.0.1"\nport = {port}\nack = "{self._ack}"\n'
            "settle_seconds = 3\nreceipt_seconds = 2\n"
        )

    def sections(self) -> str:
        return self._section(self._network.port)

    def ways(self, fault: Fault) -> Ways:
        broker, network, consumer = self._broker, self._network, self._consumer
        found: dict[Fault, tuple[Act, Act]] = {
            "broker-killed": (threaded(broker.kill), threaded(broker.start)),
            "broker-restarted": (threaded(broker.stop), threaded(broker.start)),
            "broker-refuses": (lambda: self._rule(REFUSING), lambda: self._rule(WELCOMING)),
            "connection-refused": (lambda: network.set("refused"), lambda: network.set("fine")),
            "partitioned": (lambda: network.set("stalled"), lambda: network.set("fine")),
            "slow": (lambda: network.set("slow"), lambda: network.set("fine")),
            "consumer-away": (consumer.kill, consumer.start),
        }
        return fault, *found[fault]

    async def _rule(self, rules: str) -> None:
        self._rules.write_text(rules)
        with suppress(ProcessLookupError, AssertionError):
            self._broker.signal(signal.SIGHUP)

    def arrived(self) -> list[Thing]:
        found = []
        for line in self._consumer.out.read_bytes().splitlines():
            with suppress(ValueError):  # half written
                found.append(json.loads(line))
        return found


class StreamFar(Far):
    """Three servers with three replicas, one killed at a time; two workers; a database that is killed, too."""

    def __init__(self, place: Path, ack: str) -> None:
        self._ack, self._place = ack, place
        self._cluster = Cluster(place / "cluster")
        self._networks = [Network(server.port) for server in self._cluster.servers]
        self._apart = Path(tempfile.mkdtemp(prefix="pg"))
        self._apart.chmod(0o755)
        self._database = Postgres(self._apart / "server")
        self._workers: list[subprocess.Popen[bytes]] = []
        self._turn = 0

    async def start(self) -> None:
        self._cluster.start()
        await asyncio.to_thread(self._database.start)
        client = await nats.connect(self._cluster.urls)
        made: Any = None
        for _ in range(100):
            # Not yet: no leader is elected; it does not know its two followers ("no suitable peers"), which is a bad request to it.
            with suppress(nats.js.errors.ServiceUnavailableError, nats.js.errors.BadRequestError, nats.errors.TimeoutError):
                await client.jetstream(timeout=1).add_stream(stream(num_replicas=3))
                made = await client.jetstream(timeout=1).stream_info(STREAM)
                break
            await asyncio.sleep(0.1)
        assert made.config.num_replicas == len(self._cluster.servers)
        await client.close()
        for network in self._networks:
            await network.set("fine")
        (self._place / "collect.toml").write_text(
            f'[queue]\ntype = "nats"\nservers = {json.dumps(self._cluster.urls)}\nack_seconds = 5\n'
            f'[database]\nurl = "{self._database.url}"\npassword_file = "{self._database.password_file}"\n'
        )
        self._work()
        await asyncio.to_thread(self._wait_for_tables)

    def _wait_for_tables(self) -> None:
        while not self._database.ask("SELECT to_regclass('things')")[0][0]:
            time.sleep(0.1)

    async def stop(self) -> None:
        await asyncio.to_thread(self._rest)
        for network in self._networks:
            await network.close()
        self._cluster.stop()
        await asyncio.to_thread(self._database.stop)
        shutil.rmtree(self._apart, ignore_errors=True)

    def _work(self) -> None:
        with (self._place / "workers.log").open("ab") as log:
            command = [sys.executable, "-m", "gateway", "collect", "-c", str(self._place / "collect.toml"), "--name"]
            self._workers = [subprocess.Popen([*command, f"w{number}"], cwd=ROOT, stdout=log, stderr=log) for number in (1, 2)]

    def _rest(self) -> None:
        """With -9."""
        for worker in self._workers:
            worker.kill()
            worker.wait()

    def sections(self) -> str:
        urls = [f"nats://127.0.0.1:{network.port}" for network in self._networks]
        return (
            f'[sink.queue]\ntype = "nats"\nservers = {json.dumps(urls)}\nack = "{self._ack}"\n'
            "settle_seconds = 3\nreceipt_seconds = 2\ntimeout_seconds = 2\n"
        )

    def ways(self, fault: Fault) -> Ways:
        self._turn += 1
        server = self._cluster.servers[self._turn % 3]
        found: dict[Fault, Ways] = {
            "broker-killed": ("server-killed", threaded(server.kill), threaded(server.start)),
            "broker-restarted": (
                "server-hung",
                threaded(lambda: server.signal(signal.SIGSTOP)),
                threaded(lambda: server.signal(signal.SIGCONT)),
            ),
            "broker-refuses": ("database-killed", threaded(self._database.stop), threaded(self._database.start)),
            "connection-refused": ("connection-refused", lambda: self._weather("refused"), lambda: self._weather("fine")),
            "partitioned": ("partitioned", lambda: self._weather("stalled"), lambda: self._weather("fine")),
            "slow": ("slow", lambda: self._weather("slow"), lambda: self._weather("fine")),
            "consumer-away": ("workers-killed", threaded(self._rest), threaded(self._work)),
        }
        return found[fault]

    async def _weather(self, weather: Any) -> None:
        for network in self._networks:
            await network.set(weather)

    def arrived(self) -> list[Thing]:
        return [json.loads(bytes(payload)) for (payload,) in self._database.ask("SELECT payload FROM things")]

    def problem(self, _latest: list[Thing]) -> str:
        refused = self._database.ask("SELECT why FROM refused")
        return f"the workers refused {len(refused)}: {refused[0][0]}" if refused else ""


@dataclass
class _Watched(fhir_server.FhirServer):
    """Notes whose observations come when."""

    seen: list[tuple[float, str]] = field(default_factory=list)

    def take(self, bundle: Thing) -> list[str]:
        now = time.monotonic()
        for entry in bundle["entry"]:
            for one in entry["resource"].get("identifier", ()):
                if one.get("system") == THING:
                    self.seen.append((now, one["value"].rsplit("/", 1)[1]))
        return super().take(bundle)


def _has_no_form(thing: Thing) -> bool:
    """In FHIR: samples at uneven moments."""
    try:
        drafts(thing)
    except NoForm:
        return True
    return False


class ClinicFar(Far):
    """A FHIR server that Anna's consent is asked for, a record service, and a webhook for everything."""

    GRACE = 1.5
    """Within so long a gateway has taken over what its configuration says now, or is not running."""

    def __init__(self, place: Path, _ack: str) -> None:
        self._place = place
        self._fhir, self._vault = _Watched(), healthvault_server.VaultServer()
        self._hooked: list[Thing] = []
        self._busy = False
        self._stack = AsyncExitStack()
        self._networks: list[Network] = []
        self._withheld: list[tuple[float, float]] = []
        (place / "vault-secret").write_text(healthvault_server.b64(healthvault_server.SECRET))

    async def start(self) -> None:
        urls = [
            await self._stack.enter_async_context(fhir_server.served(self._fhir)),
            await self._stack.enter_async_context(healthvault_server.served(self._vault)),
            await self._stack.enter_async_context(listening([Route("/hook", self._hook, methods=["POST"])])),
        ]
        self._networks = [Network(int(url.split("/")[2].split(":")[1])) for url in urls]
        for network in self._networks:
            await network.set("fine")

    async def _hook(self, request: Request) -> Response:
        body = await request.body()
        if self._busy:
            return Response("no", 503)
        self._hooked.append(json.loads(body))
        return Response()

    async def stop(self) -> None:
        for network in self._networks:
            await network.close()
        await self._stack.aclose()

    def sections(self) -> str:
        fhir, vault, hook = (f"http://127.0.0.1:{network.port}" for network in self._networks)
        server = healthvault_server
        anna = '[[grant]]\nperson = "anna"\nsink = "clinic"\n' if self.granted else ""
        return (
            f'[sink.clinic]\ntype = "fhir"\nconsent = "required"\nurl = "{fhir}/r4"\ntimeout_seconds = 2\ntogether = 20\n'
            f'[sink.vault]\ntype = "healthvault"\nurl = "{vault}/platform/wildcat.ashx"\napp_id = "{server.APP}"\ntimeout_seconds = 2\n'
            f'secret_file = "{self._place}/vault-secret"\nperson_id = "{server.PERSON}"\n'
            f'records = {{ anna = "{server.RECORD}", ben = "{server.OTHER}" }}\n'
            f'[sink.hook]\ntype = "webhook"\nurl = "{hook}/hook"\ntimeout_seconds = 2\n'
            f'[[grant]]\nperson = "ben"\nsink = "clinic"\n{anna}'
        )

    def ways(self, fault: Fault) -> Ways:
        found: dict[Fault, Ways] = {
            "broker-killed": ("servers-away", lambda: self._weather("refused"), lambda: self._weather("fine")),
            "broker-restarted": ("answers-lost", self._lose, self._well),
            "broker-refuses": ("servers-talk-nonsense", self._babble, self._well),
            "connection-refused": ("connection-refused", lambda: self._weather("refused"), lambda: self._weather("fine")),
            "partitioned": ("partitioned", lambda: self._weather("stalled"), lambda: self._weather("fine")),
            "slow": ("slow", lambda: self._weather("slow"), lambda: self._weather("fine")),
            "consumer-away": ("consent-revoked", self._revoke, self._grant),
        }
        return found[fault]

    async def _weather(self, weather: Any) -> None:
        for network in self._networks:
            await network.set(weather)

    async def _lose(self) -> None:
        self._fhir.lose = self._vault.lose = True

    async def _babble(self) -> None:
        self._fhir.answers = [500, "<html>", 503] * 300
        self._vault.answers = [1, "<html>", 65, 146] * 300
        self._busy = True

    async def _well(self) -> None:
        self._fhir.answers, self._vault.answers = [], []
        self._fhir.lose = self._vault.lose = self._busy = False

    async def _revoke(self) -> None:
        self.granted = False

    async def _grant(self) -> None:
        await asyncio.sleep(2 * self.GRACE)
        self.granted = True
        self._withheld.append((self.since + self.GRACE, time.monotonic()))

    def arrived(self) -> list[Thing]:
        return self._hooked

    async def whole(self, newest: dict[str, int]) -> bool:
        latest = {thing["id"]: thing for thing in self._hooked}
        return await super().whole(newest) and not self.problem([latest[one] for one in newest if one in latest])

    def problem(self, latest: list[Thing]) -> str:
        measured = [thing for thing in latest if thing["type"] != "device"]
        mine = {thing["id"] for thing in measured if thing.get("person") in ("anna", "ben")}
        out = [moment for moment, person in self._fhir.seen if person == "anna" and any(a < moment < b for a, b in self._withheld)]
        if out:
            return f"{len(out)} of Anna's went out while she did not agree"
        named = [one["value"] for o in self._fhir.observations() for one in o["identifier"] if one["system"] == THING]
        if len(named) != len(set(named)):
            return f"{len(named) - len(set(named))} observations are doubled"
        there = {name.split("/")[0] for name in named}
        if missing := [thing for thing in measured if thing["id"] in mine - there and not _has_no_form(thing)]:
            return f"{len(missing)} things are not at the FHIR server"
        kept = Counter(one.called for record in self._vault.records.values() for one in record)
        if doubled := [name for name, count in kept.items() if count > 1]:
            return f"{len(doubled)} things are doubled in their record"
        if gone := mine - set(kept):
            return f"{len(gone)} things are not in their record"
        return ""

"""Devices: how each is doing, which are near, and leading one through its pairing."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import Field

from drivers.kit.declare import Advertisement
from gateway.api.refusing import Refused
from gateway.audit import Note
from gateway.config import ADDRESS, Config, DeviceSection
from gateway.errors import AmbiguousMatch
from gateway.journal import Journal
from gateway.known import Known
from gateway.pairing import Desk, NotAsked
from gateway.quiet import last_came
from gateway.registry import Registry
from gateway.web.accounts import Role
from gateway.web.endpoints import EVERYBODY, TECHNICAL, Call, Endpoint, Model

MOST_EVENTS = 32
PAIRING_SECONDS = 300.0
OVER = ("paired", "failed")
MOST_NEAR = 50


class Device(Model):
    address: str = Field(description="Bluetooth address, or the port of one with a cable")
    name: str | None
    driver: str | None
    label: str | None = Field(description="What the driver is for")
    listed: bool = Field(description="Stands in the configuration")
    cable: bool
    state: str = Field(description="away, waiting, reading or refused")
    persons: list[str]
    heard: float | None = Field(description="When an advertisement came last; seconds since 1970")
    read: float | None = Field(description="When a reading came last")
    quiet_days: int | None = Field(description="For how long nothing has come, where that is unusual")
    signal: int | None = Field(description="dBm")
    battery: int | None = Field(description="Percent")
    clock_behind: float | None = Field(description="Seconds by which its clock is behind the hub's")
    sessions: int
    things: int
    problem: str | None
    notices: list[str]
    asks: bool = Field(description="It waits for an answer to its pairing")


class Devices(Model):
    devices: list[Device]
    adapter: str
    cables: str | None
    disk: str


class Near(Model):
    address: str
    name: str | None
    label: str | None = Field(description="Of the driver that would read it; null: none")
    driver: str | None
    listed: bool
    signal: int | None
    heard: float | None


class PairingEvent(Model):
    event: str = Field(description="found, pairing, question, trying, paired, failed")
    kind: str | None = Field(None, description="Of a question: type, compare, show")
    number: str | None = None
    why: str | None = None


class Course(Model):
    """How a pairing goes."""

    running: bool
    events: list[PairingEvent]


class Answer(Model):
    text: str = Field(max_length=20, description="The passkey, or yes or no")


class Forgotten(Model):
    forgotten: bool = Field(description="There was a bond")


class DevicesApi:
    """`status` and `met` as the daemon has them; `pair` returns what stands in the way; `forget` may raise `AdapterError`."""

    def __init__(
        self,
        journal: Journal,
        registry: Registry,
        desk: Desk,
        config: Callable[[], Config],
        *,
        status: Callable[[], dict[str, Any]],
        met: Callable[[], Mapping[str, Known]],
        pair: Callable[[str], str | None],
        forget: Callable[[str], Any],
        changed: Callable[[str], None],
        note: Note,
    ) -> None:
        self._journal, self._registry, self._desk, self._config = journal, registry, desk, config
        self._status, self._met, self._pair, self._forget = status, met, pair, forget
        self._changed, self._note = changed, note
        self._courses: dict[str, deque[dict[str, Any]]] = {}
        self._following: dict[str, asyncio.Task[None]] = {}

    def endpoints(self) -> list[Endpoint]:
        one = "/devices/{address}"
        return [
            Endpoint("GET", "/devices", EVERYBODY, self.devices, "How each device is doing; for a member those that are theirs", Devices),
            Endpoint("GET", "/devices/near", TECHNICAL, self.near, "What the radio hears, nearest first", list[Near]),
            Endpoint("POST", f"{one}/pair", TECHNICAL, self.pair, "Pair with it when it is heard next", Course),
            Endpoint("GET", f"{one}/pairing", TECHNICAL, self.course, "How its pairing goes", Course),
            Endpoint("POST", f"{one}/answer", TECHNICAL, self.answer, "Answer what it asks", Course, Answer),
            Endpoint("POST", f"{one}/forget", TECHNICAL, self.forget, "Remove its bond from the hub", Forgotten),
        ]

    async def devices(self, call: Call) -> Devices:
        told, config = self._status(), self._config()
        running = {one["address"]: one for one in told["devices"]} | {one["port"]: one for one in told.get("plugged", ())}
        settings = {one.address or str(one.port): one for one in config.device}
        asked = {one["address"] for one in self._desk.questions()}
        made = [
            self._device(key, running.get(key, {}), settings.get(key), told["quiet"].get(key), asks=key in asked)
            for key in dict.fromkeys([*settings, *running])
        ]
        if call.account.role is Role.MEMBER:
            made = [device for device in made if device.persons == [call.account.person]]
        if call.account.role is Role.TECHNICIAN:  # who measures what is nobody's business who mends it
            made = [device.model_copy(update={"persons": []}) for device in made]
        return Devices(devices=made, adapter=told["adapter"], cables=told.get("cables"), disk=told["disk"])

    def _device(self, key: str, one: Mapping[str, Any], settings: DeviceSection | None, quiet: int | None, *, asks: bool) -> Device:
        loaded = self._registry.by_name.get(one.get("driver") or (settings.driver if settings and settings.driver else ""))
        persons = [] if settings is None else [*([settings.person] if settings.person else []), *settings.users.values()]
        return Device(
            address=key,
            name=one.get("name") or (settings.name if settings else None),
            driver=one.get("driver") or (settings.driver if settings else None),
            label=loaded.driver.label if loaded else None,
            listed=settings is not None,
            cable="port" in one or bool(settings and settings.port),
            state=one.get("state", "away"),
            persons=list(dict.fromkeys(persons)),
            heard=one.get("heard"),
            read=last_came(self._journal, key),
            quiet_days=quiet,
            signal=one.get("signal"),
            battery=one.get("battery"),
            clock_behind=one.get("clock_behind"),
            sessions=one.get("sessions", 0),
            things=one.get("things", 0),
            problem=one.get("problem"),
            notices=one.get("notices", []),
            asks=asks,
        )

    async def near(self, _call: Call) -> list[Near]:
        listed = {device.address for device in self._config().radio_devices}
        found = []
        for address, known in self._met().items():
            if known.advertisement is None:
                continue
            loaded = known.loaded.driver if known.loaded else self._would_read(known.advertisement)
            if loaded is not None or address in listed:
                found.append(
                    Near(
                        address=address,
                        name=(known.settings.name if known.settings else None) or known.advertisement.local_name,
                        label=loaded.label if loaded else None,
                        driver=loaded.name if loaded else None,
                        listed=address in listed,
                        signal=known.rssi,
                        heard=known.heard,
                    )
                )
        found.sort(key=lambda one: -(one.signal if one.signal is not None else -200))
        return found[:MOST_NEAR]

    def _would_read(self, advertisement: Advertisement) -> Any:
        try:
            loaded = self._registry.match(advertisement)
        except AmbiguousMatch:
            return None
        return loaded.driver if loaded else None

    # -- pairing -------------------------------------------------------------------------------------------------

    async def pair(self, call: Call) -> Course:
        address = _address(call)
        news = self._desk.follow(address)
        problem = self._pair(address)
        if problem is not None:
            raise Refused(409, problem, "not-listed")
        self._note("pairing begun", device=address, by=call.caller.by)
        self._courses[address] = deque(maxlen=MOST_EVENTS)
        if (before := self._following.pop(address, None)) is not None:
            before.cancel()
        self._following[address] = asyncio.get_running_loop().create_task(self._follow(address, news), name=f"pairing {address}")
        return self._course(address)

    async def _follow(self, address: str, news: asyncio.Queue[dict[str, Any]]) -> None:
        try:
            async with asyncio.timeout(PAIRING_SECONDS):
                while True:
                    event = await news.get()
                    self._courses[address].append(event)
                    self._changed("pairing")
                    if event["event"] in OVER:
                        return
        except TimeoutError:
            self._courses[address].append({"event": "failed", "why": "nothing came of it; is it in pairing mode, and near?"})
        finally:
            if self._following.get(address) is asyncio.current_task():
                del self._following[address]
            self._changed("pairing")

    def _course(self, address: str) -> Course:
        events = [*self._courses.get(address, ())]
        questions = [one for one in self._desk.questions() if one["address"] == address]
        if not events:
            events = questions  # it began by itself
        answered = bool(events) and events[-1]["event"] == "question" and events[-1]["kind"] != "show" and not questions
        if answered:
            events.append({"event": "answered"})
        known = PairingEvent.model_fields
        return Course(
            running=address in self._following or bool(questions),
            events=[PairingEvent(**{name: value for name, value in event.items() if name in known}) for event in events],
        )

    async def course(self, call: Call) -> Course:
        return self._course(_address(call))

    async def answer(self, call: Call) -> Course:
        address = _address(call)
        try:
            self._desk.answer(address, call.body.text)
        except NotAsked as error:
            raise Refused(409, "it asks nothing now: it was too late, or it has gone", "not-asked") from error
        except ValueError as error:
            raise Refused(400, str(error), "no-passkey") from error
        return self._course(address)

    async def forget(self, call: Call) -> Forgotten:
        address = _address(call)
        self._note("bond to be removed", device=address, by=call.caller.by)
        return Forgotten(forgotten=bool(await self._forget(address)))

    def close(self) -> None:
        for task in list(self._following.values()):
            task.cancel()


def _address(call: Call) -> str:
    address = str(call.path["address"]).upper()
    if re.match(ADDRESS, address) is None:
        raise Refused(404, "that is no Bluetooth address", "not-here")
    return address

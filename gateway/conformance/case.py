"""What there is to test of one driver: its declaration, its file, its captures and its entries in the catalog."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from drivers import Advertisement, Batch, Command, DeviceError, Frame, Reading
from drivers.kit.capture import CaptureError, Record, parse_all
from drivers.kit.replay import ReplayLink
from gateway.loading import LoadedCable
from gateway.matching import Loaded
from gateway.registry import Registry
from gateway.replay import sessions_of
from gateway.sealed import opener
from profiles.adv import Sighting
from profiles.gatt import short_uuid

MOST_CALLS_A_RECORD, FREE_CALLS = 8, 200
"""Of the link, for each record of a capture, and beside them."""


SHORT = len("0x181D")


class Endless(Exception):
    """The driver asks and asks, and the device has long fallen silent."""


class TooLong(BaseException):
    """Its code goes round and round, without a word to the device. Nothing that a driver catches."""


REPLAY_SECONDS = 20.0
"""A replay takes some milliseconds."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raises `TooLong` after so long, in a process's first thread; in another one nobody can be interrupted."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def too_long(_signal: int, _frame: object) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class WatchedLink(ReplayLink):
    """Keeps to the driver's allow-list, as the link of a real device does, and to an end."""

    def __init__(self, driver: Any, records: Sequence[Record]) -> None:
        super().__init__(records, opener)
        self._driver, self._left = driver, FREE_CALLS + MOST_CALLS_A_RECORD * len(records)
        self.commands: list[tuple[int, bytes, Command | None]] = []

    def _spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Endless

    async def read(self, characteristic: int) -> Frame:
        self._spend()
        return await super().read(characteristic)

    async def write(self, characteristic: int, data: bytes) -> None:
        self._spend()
        self.commands.append((characteristic, data, self._driver.allowed(characteristic, data)))
        await super().write(characteristic, data)

    async def receive(self, patience: float = 0.0) -> Frame | None:
        self._spend()
        return await super().receive(patience)


class Capture(tuple[Record, ...]):  # noqa: SLOT001 - it has a name beside
    """One session, beginning with its `open`; `name`: its file."""

    name: str = "a capture"

    @classmethod
    def of(cls, records: Iterable[Record], name: str) -> Self:
        made = cls(records)
        made.name = name
        return made


@dataclass(frozen=True, slots=True)
class Replayed:
    batches: list[Batch]
    link: WatchedLink
    error: BaseException | None
    """`DeviceError` where the device ended it; anything else is the driver's mistake."""

    @property
    def readings(self) -> list[Reading]:
        return [item for batch in self.batches for item in batch.items if isinstance(item, Reading)]

    @property
    def fault(self) -> str | None:
        """What the driver did wrong, whatever the device said."""
        if isinstance(self.error, Endless):
            return "it goes on asking for ever"
        if isinstance(self.error, TooLong):
            return "it does not come to an end"
        if self.error is None or isinstance(self.error, DeviceError):
            return None
        return f"{type(self.error).__name__}: {self.error}"


@dataclass(frozen=True, slots=True)
class Case:
    loaded: Loaded | LoadedCable
    captures: tuple[Capture, ...]
    catalog: tuple[dict[str, Any], ...]
    registry: Registry
    problems: tuple[str, ...] = ()
    """What could not be read."""
    is_ours: bool = True
    """It is part of this project: then it may know the house from within."""

    @property
    def name(self) -> str:
        return self.loaded.driver.name

    @property
    def tells_what_is_now(self) -> bool:
        """It stores nothing: to be asked again is to be told something else."""
        driver = self.loaded.driver
        return driver.streams or getattr(driver, "live", False) or any(map(self._is_heard_now_and_then, self.captures))

    def _is_heard_now_and_then(self, capture: Capture) -> bool:
        """A pulse is another each time, and not all of them are wanted."""
        hears = getattr(self.loaded.driver, "hears", None)
        return hears is not None and any(hears.seconds(Sighting.of(record.data)) for record in capture if record.kind == "rx")

    def replay(self, records: Sequence[Record], seconds: float | None = None) -> Replayed:
        """As the gateway would, up to the capture's end."""
        link = WatchedLink(self.loaded.driver, records)
        batches: list[Batch] = []

        async def through() -> BaseException | None:
            try:
                async for batch in self.loaded.driver.read(link):
                    batches.append(batch)  # noqa: PERF401 - what came before an error counts
            except (Exception, TooLong) as error:  # noqa: BLE001 - whatever a stranger's code raises is the finding
                return error
            return None

        try:
            with within(REPLAY_SECONDS if seconds is None else seconds):
                return Replayed(batches, link, asyncio.run(through()))
        except TooLong as error:
            return Replayed(batches, link, error)


def _service(told: int | str) -> int | str:
    """`181D`, or the 128-bit text of a maker's own."""
    if isinstance(told, int):
        return told
    return short_uuid(told) if len(told) <= SHORT else told.lower()


def seen(said: dict[str, Any]) -> Advertisement:
    """The advertisement of a catalog entry. Raises `ValueError` and `KeyError`."""
    service_data, manufacturer_data = (
        {int(number, 16): bytes.fromhex(data) for number, data in said.get(name, {}).items()}
        for name in ("service_data", "manufacturer_data")
    )
    return Advertisement(
        address=said.get("address", "C1:00:00:00:00:01"),
        local_name=said.get("local_name"),
        services=frozenset(map(_service, said["services"])),
        companies=frozenset(manufacturer_data) | frozenset(said.get("companies", ())),
        service_data=service_data,
        manufacturer_data=manufacturer_data,
    )


def sessions(paths: Iterable[Path]) -> Iterator[Capture | str]:
    """The sessions of capture files, and what could not be read of them."""
    for path in paths:
        with path.open("rb") as lines:
            records = list(parse_all(lines))
        for error in (one for one in records if isinstance(one, CaptureError)):
            yield f"{path.name}: {error}"
        together, _ = sessions_of(record for record in records if isinstance(record, Record))
        for session in together:
            if session[0].kind != "open":
                yield f'{path.name}: a session without a beginning; its first line is {{"k":"open","s":"1","drv":…}}'
            else:
                yield Capture.of(session, path.name)


def case_of(
    loaded: Loaded | LoadedCable, captures: Iterable[Path], catalog: Iterable[Path], registry: Registry, *, is_ours: bool = False
) -> Case:
    """`captures`: files, of which those sessions count that name this driver. `catalog`: files, likewise."""
    found: list[Capture] = []
    problems: list[str] = []
    name = loaded.driver.name
    for one in sessions(captures):
        if isinstance(one, str):
            problems.append(one)
        elif one[0].extra.get("drv") == name:
            found.append(one)
    entries: list[dict[str, Any]] = []
    for path in catalog:
        try:
            entries += [entry for entry in json.loads(path.read_text()) if entry["driver"] == name]
        except (OSError, ValueError, TypeError, KeyError) as error:
            problems.append(f"{path}: no catalog: {error}")
    return Case(loaded, tuple(found), tuple(entries), registry, tuple(problems), is_ours)

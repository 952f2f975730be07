"""One task per device that is being read: link, driver, readings. Timeouts and retries live here, not in drivers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Literal

from drivers import Batch, Busy, DeviceError, Frame, NotAllowed, Policy, Reading, Refused, Silent, Why
from drivers.kit.cable import MAIN, CableDriver
from drivers.kit.capture import Record
from drivers.kit.declare import GattDriver
from drivers.kit.replay import BUSY
from gateway import crashpoints
from gateway.clock import Clock, local
from gateway.filing import Filing, SessionFacts, opening
from gateway.intake import Intake
from gateway.sealed import enciphered
from gateway.transports.radio import Connect, Connection
from profiles.adv.sighting import Sealed, no_key

ANSWER_SECONDS = 30.0
"""The longest that one read, write or subscription may take (ATT allows 30 s)."""

LAST_SECONDS = 30.0
"""What a driver has to finish in when its session's time is up."""

STREAM_SECONDS = 12 * 3600.0
"""A session of a device that is worn or ridden."""

MOST_PATIENT_SECONDS = 3600.0
"""The longest that a device may hold a link without a word, whatever interval it says it keeps."""

MOST_TOGETHER = 1000
"""Readings in one commit."""

GOES_ON_SECONDS = 0.2
"""After a confirmation, until what was confirmed is filed although the device may say more."""

MOST_WAITING = 10_000
"""Frames taken but not yet understood. A device that sends faster than that for long is cut off; nothing taken is lost."""


_SILENCE: Final = "silence"


class RecordingLink:
    """A live `GattLink` or `CableLink`: everything that passes goes to intake first, and every command is held against the allow-list."""

    def __init__(
        self,
        session: str,
        driver: GattDriver | CableDriver,
        intake: Intake,
        clock: Clock,
        *,
        mark: Mapping[str, Any],
        policy: Policy,
        idle_seconds: float,
        session_seconds: float = 3600.0,
    ) -> None:
        self._session, self._driver, self._intake, self._clock = session, driver, intake, clock
        self._mark, self._policy, self._idle_seconds = mark, policy, idle_seconds
        self._ends = asyncio.get_running_loop().time() + session_seconds
        self._frames: asyncio.Queue[Frame | None] = asyncio.Queue()
        self._answers: list[Record] = []
        self._waiting = 0
        self._connection: Connection | None = None
        self._may_write = True
        self._lost = False
        self._words = 0
        self.goes_on = False
        """It was confirmed, and may say more at once."""
        self.rejected: list[tuple[Frame, Exception]] = []
        self.failure: Exception | None = None
        self.settle: Callable[[], Awaitable[object]] = _nothing
        """Awaited before the driver waits for anything: what it has given out so far is filed."""

    # -- what the radio tells ------------------------------------------------------------------------------------

    def on_frame(self, characteristic: int, data: bytes) -> None:
        """First act on a frame. An `OSError` (a full disk) keeps the stack from confirming, where it lets us."""
        if self._waiting >= MOST_WAITING:
            self.on_lost()
            return
        try:
            frame = self._taken("rx", characteristic, data)
        except OSError as error:
            self.failure = error
            self.on_lost()
            raise
        crashpoints.reached("frame-received")
        self._waiting += 1
        self._frames.put_nowait(frame)

    def on_lost(self) -> None:
        if not self._lost:
            self._lost = True
            self._frames.put_nowait(None)

    def attach(self, connection: Connection) -> None:
        self._connection = connection

    def identified(self, identity: str) -> None:
        """Things will be filed under it, so the intake log must know it, too. Raises `OSError`."""
        self._note("id", identity=identity)

    def withdraw(self) -> None:
        """From here on the driver may not send anything."""
        self._may_write = False

    # -- what the driver asks ------------------------------------------------------------------------------------

    @property
    def mark(self) -> Mapping[str, Any]:
        return self._mark

    @property
    def policy(self) -> Policy:
        return self._policy

    def has(self, characteristic: int) -> bool:
        return self._connection is not None and characteristic in self._connection.characteristics

    async def read(self, characteristic: int) -> Frame:
        await self.settle()
        data = await self._answered(characteristic, self._live().read(characteristic))
        return self._taken("rd", characteristic, data)

    async def write(self, characteristic: int, data: bytes) -> None:
        command = self._driver.allowed(characteristic, data)
        if command is None or not self._may_write:
            raise NotAllowed(f"{self._driver.name} may not write {data[:2].hex()}… to {characteristic:04X}")
        policy = self._policy
        forbidden = (command.forgets and not policy.forget) or (command.changes and not policy.set_clock)
        if forbidden or (command.registers and policy.register is None):
            raise NotAllowed(f"{self._driver.name} may not write {data[:2].hex()}… to {characteristic:04X}: the owner has not permitted it")
        self._taken("wr", characteristic, data)
        if not command.confirms:
            await self.settle()  # what is confirmed is safe in intake: no need for the device to wait for the journal
        if command.forgets or command.confirms:
            await self._intake.flush()
            self.goes_on = command.confirms
        await self._answered(characteristic, self._live().write(characteristic, data))
        if command.forgets:
            crashpoints.reached("device-told-to-forget")

    async def send(self, data: bytes) -> None:
        await self.write(MAIN, data)

    async def subscribe(self, *characteristics: int) -> None:
        for characteristic in characteristics:
            if self.has(characteristic):
                await self._answered(characteristic, self._live().subscribe(characteristic))

    async def receive(self, patience: float = 0.0) -> Frame | None:
        if asyncio.get_running_loop().time() > self._ends:
            # A belt that is worn for hours, or a device that repeats itself for ever: the driver gives out what it has.
            self._note("idle")
            return None
        frame = self._frames.get_nowait() if self.has_waiting else await self._waited_for(patience)
        if frame == _SILENCE:
            self._note("idle")
            return None
        if frame is None:
            self._note("end")
            self._frames.put_nowait(None)
        else:
            self._waiting -= 1
        return frame

    async def _waited_for(self, patience: float) -> Frame | Literal["silence"] | None:
        frame: Frame | Literal["silence"] | None = _SILENCE
        if self.goes_on:
            # What was confirmed is safe in intake, and its device goes on at once, as a rule: many of its frames are filed together.
            frame = await self._within(GOES_ON_SECONDS)
            self.goes_on = False
        if frame == _SILENCE:
            await self.settle()
            frame = await self._within(max(self._idle_seconds, min(patience, MOST_PATIENT_SECONDS)))
        return frame

    async def _within(self, seconds: float) -> Frame | Literal["silence"] | None:
        try:
            async with asyncio.timeout(seconds):
                return await self._frames.get()
        except TimeoutError:
            return _SILENCE

    @property
    def went_before_a_word(self) -> bool:
        """The device was lost before it had said anything."""
        return self._lost and not self._words and self.failure is None

    @property
    def has_waiting(self) -> bool:
        return self._waiting > 0

    def left(self) -> list[Record]:
        """What came after the driver had ended, if anything, behind what the device had answered."""
        frames = [self._frames.get_nowait() for _ in range(self._frames.qsize())]
        late = [
            Record(
                kind="rx", session="", characteristic=frame.characteristic, data=frame.data, time=frame.received, boottime=frame.boottime
            )
            for frame in frames
            if frame is not None
        ]
        return [*self._answers, *late] if late else []

    def unseal(self, sealed: Sealed) -> bytes:
        return no_key(sealed)  # this is a connection

    def encipher(self, block: bytes) -> bytes:
        if self._policy.bindkey is None:
            raise Refused(Why.NO_KEY)
        return enciphered(bytes.fromhex(self._policy.bindkey), block)

    def reject(self, frame: Frame, error: Exception) -> None:
        self.rejected.append((frame, error))

    def now(self) -> datetime:
        return local(self._clock.now(), self._clock.zone())

    # -- within --------------------------------------------------------------------------------------------------

    def _live(self) -> Connection:
        if self._connection is None or self._lost:
            raise Silent("the connection is gone")
        return self._connection

    async def _answered(self, characteristic: int, operation: Any) -> Any:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await operation
        except TimeoutError as error:
            raise Silent(f"no answer about {characteristic:04X} within {ANSWER_SECONDS:.0f} s") from error
        except Refused as error:
            self._note("er", characteristic, why=error.why.name)
            raise
        except Busy:
            self._note("er", characteristic, why=BUSY)
            raise

    def _taken(self, kind: str, characteristic: int, data: bytes) -> Frame:
        now, boottime = self._clock.now(), self._clock.boottime()
        record = Record(kind=kind, session=self._session, characteristic=characteristic, data=data, time=now, boottime=boottime)
        position = self._intake.append(record)
        self._words += kind != "wr"
        if kind == "rd":
            self._answers.append(record)
        return Frame(characteristic, data, round(now, 6), round(boottime, 6), position)

    def _note(self, kind: str, characteristic: int = 0, **extra: str) -> None:
        self._intake.append(
            Record(
                kind=kind,
                session=self._session,
                characteristic=characteristic,
                time=self._clock.now(),
                boottime=self._clock.boottime(),
                extra=extra,
            )
        )


async def _nothing() -> None:
    """There is nothing to settle."""


class Pending:
    """What the driver has given out and is not filed yet: readings whose successors have already come are filed together, for a sync of
    the disk takes longer than a record does over the air. While that goes on the driver may understand what came next, and confirm what
    is safe in intake; before it waits for the device, or writes anything else, all is filed.
    """

    def __init__(self, link: RecordingLink, facts: SessionFacts, filing: Filing) -> None:
        self._link, self._facts, self._filing = link, facts, filing
        self._items: list[Reading] = []
        self._under_way: asyncio.Task[None] | None = None

    async def add(self, batch: Batch) -> None:
        readings = [item for item in batch.items if isinstance(item, Reading)]
        if batch.mark is None and len(readings) == len(batch.items):
            self._items += readings
            if len(self._items) >= MOST_TOGETHER or not (self._link.has_waiting or self._link.goes_on):
                await self._begin()
            return
        await self.file()  # what a clock or a mark says is not for those before
        await self._commit(batch)

    async def file(self) -> None:
        await self._begin()
        await self._finished()

    async def _begin(self) -> None:
        await self._finished()
        if self._items:
            items, self._items = self._items, []
            self._under_way = asyncio.create_task(self._commit(Batch(tuple(items))))

    async def _finished(self) -> None:
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            await under_way

    async def close(self) -> None:
        """At the end of a session that was cut off: nothing goes on behind its back."""
        if self._under_way is not None:
            await asyncio.gather(self._under_way, return_exceptions=True)

    async def _commit(self, batch: Batch) -> None:
        rejected, self._link.rejected = self._link.rejected, []
        await self._filing.file(self._facts, batch, rejected)


def reading(driver: GattDriver | CableDriver, link: Any) -> AsyncGenerator[Batch]:
    """`link`: one that is live, or a capture. Both are links of either kind, and a driver asks it for nothing but its own kind has."""
    return driver.read(link)


async def run(
    connect: Connect,
    driver: GattDriver | CableDriver,
    facts: SessionFacts,
    intake: Intake,
    filing: Filing,
    clock: Clock,
    *,
    mark: Mapping[str, Any],
    policy: Policy,
    idle_seconds: float,
    session_seconds: float,
    pair: bool,
    opened: Callable[[int], None],
    late: Callable[[str, int], None],
) -> None:
    """Read one device once; `facts` count the things that were new. `pair`: at its owner's word, before anything else. `late` is told the
    session under which to find what the device sent when the driver had ended already, and where that begins. Raises `DeviceError`, or
    `OSError` when the disk fails.
    """
    if driver.streams:
        session_seconds = max(session_seconds, STREAM_SECONDS)
    link = RecordingLink(
        facts.session, driver, intake, clock, mark=mark, policy=policy, idle_seconds=idle_seconds, session_seconds=session_seconds
    )
    connection = await connect(on_frame=link.on_frame, on_lost=link.on_lost)
    facts.identified = link.identified
    pending = Pending(link, facts, filing)
    link.settle = pending.file
    first = opening(facts, clock.now(), clock.boottime(), connection.characteristics, mark, policy)
    try:
        opened(intake.append(first))
        link.attach(connection)
        if pair or await connection.wants_pairing():
            await connection.pair()
        async with asyncio.timeout(session_seconds + LAST_SECONDS), aclosing(reading(driver, link)) as batches:
            try:
                async for batch in batches:
                    await pending.add(batch)
                await pending.file()
                await filing.finish(facts)
                if link.went_before_a_word:
                    raise Silent("it went before it had said anything")
            except DeviceError:
                await pending.file()  # what was complete before counts
                raise
            finally:
                link.withdraw()
    except TimeoutError as error:
        raise Silent(f"not finished after {session_seconds:.0f} s") from error
    finally:
        await connection.close()
        await pending.close()
        left = link.left()
        if left:
            # Confirmed by the stack, so the device may have forgotten it; the driver has not seen it. A session of its own makes
            # that the same in every replay.
            name = f"{facts.session}+"
            late(name, intake.append(replace(first, session=name)))
            for record in left:
                intake.append(replace(record, session=name))
        if link.rejected:
            await filing.file(facts, Batch(), link.rejected)
    if link.failure is not None:
        raise link.failure

"""Sessions and the attendant: hostile and failing devices, full disks, policies. On a fake radio; the real stack is in test_app."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC
from pathlib import Path
from typing import Any, ClassVar

import pytest

from drivers import Batch, Policy, Refused, Silent, Why
from drivers.kit.capture import Record
from gateway import attendant as attending
from gateway import known, registry, sessions
from gateway.attendant import Attendant
from gateway.config import BluetoothSection, Config, DeviceSection, DiskSection, GatewaySection
from gateway.errors import JournalError
from gateway.filing import Filing
from gateway.intake import Intake
from gateway.intake import read as read_intake
from gateway.journal import Journal
from gateway.known import slower
from gateway.matching import Loaded
from gateway.registry import Registry
from tests.support.fakes import FakeClock, FakeConnection, FakeDevice, FakeRadio, until

A = "C1:00:00:00:00:01"
CUFF = bytes.fromhex("167c0056006100e807060f11111b33000000")
REGISTRY = registry.load()


@dataclass
class House:
    attendant: Attendant
    journal: Journal
    intake: Intake
    clock: FakeClock
    state: Path

    def things(self, kind: str = "blood-pressure") -> list[dict[str, Any]]:
        return [json.loads(row.body) for row in self.journal.everything() if row.type == kind]

    def see(self, device: FakeDevice) -> None:
        self.attendant.on_seen(device.seen())

    @property
    def known(self) -> dict[str, Any]:
        return {item["address"]: item for item in self.attendant.status()["devices"]}

    async def read(self, device: FakeDevice) -> dict[str, Any]:
        """See the device and wait until it has been read once more."""
        before = self.known.get(device.address, {"sessions": 0})["sessions"]
        self.see(device)
        await until(lambda: self.known[device.address]["sessions"] == before + 1)
        state: dict[str, Any] = self.known[device.address]
        return state


@asynccontextmanager
async def house(
    tmp_path: Path, *devices: FakeDevice, bluetooth: dict[str, Any] | None = None, listed: tuple[DeviceSection, ...] = ()
) -> AsyncIterator[House]:
    config = Config(
        gateway=GatewaySection(state=tmp_path),
        disk=DiskSection(reserve_mb=0),
        bluetooth=BluetoothSection(**{"accept": "any", "idle_seconds": 0.2, "reconnect_seconds": 60, **(bluetooth or {})}),
        device=listed,
    )
    tmp_path.mkdir(exist_ok=True)
    clock, journal, intake = FakeClock(), Journal(tmp_path / "journal.db"), Intake(tmp_path / "intake")
    made = Attendant(config, REGISTRY, FakeRadio(*devices), intake, journal, Filing(journal, UTC), clock)
    watching = asyncio.create_task(made.watch())
    await asyncio.sleep(0.01)
    try:
        yield House(made, journal, intake, clock, tmp_path)
    finally:
        await made.drain(1)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        intake.close()
        journal.close()


def cuff(script: Any = None, **extra: Any) -> FakeDevice:
    async def push(device: FakeDevice) -> None:
        device.send(0x2A35, CUFF)

    return FakeDevice(A, frozenset({0x1810}), notifies=frozenset({0x2A35}), script=script or push, **extra)


async def test_a_cuff_is_read_once_and_again_after_a_while(tmp_path: Path) -> None:
    """While it stays in the air it is not read again at once; when it comes back it is."""
    device = cuff()
    async with house(tmp_path, device) as home:
        await home.read(device)
        assert len(home.things()) == 1
        home.clock.pass_(5)
        home.see(device)
        await asyncio.sleep(0.05)
        assert device.connections == 1
        home.clock.pass_(11)
        await home.read(device)
        assert device.connections == 2
        assert len(home.things()) == 1, "the same record again is nothing new"


async def test_what_an_earlier_life_left_connected_is_let_go_first(tmp_path: Path) -> None:
    """BlueZ keeps the connections of a daemon that was killed, and a device that is connected does not advertise."""
    config = Config(gateway=GatewaySection(state=tmp_path), device=(DeviceSection(address=A),))
    radio, clock, journal, intake = FakeRadio(), FakeClock(), Journal(tmp_path / "journal.db"), Intake(tmp_path / "intake")
    made = Attendant(config, REGISTRY, radio, intake, journal, Filing(journal, UTC), clock, left={"B4:00:00:00:00:01"})
    watching = asyncio.create_task(made.watch())
    await until(lambda: radio.scanning is not None)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    intake.close()
    journal.close()
    assert radio.released == [{A, "B4:00:00:00:00:01"}]


async def test_only_listed_devices_unless_any_is_accepted(tmp_path: Path) -> None:
    stranger = cuff()
    async with house(tmp_path, stranger, bluetooth={"accept": "listed"}) as home:
        home.see(stranger)
        await asyncio.sleep(0.05)
        assert stranger.connections == 0
        home.attendant.reload(
            Config(
                gateway=GatewaySection(state=tmp_path),
                disk=DiskSection(reserve_mb=0),
                bluetooth=BluetoothSection(idle_seconds=0.2),
                device=(DeviceSection(address=A),),
            )
        )
        await home.read(stranger)
        assert len(home.things()) == 1


async def test_an_unreadable_frame_is_set_aside_and_the_session_goes_on(tmp_path: Path) -> None:
    async def push(device: FakeDevice) -> None:
        for data in (b"", b"\x1f", bytes(300), b"\xff" * 20, CUFF):
            device.send(0x2A35, data)

    device = cuff(push)
    async with house(tmp_path, device) as home:
        state = await home.read(device)
        assert state["problem"] is None
        assert len(home.things()) >= 1
        rejected = home.journal.rejected()
        assert [item.data for item in rejected][:2] == [b"", b"\x1f"]
        assert all(item.address == A and item.driver == "blood-pressure" for item in rejected)
        assert "BloodPressureMeasurement.systolic" in rejected[1].error


async def test_a_device_that_hangs_up_at_once_loses_nothing(tmp_path: Path) -> None:
    """Its records came before it could be asked who it is."""

    async def push(device: FakeDevice) -> None:
        device.send(0x2A35, CUFF)
        device.hang_up()

    device = cuff(push, values={0x2A29: b"ACME", 0x2A24: b"X"})
    async with house(tmp_path, device) as home:
        await home.read(device)
        assert len(home.things()) == 1


async def test_a_silent_device_is_left_after_a_while_and_tried_more_slowly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "ANSWER_SECONDS", 0.05)

    async def nothing(_device: FakeDevice) -> None:
        return

    meter = FakeDevice(A, frozenset({0x1808}), notifies=frozenset({0x2A18, 0x2A52}), script=nothing)
    async with house(tmp_path, meter) as home:
        state = await home.read(meter)
        assert "did not end its report" in state["problem"]
        waits = []
        for _ in range(4):
            known = home.attendant._known[A]
            waits.append(known.not_before - home.clock.boot)
            home.clock.boot = known.not_before + 0.1
            await home.read(meter)
        assert waits == [2, 4, 8, 16]


async def test_a_device_that_sends_for_ever_is_cut_off(tmp_path: Path) -> None:
    """Bounded time: no session lasts longer than it may, and what came is kept."""

    async def endless(device: FakeDevice) -> None:
        number = 0
        while True:
            number += 1
            device.send(0x2A35, CUFF[:1] + number.to_bytes(2, "little") + CUFF[3:])
            await asyncio.sleep(0.002)

    device = cuff(endless)
    async with house(tmp_path, device, bluetooth={"session_seconds": 0.4}) as home:
        state = await home.read(device)
        assert state["problem"] is None
        assert len(home.things()) > 5
        taken = {r.data for r in read_intake(tmp_path / "intake") if isinstance(r, Record) and r.kind == "rx"}
        # Also what came while the connection was closed: it is filed behind the session's end.
        await until(lambda: len(home.things()) == len(taken))


async def test_what_comes_when_the_driver_has_ended_is_filed(tmp_path: Path) -> None:
    """The stack has confirmed it, so the device may have forgotten it."""
    device = cuff(values={0x2A29: b"ACME", 0x2A24: b"X"})
    async with house(tmp_path, device) as home:
        closing = FakeConnection.close

        async def close(self: FakeConnection) -> None:
            device.send(0x2A35, CUFF[:1] + b"\x99" + CUFF[2:])
            await closing(self)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(FakeConnection, "close", close)
            await home.read(device)
        await until(lambda: home.known[A]["things"] == 3)
        assert [thing["device"]["model"] for thing in home.things()] == ["X", "X"]


async def test_a_driver_that_does_not_end_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it had taken but not given out comes out of a replay."""
    monkeypatch.setattr(sessions, "LAST_SECONDS", 0.1)

    async def read(link: Any) -> AsyncIterator[Batch]:
        await link.subscribe(0x2A35)
        live = type(link).__name__ == "RecordingLink"
        taken = [await link.receive()]
        if live:
            await asyncio.Event().wait()
        async for batch in loaded.driver.read(Again(taken)):  # type: ignore[arg-type]
            yield batch

    class Again:
        """A link that has these frames and nothing else."""

        def __init__(self, frames: list[Any]) -> None:
            self.frames = [*frames, None]

        policy = Policy()
        mark: ClassVar[dict[str, Any]] = {}

        def has(self, _characteristic: int) -> bool:
            return False

        async def subscribe(self, *_: int) -> None:
            return

        async def receive(self) -> Any:
            return self.frames.pop(0)

    loaded = next(item for item in REGISTRY.loaded if item.driver.name == "blood-pressure")
    device = cuff()
    async with house(tmp_path, device, bluetooth={"session_seconds": 0.2}) as home:
        home.attendant._registry = Registry([Loaded(replace(loaded.driver, read=read), "slow.py", "")])  # type: ignore[arg-type]
        state = await home.read(device)
        assert "not finished after" in state["problem"]
        await until(lambda: len(home.things()) == 1)


def test_waiting_grows_but_never_beyond_all_bounds() -> None:
    """A device that fails for a year must not bring the daemon down with the arithmetic."""
    assert [known.slower(failures, 600.0) for failures in (1, 2, 9, 10, 5000)] == [2, 4, 512, 600, 600]


async def test_a_reload_while_a_device_is_read_counts_from_the_next_time_on(tmp_path: Path) -> None:
    started = asyncio.Event()

    async def slow(device: FakeDevice) -> None:
        device.send(0x2A35, CUFF)
        started.set()
        await asyncio.sleep(0.1)
        device.hang_up()

    device = cuff(slow)
    async with house(tmp_path, device, listed=(DeviceSection(address=A, name="old"),), bluetooth={"accept": "listed"}) as home:
        home.see(device)
        await started.wait()
        home.attendant.reload(Config(gateway=GatewaySection(state=tmp_path), disk=DiskSection(reserve_mb=0)))
        await until(lambda: A not in home.attendant._known)
        home.clock.pass_(100)
        home.see(device)
        await asyncio.sleep(0.05)
        assert device.connections == 1, "it is not listed any more"


async def test_a_flood_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounded memory: beyond so many frames that nobody has looked at yet, the line is cut; what was taken is filed."""
    monkeypatch.setattr(sessions, "MOST_WAITING", 50)

    async def flood(device: FakeDevice) -> None:
        for number in range(500):
            device.send(0x2A35, CUFF[:1] + number.to_bytes(2, "little") + CUFF[3:])

    device = cuff(flood)
    async with house(tmp_path, device) as home:
        await home.read(device)
        assert len(home.things()) == 50
        assert sum(getattr(r, "kind", "") == "rx" for r in read_intake(tmp_path / "intake")) == 50


async def test_a_device_that_repeats_itself(tmp_path: Path) -> None:
    """The same record a hundred times in one dump: as many as it says, and no more the next time."""

    async def push(device: FakeDevice) -> None:
        for _ in range(100):
            device.send(0x2A35, CUFF)

    device = cuff(push)
    async with house(tmp_path, device) as home:
        await home.read(device)
        home.clock.pass_(60)
        await home.read(device)
        assert len(home.things()) == 100


async def test_a_refusal_stops_until_the_owner_acts(tmp_path: Path) -> None:
    device = cuff()
    async with house(tmp_path, device) as home:
        radio = home.attendant._radio

        async def refuse(*_: Any, **__: Any) -> Any:
            device.connections += 1
            raise Refused(Why.PASSKEY)

        radio.connect = refuse  # type: ignore[method-assign]
        state = await home.read(device)
        assert (state["state"], state["problem"]) == ("refused", Why.PASSKEY.value)
        home.clock.pass_(3600)
        home.see(device)
        await asyncio.sleep(0.05)
        assert device.connections == 1
        home.attendant.reload(home.attendant._config)
        home.see(device)
        await until(lambda: device.connections == 2)


async def test_a_device_that_is_being_read_when_its_owner_asks_for_a_pairing_is_found(tmp_path: Path) -> None:
    device = cuff()
    async with house(tmp_path, device) as home:
        await home.read(device)
        told: list[Any] = []
        home.attendant._tell = lambda address, event: told.append((address, event["event"]))
        assert home.attendant.pair(device.address) is None
        assert told == [], "it is not there"
        home.attendant._known[device.address].running = True
        assert home.attendant.pair(device.address) is None
        assert told == [(device.address, "found")]


async def test_a_device_that_goes_before_a_word_was_not_read(tmp_path: Path) -> None:
    """Else a bond that fits no more would be tried for ever, and nobody would know."""

    async def go(device: FakeDevice) -> None:
        device.hang_up()

    async with house(tmp_path, device := cuff(script=go, refuses_reads=True)) as home:
        state = await home.read(device)
        assert state["problem"] == "it went before it had said anything"
        assert home.attendant._known[device.address].failures == 1


async def test_a_session_that_brought_something_makes_nobody_wait_longer(tmp_path: Path) -> None:
    """Its end may have been a broken link time after time; a device that brings nothing is tried more and more slowly."""

    async def push(device: FakeDevice) -> None:
        device.send(0x2A35, CUFF[:1] + bytes((100 + device.connections,)) + CUFF[2:])

    async def read(link: Any) -> AsyncIterator[Batch]:
        async for batch in loaded.driver.read(link):
            yield batch
        raise Silent("the link has gone")

    loaded = next(item for item in REGISTRY.loaded if item.driver.name == "blood-pressure")
    device = cuff(script=push)
    async with house(tmp_path, device) as home:
        home.attendant._registry = Registry([Loaded(replace(loaded.driver, read=read), "failing.py", "")])  # type: ignore[arg-type]
        for _ in range(4):
            await home.read(device)
            home.clock.pass_(3)  # what the first failure costs
        assert home.known[device.address]["problem"] == "the link has gone"
        assert len(home.things()) == 4


async def test_one_that_failed_and_was_away_for_long_is_tried_as_soon_as_it_is_back(tmp_path: Path) -> None:
    device = cuff()
    async with house(tmp_path, device) as home:
        radio = home.attendant._radio
        assert isinstance(radio, FakeRadio)
        radio.unreachable.add(device.address)
        for _ in range(8):
            await home.read(device)
            home.clock.pass_(attending.LONG_AWAY_SECONDS + 1)
        assert slower(8, attending.SLOWEST_RETRY_SECONDS) > attending.LONG_AWAY_SECONDS + 1, "else nothing is shown here"
        radio.unreachable.clear()
        await home.read(device)
        assert len(home.things()) == 1


async def test_a_full_disk_takes_no_new_session_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = cuff()
    async with house(tmp_path, device) as home:
        monkeypatch.setattr(attending, "free_enough", lambda *_: False)
        home.see(device)
        await asyncio.sleep(0.05)
        assert device.connections == 0
        assert "nearly full" in home.attendant.status()["disk"]
        monkeypatch.setattr(attending, "free_enough", lambda *_: True)
        await home.read(device)
        assert home.attendant.status()["disk"] == "ok"
        assert len(home.things()) == 1


async def test_a_frame_that_cannot_be_written_is_not_confirmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fails under intake: the stack is kept from confirming, so the device keeps its record."""
    attempts: list[str] = []

    async def push(device: FakeDevice) -> None:
        await asyncio.sleep(0.02)
        try:
            device.send(0x2A35, CUFF)
        except OSError as error:
            attempts.append(str(error))

    device = cuff(push)
    async with house(tmp_path, device) as home:
        real = home.intake.append

        def full(record: Any) -> int:
            if record.kind == "rx":
                raise OSError(28, "No space left on device")
            return real(record)

        monkeypatch.setattr(home.intake, "append", full)
        state = await home.read(device)
        assert attempts
        assert device.confirmed == []
        assert "No space left" in state["problem"]
        monkeypatch.undo()
        home.clock.pass_(100)
        await home.read(device)
        assert device.confirmed == [CUFF]
        assert len(home.things()) == 1


async def test_what_the_journal_cannot_take_is_filed_later(tmp_path: Path) -> None:
    """The journal's disk is full: the session ends, intake has it, and it is filed when there is room again."""
    device = cuff()
    async with house(tmp_path, device) as home:
        whole = home.journal.commit

        async def full(_commit: Any) -> Any:
            raise JournalError("the journal could not be written: database or disk is full")

        home.journal.commit = full  # type: ignore[method-assign,assignment]
        state = await home.read(device)
        assert "full" in state["problem"]
        assert home.things() == []
        await until(lambda: home.journal.meta("worked_off"))  # noted behind the session's end
        worked_off = int(home.journal.meta("worked_off"))
        assert worked_off < home.intake.position, "a restart would replay it, too"
        home.journal.commit = whole  # type: ignore[method-assign]
        assert await home.attendant.refile() == 1
        assert len(home.things()) == 1
        assert int(home.journal.meta("worked_off", "-1")) == home.intake.position


async def test_two_sessions_that_end_together_are_filed_once(tmp_path: Path) -> None:
    """Both find what waits; and while it is worked on, nobody notes that it had been."""
    device = cuff()
    async with house(tmp_path, device) as home:
        whole, noted = home.journal.commit, []

        async def full(_commit: Any) -> Any:
            raise JournalError("the journal could not be written: database or disk is full")

        async def slow(commit: Any) -> Any:
            await asyncio.sleep(0.05)
            await home.attendant._unfiled.note_progress()
            noted.append(int(home.journal.meta("worked_off")))
            return await whole(commit)

        home.journal.commit = full  # type: ignore[method-assign,assignment]
        await home.read(device)
        await until(lambda: home.journal.meta("worked_off"))
        home.journal.commit = slow  # type: ignore[method-assign]
        assert sorted(await asyncio.gather(home.attendant.refile(), home.attendant.refile())) == [0, 1]
        assert noted
        assert all(position < home.intake.position for position in noted)
        assert int(home.journal.meta("worked_off", "-1")) == home.intake.position
        assert len(home.things()) == 1


async def test_every_byte_that_passed_is_in_intake(tmp_path: Path) -> None:
    """Reads, writes and indications, in order, and the session's beginning with all a replay needs."""

    async def answer(device: FakeDevice, characteristic: int, data: bytes) -> None:
        if data[0] == 1:
            device.send(0x2A18, bytes.fromhex("070100e3070815061f0db4003bc0f1"))
        device.send(0x2A52, bytes((6, 0, data[0], 1)))

    meter = FakeDevice(A, frozenset({0x1808}), {0x2A29: b"ACME"}, frozenset({0x2A18, 0x2A52}), answers=answer)
    listed = (DeviceSection(address=A, forget=True, name="Meter"),)
    async with house(tmp_path, meter, listed=listed) as home:
        await home.read(meter)
        assert meter.written == [(0x2A52, b"\x04\x01"), (0x2A52, b"\x01\x01"), (0x2A52, bytes.fromhex("0202010100"))]
        log = [r for r in read_intake(tmp_path / "intake") if not isinstance(r, Exception)]
        assert [r.kind for r in log] == ["open", "rd", "id", "wr", "rx", "wr", "rx", "rx", "wr", "rx"]
        assert log[0].extra["policy"]["forget"] is True
        assert log[0].extra["settings"] == {"address": A, "name": "Meter", "forget": True}
        assert home.things("blood-glucose")[0]["provenance"]["intake_position"] == log[6].position


async def test_a_forgetting_command_goes_out_after_intake_is_on_the_medium(tmp_path: Path) -> None:
    order: list[str] = []

    async def answer(device: FakeDevice, characteristic: int, data: bytes) -> None:
        order.append(f"written {data[0]}")
        if data[0] == 1:
            device.send(0x2A18, bytes.fromhex("070100e3070815061f0db4003bc0f1"))
        device.send(0x2A52, bytes((6, 0, data[0], 1)))

    meter = FakeDevice(A, frozenset({0x1808}), {}, frozenset({0x2A18, 0x2A52}), answers=answer)
    async with house(tmp_path, meter, listed=(DeviceSection(address=A, forget=True),)) as home:
        real = home.intake.flush

        async def flush() -> None:
            await real()
            order.append(f"flushed, {len(home.things('blood-glucose'))} committed")

        home.intake.flush = flush  # type: ignore[method-assign]
        await home.read(meter)
    assert order == ["written 4", "written 1", "flushed, 1 committed", "written 2"]


async def test_a_driver_may_only_write_what_it_declared(tmp_path: Path) -> None:
    """A command off the list ends the session before it is sent, and the driver's file is named."""

    async def read(link: Any) -> AsyncIterator[Batch]:
        await link.write(0x2A35, b"\x99")
        yield Batch()

    loaded = next(item for item in REGISTRY.loaded if item.driver.name == "blood-pressure")
    rogue = Registry([Loaded(replace(loaded.driver, read=read), "rogue.py", "")])  # type: ignore[arg-type]
    device = cuff()
    async with house(tmp_path, device) as home:
        home.attendant._registry = rogue
        state = await home.read(device)
        assert device.written == []
        assert state["state"] == "refused"
        assert "may not write" in state["problem"]


async def test_a_driver_may_only_forget_and_change_with_the_owners_word(tmp_path: Path) -> None:
    """Also where the command is on its list and the driver did not ask for the policy itself."""
    for data in (b"\x02\x01", b"\xea"):

        async def read(link: Any, data: bytes = data) -> AsyncIterator[Batch]:
            await link.write(0x2A52 if data[0] == 2 else 0x2A2B, data)
            yield Batch()

        loaded = next(item for item in REGISTRY.loaded if item.driver.name == "glucose")
        meter = FakeDevice(A, frozenset({0x1808}), notifies=frozenset({0x2A52}))
        async with house(tmp_path / data.hex(), meter) as home:
            home.attendant._registry = Registry([Loaded(replace(loaded.driver, read=read), "rogue.py", "")])  # type: ignore[arg-type]
            state = await home.read(meter)
            assert meter.written == []
            assert "the owner has not permitted it" in state["problem"]


async def test_frames_that_the_driver_never_asked_for_are_filed_all_the_same(tmp_path: Path) -> None:
    """A meter that sends at once and hangs up while the driver still switches things on."""

    async def push(device: FakeDevice) -> None:
        device.send(0x2A18, bytes.fromhex("070100e3070815061f0db4003bc0f1"))
        device.hang_up()

    meter = FakeDevice(A, frozenset({0x1808}), notifies=frozenset({0x2A18, 0x2A52}), script=push)
    async with house(tmp_path, meter) as home:
        state = await home.read(meter)
        assert state["problem"] == "the connection is gone"
        await until(lambda: len(home.things("blood-glucose")) == 1)
        await until(lambda: int(home.journal.meta("worked_off", "-1")) == home.intake.position)
        assert int(home.journal.meta("worked_off", "-1")) == home.intake.position


async def test_a_drivers_mistake_ends_its_session_alone(tmp_path: Path) -> None:
    async def read(link: Any) -> AsyncIterator[Batch]:
        await link.subscribe(0x2A35)
        await link.receive()
        raise ZeroDivisionError
        yield Batch()

    loaded = next(item for item in REGISTRY.loaded if item.driver.name == "blood-pressure")
    others = [item for item in REGISTRY.loaded if item is not loaded]
    device = cuff()
    other = FakeDevice("C1:00:00:00:00:02", frozenset({0x181D}), notifies=frozenset({0x2A9D}))

    async def weigh(scale: FakeDevice) -> None:
        scale.send(0x2A9D, bytes.fromhex("033412e007021903311c"))

    other.script = weigh
    async with house(tmp_path, device, other) as home:
        home.attendant._registry = Registry([Loaded(replace(loaded.driver, read=read), "broken.py", ""), *others])  # type: ignore[arg-type]
        assert "ZeroDivisionError" in (await home.read(device))["problem"]
        await home.read(other)
        assert len(home.things("weight")) == 1
        await until(lambda: home.journal.meta("worked_off"))
        assert int(home.journal.meta("worked_off")) == 0, "a mended driver finds the frames at the next start"


async def test_strangers_do_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passers-by with changing addresses."""
    monkeypatch.setattr(attending, "MOST_KNOWN", 100)
    async with house(tmp_path) as home:
        for number in range(5000):
            home.see(FakeDevice(f"00:00:00:00:{number // 256:02X}:{number % 256:02X}", frozenset({0x1234})))
        assert len(home.attendant._known) <= 100


async def test_what_was_confirmed_is_filed_once_the_device_is_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it goes on nothing waits for the journal."""
    intake, filed = Intake(tmp_path / "intake"), list[str]()
    link = sessions.RecordingLink(
        "s", registry.load().by_name["phd"].driver, intake, FakeClock(), mark={}, policy=Policy(), idle_seconds=0.05, session_seconds=60
    )

    async def settle() -> None:
        filed.append("all")

    link.settle = settle
    link.goes_on = True
    asyncio.get_running_loop().call_soon(link.on_frame, 0, b"more")
    frame = await link.receive()
    assert frame is not None
    assert (frame.data, filed) == (b"more", [])
    link.goes_on = True
    monkeypatch.setattr(sessions, "GOES_ON_SECONDS", 0.01)
    assert await link.receive() is None
    assert filed == ["all"]
    assert not link.goes_on
    intake.close()


async def test_a_device_that_asks_who_we_are_is_answered_with_its_owners_key(tmp_path: Path) -> None:
    """FIPS 197, C.1. Without a key its owner is told what is missing."""
    intake = Intake(tmp_path / "intake")
    driver = REGISTRY.radio_by_name["dexcom-g5"].driver
    policy = Policy(bindkey="000102030405060708090a0b0c0d0e0f")
    block = bytes.fromhex("00112233445566778899aabbccddeeff")
    link = sessions.RecordingLink("s", driver, intake, FakeClock(), mark={}, policy=policy, idle_seconds=1)
    assert link.encipher(block).hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"
    keyless = sessions.RecordingLink("s", driver, intake, FakeClock(), mark={}, policy=Policy(), idle_seconds=1)
    with pytest.raises(Refused, match="bindkey"):
        keyless.encipher(block)
    intake.close()

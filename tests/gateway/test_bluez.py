"""The gateway over bleak's own BlueZ backend and a bluetoothd stand-in: pairing, bonds, and what bluetoothd does wrong.

Each fault is one that was met in the field; the last word on what bluetoothd really does has the virtual machine (`tests/e2e`).
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from bumble.device import Peer
from dbus_fast import BusType, Message, Variant
from dbus_fast.aio import MessageBus
from structlog.testing import capture_logs

from drivers import Silent, Why
from gateway import attendant, recovery
from gateway.bonds import DROPS_UNTIL_STALE, BondFile
from gateway.errors import AdapterError
from gateway.simulator.devices import Meter
from gateway.simulator.pushers import Cuff
from gateway.transports import ble
from gateway.transports.bluez import bus as bluez_bus
from gateway.transports.bluez import stack
from profiles.gatt.record_access import RecordAccessControlPoint
from tests.support.bluez.bus import PrivateBus, private_bus
from tests.support.bluez.home import ADDRESSES, Home, home
from tests.support.bluez.objects import Failure
from tests.support.bluez.standin import ADAPTER, DEVICE, OFF
from tests.support.fakes import until

CUFF, METER = ADDRESSES[Cuff], ADDRESSES[Meter]


@pytest.fixture(autouse=True)
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PrivateBus]:
    with private_bus(tmp_path) as made:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", made.address)
        yield made


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that failed is tried again without a pause."""
    monkeypatch.setattr(attendant, "slower", lambda _failures, _slowest: 0.0)


def states(house: Home) -> dict[str, str]:
    path = house.place / "state" / "bonds.json"
    return dict(json.loads(path.read_text())["states"]) if path.exists() else {}


async def paired(house: Home) -> None:
    """The cuff is bonded and read."""
    async with asyncio.TaskGroup() as group:
        group.create_task(house.type_what_is_shown(Cuff))
        said = group.create_task(house.read(Cuff))
    assert said.result()["problem"] is None


# -- pairing ------------------------------------------------------------------------------------------------------


async def test_a_cuff_is_paired_by_the_number_that_it_shows(tmp_path: Path) -> None:
    async with home(tmp_path, Cuff) as house:
        await paired(house)
        assert house.verdict().good, house.verdict()
        assert states(house) == {CUFF: "paired"}
        assert house.bluez.value(house.bluez.device_path(CUFF), DEVICE, "Trusted")
        await house.read(Cuff)
        assert house.bluez.calls.count("Pair") == 1, "a bond is made once"


async def test_the_agent_is_registered_before_anything_connects(tmp_path: Path) -> None:
    """Some cuffs fail without one even where there is nothing to ask."""
    async with home(tmp_path, Meter) as house:
        await house.read(Meter)
        calls = house.bluez.calls
        assert calls.index("RegisterAgent") < calls.index("RequestDefaultAgent") < calls.index("Connect")
        assert house.verdict().good, house.verdict()


@pytest.mark.parametrize(("answer", "why"), [("000001", Why.PASSKEY), ("no", Why.PASSKEY), (None, Why.NO_ANSWER)])
async def test_a_pairing_that_fails_is_told_with_its_cure(tmp_path: Path, answer: str | None, why: Why) -> None:
    async with home(tmp_path, Cuff, answer_seconds=0.5 if answer is None else 5) as house:
        async with asyncio.TaskGroup() as group:
            said = group.create_task(house.read(Cuff))
            if answer is not None:
                await until(house.desk.questions)
                house.desk.answer(CUFF, answer)
        assert (said.result()["state"], said.result()["problem"]) == ("refused", why.value)
        await house.device(Cuff).advertise()
        await asyncio.sleep(0.5)
        assert house.bluez.calls.count("Pair") == 1, "repeating a refused pairing locks some devices"
        # Its owner comes, and all is well.
        assert house.gateway.attendant.pair(CUFF) is None
        await paired(house)
        assert house.verdict().good, house.verdict()


@pytest.mark.usefixtures("_at_once")
async def test_a_link_that_goes_while_a_person_is_asked_is_nobody_s_fault(tmp_path: Path) -> None:
    """The question goes with it, and the next time that the device is heard it is asked again."""
    async with home(tmp_path, Cuff) as house:
        async with asyncio.TaskGroup() as group:
            said = group.create_task(house.read(Cuff))
            await until(house.desk.questions)
            house.device(Cuff).display.clear()
            await house.bluez.connections[house.bluez.device_path(CUFF)].disconnect()
        assert house.desk.questions() == []
        assert said.result()["state"] == "waiting"
        assert "did not come about" in said.result()["problem"]
        await paired(house)
        assert house.verdict().good, house.verdict()


async def test_pairing_one_that_is_bonded_already_leaves_its_bond_alone(tmp_path: Path) -> None:
    async with home(tmp_path, Cuff) as house:
        await paired(house)
        news = house.desk.follow(CUFF)
        assert house.gateway.attendant.pair(CUFF) is None
        assert (await house.read(Cuff))["problem"] is None
        assert [news.get_nowait()["event"] for _ in range(3)] == ["found", "pairing", "paired"]
        assert house.bluez.removed == []


async def test_a_device_that_is_not_listed_cannot_be_paired_by_hand(tmp_path: Path) -> None:
    async with home(tmp_path, Cuff) as house:
        assert "[[device]]" in str(house.gateway.attendant.pair("C1:00:00:00:00:99"))


async def test_another_agent_s_rejection_and_a_device_that_is_taken(tmp_path: Path) -> None:
    async with home(tmp_path, Cuff) as house:
        house.bluez.faults["Pair"].append(Failure("AuthenticationRejected", "Authentication Rejected"))
        said = await house.read(Cuff)
        assert (said["state"], said["problem"]) == ("refused", Why.TAKEN.value)
        assert states(house) == {CUFF: "taken by another"}


@pytest.mark.usefixtures("_at_once")
async def test_a_radio_that_fails_during_a_pairing_is_tried_again(tmp_path: Path) -> None:
    async with home(tmp_path, Cuff) as house:
        house.bluez.faults["Pair"].append(Failure("ConnectionAttemptFailed", "Page Timeout"))
        said = await house.read(Cuff)
        assert said["state"] == "waiting"
        assert "did not come about" in said["problem"]
        await paired(house)


@asynccontextmanager
async def command(house: Home, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`health-gateway …`, as a person runs it beside the daemon."""
    config = house.place / "config.toml"
    config.write_text(f'[gateway]\nstate = "{house.place}/state"\n[[device]]\naddress = "{CUFF}"\nname = "Cuff in the hall"\n')
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", *arguments, "-c", str(config)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_the_command_leads_a_person_through_a_pairing_and_out_of_it(tmp_path: Path) -> None:
    async with home(tmp_path, Cuff) as house:
        async with command(house, "pair", CUFF.lower()) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert b"Put Cuff in the hall into pairing mode" in await process.stdout.readline()
            await house.device(Cuff).advertise()
            number = await house.device(Cuff).display.shown
            process.stdin.write(f"12345678\n{number:06}\n".encode())
            said = (await process.stdout.read()).decode()
            assert await process.wait() == 0, said
        for sentence in ("is there; connecting", "Type it here", "a passkey has up to six digits", "is paired, and will be read"):
            assert sentence in said, said
        await house.read(Cuff)
        assert house.verdict().good, house.verdict()
        for answer in ("is forgotten", "has no bond with it"):
            async with command(house, "forget", CUFF) as process:
                output, _ = await process.communicate()
                assert answer in output.decode()
                assert process.returncode == 0
                house.device(Cuff)._advertising = True  # it stays out of the air


async def test_the_command_tells_what_became_of_it(tmp_path: Path) -> None:
    async with home(tmp_path, Cuff) as house:
        async with command(house, "pair", CUFF) as process:
            assert process.stdin is not None
            await house.device(Cuff).advertise()
            await house.device(Cuff).display.shown
            process.stdin.write(b"no\n")
            output, _ = await process.communicate()
            assert process.returncode == 1
            assert Why.PASSKEY.value in output.decode()
        async with command(house, "pair", "C1:00:00:00:00:99") as process:
            output, _ = await process.communicate()
            assert process.returncode == 1
            assert 'add [[device]] with address = "C1:00:00:00:00:99"' in output.decode()


@pytest.mark.parametrize("name", ["pair", "forget"])
async def test_without_a_daemon_the_commands_say_so(tmp_path: Path, name: str) -> None:
    async with home(tmp_path, Cuff) as house:
        pass
    async with command(house, name, CUFF) as process:
        output, _ = await process.communicate()
        assert process.returncode == 1
        assert "the gateway does not run" in output.decode()


# -- the bond's life ------------------------------------------------------------------------------------------------


async def test_a_bond_that_the_hub_lost_is_made_anew(tmp_path: Path) -> None:
    async with home(tmp_path, Cuff) as house:
        await paired(house)
        message = await house.gateway._radio.forget(CUFF)
        assert message
        assert states(house) == {}
        await paired(house)
        assert house.verdict().good, house.verdict()


async def test_a_bond_that_was_there_is_made_anew_before_anything_is_asked(tmp_path: Path) -> None:
    """Bluetoothd 5.66 does not always repeat what was refused for want of one."""
    async with home(tmp_path, Cuff) as house:
        await paired(house)
        await house.bluez.Adapter1_RemoveDevice(Message(path="/", member="x", body=[house.bluez.device_path(CUFF)]))
        before = len(house.bluez.calls)
        await paired(house)
        calls = house.bluez.calls[before:]
        assert calls.index("Pair") < calls.index("StartNotify")
        assert states(house) == {CUFF: "paired"}


@pytest.mark.usefixtures("_at_once")
async def test_a_bond_that_the_device_lost_is_removed_after_some_links_and_made_anew(tmp_path: Path) -> None:
    async with home(tmp_path, Cuff) as house:
        await paired(house)
        keystore = house.device(Cuff).device.keystore
        assert keystore is not None
        await keystore.delete_all()
        with capture_logs() as logs:
            typing = asyncio.create_task(house.type_what_is_shown(Cuff))
            while not typing.done():
                await house.device(Cuff).advertise()
                await asyncio.sleep(0.05)
        await until(lambda: states(house) == {CUFF: "paired"})
        assert house.bluez.removed == [house.bluez.device_path(CUFF)]
        assert "a bond fits no more and is removed from the hub" in [entry["event"] for entry in logs]
        await house.read(Cuff)
        assert house.verdict().good, house.verdict()


async def test_a_device_that_shows_its_lasting_address_is_still_the_one_that_was_named(tmp_path: Path) -> None:
    async with home(tmp_path, Cuff) as house:
        house.bluez.lasting[house.bluez.device_path(CUFF)] = "F0:00:00:00:00:99"
        with capture_logs() as logs:
            await paired(house)
            await house.read(Cuff)
        assert [device["address"] for device in house.gateway.attendant.status()["devices"]] == [CUFF]
        assert house.verdict().good, house.verdict()
        told = [entry["now"] for entry in logs if "lasting address" in entry["event"]]
        assert told == ["F0:00:00:00:00:99"], "once"
        assert await house.gateway._radio.forget(CUFF)
        assert house.bluez.removed == [house.bluez.device_path(CUFF)]


@pytest.mark.usefixtures("_at_once")
async def test_a_bond_is_kept_when_the_air_fails_now_and_then(tmp_path: Path) -> None:
    async with home(tmp_path, Cuff) as house:
        await paired(house)
        for _ in range(4):
            house.bluez.faults["Connect"] += [Failure("Failed", "le-connection-abort-by-local")] * 2
            await house.read(Cuff)
            await house.read(Cuff)
        assert house.bluez.removed == []
        assert states(house) == {CUFF: "paired"}


async def _lose_the_key(house: Home) -> None:
    await paired(house)
    keystore = house.device(Cuff).device.keystore
    assert keystore is not None
    await keystore.delete_all()


@pytest.mark.usefixtures("_at_once")
async def test_a_bond_is_kept_where_the_signal_is_too_weak_to_tell(tmp_path: Path) -> None:
    """At the edge of the radio's reach links go without a word for no other reason, and a new bond costs its owner a walk."""
    async with home(tmp_path, Cuff) as house:
        await _lose_the_key(house)
        house.bluez.rssi = ble.WEAK_DBM - 1
        for _ in range(DROPS_UNTIL_STALE + 2):
            await house.read(Cuff)
        assert house.bluez.removed == []
        house.bluez.rssi = ble.WEAK_DBM
        for _ in range(DROPS_UNTIL_STALE + 3):  # the first may still be one that was heard as weak
            if not house.bluez.removed:
                await house.read(Cuff)
        assert house.bluez.removed == [house.bluez.device_path(CUFF)]


@pytest.mark.usefixtures("_at_once")
async def test_a_bond_is_kept_when_it_is_we_who_hang_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk ends each session before a word is said; that says nothing of the device."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    async with home(tmp_path, Cuff) as house:
        await paired(house)
        with monkeypatch.context() as patch:
            patch.setattr(house.gateway._intake, "append", full)
            for _ in range(DROPS_UNTIL_STALE + 1):
                assert "No space left" in (await house.read(Cuff))["problem"]
        assert house.bluez.removed == []
        assert (await house.read(Cuff))["problem"] is None


async def test_a_disk_that_is_full_does_not_undo_a_pairing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(BondFile, "_write", full)
    async with home(tmp_path, Cuff) as house:
        with capture_logs() as logs:
            await paired(house)
        assert "what became of a bond could not be written down" in [entry["event"] for entry in logs]
        assert house.verdict().good, house.verdict()


@pytest.mark.parametrize(
    "fault", [Failure("org.freedesktop.DBus.Error.NoReply"), Failure("org.freedesktop.DBus.Error.ServiceUnknown"), None]
)
async def test_a_bluetoothd_that_does_not_say_is_not_one_without_the_bond(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Failure | None
) -> None:
    monkeypatch.setattr(bluez_bus, "CALL_SECONDS", 0.3)
    async with home(tmp_path, Cuff) as house:
        await paired(house)
        bonds = house.gateway._radio._bonds  # type: ignore[attr-defined]  # bleak's radio
        house.bluez.faults["GetAll"].append(fault)
        with pytest.raises(Silent, match="does not answer"):
            await bonds._is_bonded(CUFF, house.bluez.device_path(CUFF))
        assert await bonds._is_bonded(CUFF, house.bluez.device_path(CUFF))
        assert not await bonds._is_bonded(CUFF, house.bluez.device_path("C1:00:00:00:00:77"))


# -- bluetoothd and its adapters ------------------------------------------------------------------------------------


async def test_bluetoothd_is_killed_and_comes_back(tmp_path: Path) -> None:
    async with home(tmp_path, Meter) as house:
        await house.read(Meter)
        await house.bluez.kill()
        await until(lambda: house.gateway.status()["adapter"] != "ok", 5)
        assert "bluetoothd does not answer" in house.gateway.status()["adapter"]
        await asyncio.sleep(5)  # by now it is tried every four seconds, but its return is noticed
        before = house.bluez.calls.count("StartDiscovery")
        await house.bluez.start()
        await until(lambda: house.bluez.calls.count("StartDiscovery") > before, 1)
        await house.read(Meter)
        assert house.gateway.status()["adapter"] == "ok"
        assert house.bluez.agent is not None, "registered anew"
        assert house.verdict().good, house.verdict()


@pytest.mark.usefixtures("_at_once")
async def test_bluetoothd_is_killed_in_the_middle_of_a_session(tmp_path: Path) -> None:
    """Bleak reports no connection as lost; the session must not hang until its idle time."""
    async with home(tmp_path, Meter, idle_seconds=60) as house:
        house.bluez.faults["WriteValue"].append(None)  # the meter is asked, and nobody answers any more
        await house.device(Meter).advertise()
        await until(lambda: "WriteValue" in house.bluez.calls)
        await house.bluez.kill()
        await until(lambda: house.status(Meter)["state"] == "waiting", 5)
        await house.bluez.start()
        await house.read(Meter)
        assert house.verdict().good, house.verdict()


@pytest.mark.usefixtures("_at_once")
@pytest.mark.parametrize("unplugged", [True, False], ids=["unplugged", "switched off"])
async def test_an_adapter_goes_in_the_middle_of_a_session(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    unplugged: bool,  # noqa: FBT001 - a table
) -> None:
    async with home(tmp_path, Meter, idle_seconds=60) as house:
        meter = house.device(Meter)
        assert isinstance(meter, Meter)
        asked = asyncio.Event()

        async def say_nothing(_command: RecordAccessControlPoint) -> bool:
            asked.set()
            return bool(await asyncio.Event().wait())

        with monkeypatch.context() as patch:  # for the first session
            patch.setattr(meter, "report", say_nothing)
            await meter.advertise()
            await asked.wait()
        if unplugged:
            await house.bluez.unplug()
        else:
            await house.bluez.power(on=False)
        await until(lambda: house.status(Meter)["state"] == "waiting", 5)
        if unplugged:
            house.bluez.plug()
        await house.read(Meter)
        assert house.verdict().good, house.verdict()


async def test_an_adapter_that_comes_back_while_something_is_mended_is_not_waited_for(tmp_path: Path) -> None:
    async with home(tmp_path, Meter) as house:
        other = stack.Stack(house.desk)
        await other.begin()
        other.end()
        await house.bluez.unplug()
        with pytest.raises(AdapterError, match="no Bluetooth adapter"):
            await other.begin()
        house.bluez.plug()
        await asyncio.sleep(0.1)  # its signal has come, and nobody has tried again
        async with asyncio.timeout(2):
            await other.rest(60)
        await other.begin()
        with pytest.raises(TimeoutError):  # that was then: an attempt later there is a pause again
            async with asyncio.timeout(0.3):
                await other.rest(60)
        await other.close()


async def test_the_bus_itself_dies_and_comes_back(tmp_path: Path, bus: PrivateBus) -> None:
    async with home(tmp_path, Meter) as house:
        await house.read(Meter)
        bus.stop()
        await until(lambda: "bluetoothd does not answer" in house.gateway.status()["adapter"], 5)
        await house.bluez.kill()
        bus.start()
        await house.bluez.start()
        await house.read(Meter)
        assert house.gateway.status()["adapter"] == "ok"
        assert house.verdict().good, house.verdict()


async def test_an_adapter_without_power_is_switched_on(tmp_path: Path) -> None:
    async with home(tmp_path, Meter) as house:
        await house.scanning()
        await house.bluez.power(on=False)
        await until(lambda: house.bluez.powered == [True], 5)
        await house.read(Meter)
        assert house.verdict().good, house.verdict()


async def test_an_adapter_is_left_off_where_its_owner_wants_that(tmp_path: Path) -> None:
    async with home(tmp_path, Meter, recover="scan") as house:
        await house.scanning()
        await house.bluez.power(on=False)
        await until(lambda: "switched off" in house.gateway.status()["adapter"], 5)
        await asyncio.sleep(1.5)
        assert house.bluez.powered == []


async def test_an_adapter_is_unplugged_and_plugged_in(tmp_path: Path) -> None:
    async with home(tmp_path, Meter) as house:
        await house.scanning()
        await house.bluez.unplug()
        await until(lambda: "no Bluetooth adapter" in house.gateway.status()["adapter"], 5)
        house.bluez.plug()
        await house.read(Meter)
        assert house.gateway.status()["adapter"] == "ok"


async def test_the_adapter_that_is_named_is_the_one_that_is_waited_for(tmp_path: Path) -> None:
    async with home(tmp_path, Meter, adapter="hci7") as house:
        await until(lambda: "there is no hci7" in house.gateway.status()["adapter"])
        assert "StartDiscovery" not in house.bluez.calls


async def test_a_stuck_scan_costs_a_power_cycle(tmp_path: Path) -> None:
    """«Operation already in progress» after hours: only a power cycle helps on some boards."""
    async with home(tmp_path, Meter, faults={"StartDiscovery": [Failure("InProgress", "Operation already in progress")] * 3}) as house:
        await until(lambda: house.bluez.powered == [False, True], 20)
        assert (await house.read(Meter))["problem"] is None
        assert house.bluez.calls.count("StartDiscovery") == 4


class Systemd:
    """Its end of the bus."""

    def __init__(self, bus: MessageBus, refuses: str | None) -> None:
        self.asked: list[object] = []
        self._refuses = refuses
        bus.add_message_handler(self._answer)

    def _answer(self, message: Message) -> Message | None:
        if message.member != "RestartUnit":
            return None
        self.asked.append((message.path, message.interface, *message.body))
        if self._refuses is not None:
            return Message.new_error(message, self._refuses, "Interactive authentication required.")
        return Message.new_method_return(message, "o", ["/org/freedesktop/systemd1/job/1"])


@pytest.mark.parametrize("refuses", [None, "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"])
async def test_a_bluetoothd_that_stays_stuck_is_started_anew_where_that_is_permitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuses: str | None
) -> None:
    monkeypatch.setattr(recovery, "SLOWEST_RETRY_SECONDS", 0.1)
    connection = await MessageBus(bus_type=BusType.SYSTEM).connect()
    systemd = Systemd(connection, refuses)
    await connection.request_name("org.freedesktop.systemd1")
    with capture_logs() as logs:
        async with home(tmp_path, Meter, faults={"StartDiscovery": [Failure("InProgress")] * 7}) as house:
            await until(lambda: systemd.asked)
            await house.read(Meter)
    connection.disconnect()
    path = ("/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")
    assert systemd.asked == [(*path, "bluetooth.service", "replace")]
    hindered = [entry["problem"] for entry in logs if entry["event"] == "bluetooth could not be mended"]
    assert len(hindered) == (refuses is not None)
    assert all("InteractiveAuthorizationRequired" in problem for problem in hindered)


async def test_an_adapter_that_a_switch_blocks_is_told(tmp_path: Path) -> None:
    async with home(tmp_path, Meter, faults={"Set": [Failure("Blocked", "Blocked through rfkill")] * 2}) as house:
        await house.scanning()
        with capture_logs() as logs:
            await house.bluez.power(on=False)
            await until(lambda: any("rfkill" in str(entry.get("problem")) for entry in logs))
        told = [entry for entry in logs if entry["event"] == "bluetooth could not be mended"]
        assert told[0]["log_level"] == "error"
        assert "the adapter is switched off" in told[0]["problem"]


async def test_discovery_that_ends_without_a_word_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "STOPPED_SECONDS", 0.2)
    async with home(tmp_path, Meter) as house:
        await house.scanning()
        await house.bluez.radio.stop_scanning()
        house.bluez.change(house.bluez.adapter, ADAPTER, Discovering=OFF)
        await until(lambda: house.bluez.calls.count("StartDiscovery") == 2)
        assert (await house.read(Meter))["problem"] is None


async def test_a_bluetoothd_that_does_not_answer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "CALL_SECONDS", 0.2)
    async with home(tmp_path, Meter, faults={"RegisterAgent": [None]}) as house:
        await until(lambda: "does not answer" in house.gateway.status()["adapter"])
        assert (await house.read(Meter))["problem"] is None
        assert house.gateway.status()["adapter"] == "ok"


# -- connecting -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        Failure("Failed", "le-connection-abort-by-local"),
        Failure("InProgress", "Operation already in progress"),
        Failure("Failed", "Software caused connection abort"),
        Failure("NotReady", "Resource Not Ready"),
        Failure("org.freedesktop.DBus.Error.UnknownObject", "gone"),
        Failure("org.freedesktop.DBus.Error.NoReply", "Did not receive a reply"),
    ],
    ids=lambda fault: f"{fault.name.rpartition('.')[2]} {fault.text}",
)
@pytest.mark.usefixtures("_at_once")
async def test_a_connection_that_fails_twice_comes_about_at_last(tmp_path: Path, fault: Failure) -> None:
    async with home(tmp_path, Meter) as house:
        house.bluez.faults["Connect"] += [fault, fault]
        for _ in range(3):
            if (await house.read(Meter, seconds=30))["problem"] is None:
                break
        assert house.status(Meter)["problem"] is None
        assert house.verdict().good, house.verdict()


async def test_services_that_are_told_behind_the_word_that_all_are_known_are_found(tmp_path: Path) -> None:
    """Bluetoothd 5.82 signals "resolved" first, and only then, one by one, what there is."""
    async with home(tmp_path, Meter) as house:
        resolve, add = house.bluez._resolve, house.bluez.add
        objects: list[tuple[str, dict[str, dict[str, Variant]]]] = []

        async def in_the_wrong_order(path: str, peer: Peer) -> None:
            house.bluez.add = lambda *one: objects.append(one)  # type: ignore[method-assign]  # until all are known
            await resolve(path, peer)  # with "resolved" as its last word
            house.bluez.add = add  # type: ignore[method-assign]  # and now at once
            for one in objects:
                add(*one)

        house.bluez._resolve = in_the_wrong_order  # type: ignore[method-assign]  # the fault
        assert (await house.read(Meter, seconds=30))["problem"] is None
        assert house.verdict().good, house.verdict()


async def test_several_devices_that_wake_together_are_connected_to_one_at_a_time(tmp_path: Path) -> None:
    async with home(tmp_path, Cuff, Meter) as house:
        connecting: list[str] = []
        most = 0
        original = house.bluez.Device1_Connect

        async def connect(message: object) -> None:
            nonlocal most
            connecting.append("x")
            most = max(most, len(connecting))
            await asyncio.sleep(0.2)
            try:
                await original(message)  # type: ignore[arg-type]  # passed through
            finally:
                connecting.pop()

        house.bluez.Device1_Connect = connect  # type: ignore[method-assign]  # watched
        async with asyncio.TaskGroup() as group:
            group.create_task(house.type_what_is_shown(Cuff))
            group.create_task(house.read(Cuff))
            group.create_task(house.read(Meter))
        assert most == 1
        assert house.verdict().good, house.verdict()


@pytest.mark.usefixtures("_at_once")
async def test_a_notification_that_is_refused_for_now_is_asked_for_again(tmp_path: Path) -> None:
    async with home(tmp_path, Meter) as house:
        house.bluez.faults["StartNotify"].append(Failure("InProgress", "In Progress"))
        for _ in range(3):
            if (await house.read(Meter, seconds=30))["problem"] is None:
                break
        assert house.verdict().good, house.verdict()

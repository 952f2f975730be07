"""What happens in the virtual machine: real bluetoothd and kernel below, real Mosquitto and consumer above, and the daemon killed twice
in the middle of a transfer. At the end the consumer has what the devices know, once each. The exit status says whether.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
from typing import Any

from gateway.intake import read as read_intake
from gateway.journal.reading import read_latest
from gateway.simulator.memory import Memory, compare, truths
from tests.campaign.stage import Consumer
from tests.e2e.guest import bus
from tests.e2e.guest.bluez import Bluez
from tests.e2e.guest.peripherals import ADDRESSES, RECORDS
from tests.e2e.guest.person import Person
from tests.e2e.guest.stage import CONFIG, OUT, PLACE, SECONDS, STATE, Daemon, Devices, bluetooth, keep, taken, tell
from tests.support.broker import DURABLE, Broker

QUEUE = """
[sink.queue]
type = "mqtt"
host = "127.0.0.1"
port = {}
ack = "receiver"
"""


async def killed_in_the_middle(daemon: Daemon, devices: Devices, name: str, count: int) -> None:
    """Start it, and kill it when so many of the device's records have gone over the air in this life."""
    before = devices.count("sent", name)
    await daemon.start()
    await devices.wait(lambda: devices.count("sent", name) >= before + count, f"{count} records of the {name} have gone over the air")
    await daemon.kill()
    sent, records = devices.count("sent", name) - before, len(Memory(PLACE / "devices", ADDRESSES[name]).records)
    tell(f"daemon killed (-9) behind record {sent} of {records}; frames of the {name} in its intake log: {taken()[ADDRESSES[name]]}")
    assert count <= sent < records, "it was to be killed in the middle"
    assert taken()[ADDRESSES[name]] > 0


def is_done(status: dict[str, Any]) -> bool:
    """Both have been read, the meter has been told to forget and has, and everything has its receipt."""
    read = {device["address"] for device in status.get("devices", []) if device["sessions"] and device["state"] == "waiting"}
    if not read >= set(ADDRESSES.values()) or Memory(PLACE / "devices", ADDRESSES["meter"]).records:
        return False
    queue = status["sinks"]["queue"]
    return bool(queue["cursor"] == status["journal"]["things"] and not queue["deferred"] and not queue["held"])


async def main(seed: int) -> int:
    randomness = random.Random(seed)
    for directory in (PLACE, OUT):
        directory.mkdir(parents=True, exist_ok=True)
    _, sniffer = bluetooth()
    devices = Devices(seed, "--awake")
    await devices.start()
    bluez = await Bluez.connect()
    await bluez.power_on(SECONDS)
    tell("bluetoothd has its adapter")
    person = Person(PLACE / "control.sock", devices.passkey)
    watching = asyncio.create_task(person.watch())
    broker = await asyncio.to_thread(Broker(PLACE / "broker", DURABLE).start)
    path = PLACE / "config.toml"
    path.write_text(CONFIG + QUEUE.format(broker.port))
    consumer = Consumer(path, OUT / "consumer.ndjson")
    await consumer.start()
    tell("broker and consumer are there")
    daemon = Daemon(path)
    await killed_in_the_middle(daemon, devices, "meter", randomness.randint(3, RECORDS - 5))
    await killed_in_the_middle(daemon, devices, "cuff", randomness.randint(1, 3))
    await daemon.start()
    async with asyncio.timeout(SECONDS):
        while not is_done(await asyncio.to_thread(daemon.status)):  # noqa: ASYNC110 - another process
            await asyncio.sleep(1)
    tell("everything has been read and has its receipt")
    times = [event["off_by"] for event in devices.events if event["event"] == "time"]
    refused = [event["why"] for event in devices.events if event["event"] == "no time"]
    tell(f"the cuff has read the hub's time {len(times)} times, off by {max(times, default=0):.1f} s at most; {refused[-1:]}")
    watching.cancel()
    status = await daemon.stop()
    assert status == 0, f"the daemon ended with {status}"
    bonded = [address for address in ADDRESSES.values() if await bluez.bonded(address)]
    await consumer.kill()
    broker.stop()
    devices.stop()
    sniffer.send_signal(signal.SIGINT)
    await asyncio.to_thread(sniffer.wait, 10)
    things = [json.loads(line) for line in consumer.out.read_bytes().splitlines()]
    verdict = compare(truths(PLACE / "devices"), things)
    latest = {(row.id, row.version) for row in read_latest(STATE / "journal.db")}
    missing = latest - {(thing["id"], thing["version"]) for thing in things}
    tell(f"bonded: {', '.join(bonded)}; passkeys typed: {len(person.typed)}")
    tell(f"{verdict.truths} truths, {verdict.things} things at the consumer, {len(missing)} missing: {verdict}")
    tell(bus.under_way(OUT / "hci.btsnoop", read_intake(STATE / "intake")))
    assert sorted(bonded) == sorted(ADDRESSES.values())
    assert sorted(person.typed) == sorted(ADDRESSES.values()), "one passkey each: bonds outlive the daemon"
    assert verdict.truths > RECORDS
    assert times, "the cuff could not read the hub's time"
    assert max(times) < 5
    return 0 if verdict.good and not missing else 1


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main(int(sys.argv[1]))))
    finally:
        keep()

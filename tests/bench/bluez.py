"""An `org.bluez` that only advertises: so many times a second, for devices that are nobody's. `python -m tests.bench.bluez 100`"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

ADAPTER = "/org/bluez/hci0"
DEVICES = 25
PROPERTIES = "org.freedesktop.DBus.Properties"


def _adapter() -> dict[str, Variant]:
    return {
        "Address": Variant("s", "00:AA:01:00:00:42"),
        "Name": Variant("s", "hub"),
        "Alias": Variant("s", "hub"),
        "Powered": Variant("b", True),  # noqa: FBT003 - dbus_fast's signature
        "Discovering": Variant("b", True),  # noqa: FBT003 - likewise
        "Roles": Variant("as", ["central"]),
        "UUIDs": Variant("as", []),
    }


def _device(number: int) -> tuple[str, dict[str, Variant]]:
    address = f"C8:00:00:00:00:{number:02X}"
    return f"{ADAPTER}/dev_{address.replace(':', '_')}", {
        "Address": Variant("s", address),
        "AddressType": Variant("s", "random"),
        "Alias": Variant("s", f"Neighbour {number}"),
        "Name": Variant("s", f"Neighbour {number}"),
        "Adapter": Variant("o", ADAPTER),
        "Paired": Variant("b", False),  # noqa: FBT003 - dbus_fast's signature
        "Connected": Variant("b", False),  # noqa: FBT003 - likewise
        "ServicesResolved": Variant("b", False),  # noqa: FBT003 - likewise
        "RSSI": Variant("n", -60),
        "UUIDs": Variant("as", ["0000feaa-0000-1000-8000-00805f9b34fb"]),
        "ManufacturerData": Variant("a{qv}", {0x004C: Variant("ay", bytes(range(20)))}),
    }


class Bluez:
    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self._devices = dict(_device(number) for number in range(DEVICES))

    def answer(self, message: Message) -> Message | bool | None:
        """Whatever a scanner asks."""
        if message.message_type is not MessageType.METHOD_CALL or not str(message.path).startswith(("/org/bluez", "/")):
            return None
        if message.member == "GetManagedObjects":
            objects: dict[str, dict[str, dict[str, Variant]]] = {"/org/bluez": {"org.bluez.AgentManager1": {}}}
            objects[ADAPTER] = {"org.bluez.Adapter1": _adapter()}
            objects |= {path: {"org.bluez.Device1": device} for path, device in self._devices.items()}
            return Message.new_method_return(message, "a{oa{sa{sv}}}", [objects])
        if message.interface == "org.bluez.Adapter1":
            return Message.new_method_return(message)
        return None

    async def advertise(self, rate: float) -> None:
        loop = asyncio.get_running_loop()
        turn, due = 0, loop.time()
        while True:
            for path in self._devices:
                turn, due = turn + 1, due + 1 / rate
                changed: dict[str, Any] = {
                    "RSSI": Variant("n", -50 - turn % 40),
                    "ManufacturerData": Variant("a{qv}", {0x004C: Variant("ay", turn.to_bytes(20, "big"))}),
                }
                self._bus.send(Message.new_signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", ["org.bluez.Device1", changed, []]))
                await asyncio.sleep(due - loop.time())


async def main(rate: float) -> None:
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    bluez = Bluez(bus)
    bus.add_message_handler(bluez.answer)
    await bus.request_name("org.bluez")
    print("ready", flush=True)
    await bluez.advertise(rate)


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))

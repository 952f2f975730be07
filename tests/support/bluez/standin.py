"""org.bluez with a virtual radio: adapters, devices, pairing through the agent, and attributes. Source: BlueZ, doc/org.bluez.*.rst."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from bleak.assigned_numbers import gatt_char_props_to_strs
from bleak.uuids import normalize_uuid_str
from bumble.core import UUID, AdvertisingData, BaseBumbleError, ProtocolError
from bumble.device import Connection, Device, Peer
from bumble.hci import HCI_Error
from bumble.pairing import PairingConfig, PairingDelegate
from dbus_fast import Message, MessageType, Variant

from tests.support.bluez.objects import Answer, Failure, Objects

ADAPTER, DEVICE, AGENT = "org.bluez.Adapter1", "org.bluez.Device1", "org.bluez.Agent1"
SERVICE, CHARACTERISTIC, DESCRIPTOR = "org.bluez.GattService1", "org.bluez.GattCharacteristic1", "org.bluez.GattDescriptor1"
ON, OFF = Variant("b", value=True), Variant("b", value=False)
_IO = PairingDelegate.IoCapability
_CAPABILITIES = {
    "DisplayOnly": _IO.DISPLAY_OUTPUT_ONLY,
    "DisplayYesNo": _IO.DISPLAY_OUTPUT_AND_YES_NO_INPUT,
    "KeyboardOnly": _IO.KEYBOARD_INPUT_ONLY,
    "NoInputNoOutput": _IO.NO_OUTPUT_NO_INPUT,
    "KeyboardDisplay": _IO.DISPLAY_OUTPUT_AND_KEYBOARD_INPUT,
    "": _IO.DISPLAY_OUTPUT_AND_KEYBOARD_INPUT,
}
_SERVICE_LISTS = (
    AdvertisingData.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
)


def _uuid(uuid: UUID) -> str:
    return normalize_uuid_str(uuid.to_hex_str("-"))


class _AgentDelegate(PairingDelegate):
    """The virtual radio's questions, carried to the agent on the bus."""

    def __init__(self, standin: StandIn) -> None:
        super().__init__(_CAPABILITIES[standin.agent[2]] if standin.agent else _IO.NO_OUTPUT_NO_INPUT)
        self._standin = standin

    async def get_number(self) -> int | None:
        answer = await self._standin.ask_agent("RequestPasskey", "o", [])
        return int(answer[0]) if answer is not None else None

    async def compare_numbers(self, number: int, digits: int) -> bool:
        return await self._standin.ask_agent("RequestConfirmation", "ou", [number]) is not None

    async def display_number(self, number: int, digits: int) -> None:
        await self._standin.ask_agent("DisplayPasskey", "ouq", [number, 0])

    async def confirm(self, auto: bool = False) -> bool:  # noqa: FBT001, FBT002 - bumble's signature
        return await self._standin.ask_agent("RequestAuthorization", "o", []) is not None


class StandIn(Objects):
    """`device` is the radio below it."""

    def __init__(self, device: Device, name: str = "hci0") -> None:
        super().__init__()
        self.radio, self.adapter = device, f"/org/bluez/{name}"
        self.agent: tuple[str, str, str] | None = None
        self.removed: list[str] = []
        self.powered: list[bool] = []
        self.rssi: int | None = None
        self.lasting: dict[str, str] = {}
        """By path: the address that a device shows once it is bonded."""
        self._addresses: dict[str, Any] = {}
        self.connections: dict[str, Connection] = {}
        self._attributes: dict[str, Any] = {}
        self._notifying: dict[str, Callable[[bytes], None]] = {}
        self._resolving: dict[str, asyncio.Future[None]] = {}
        self._pairing = ""
        device.pairing_config_factory = lambda _connection: PairingConfig(delegate=_AgentDelegate(self))
        device.on("advertisement", self._on_advertisement)

    async def start(self, *, powered: bool = True) -> None:
        self.tree = {"/org/bluez": {"org.bluez.AgentManager1": {}}}
        self.agent = None
        self._notifying.clear()
        await self.appear()
        self.plug(powered=powered)

    def plug(self, *, powered: bool = True) -> None:
        """The adapter is there."""
        properties = {
            "Address": Variant("s", str(self.radio.random_address)[:17]),
            "Name": Variant("s", "stand-in"),
            "Alias": Variant("s", "stand-in"),
            "Powered": Variant("b", powered),
            "Discovering": OFF,
            "Pairable": ON,
            "Roles": Variant("as", ["central"]),
            "UUIDs": Variant("as", []),
        }
        self.add(self.adapter, {ADAPTER: properties, "org.bluez.GattManager1": {}})

    async def unplug(self) -> None:
        """It goes, and its devices with it, without a word about their connections."""
        self.remove(self.adapter)
        await self._drop_all()

    async def kill(self) -> None:
        """Bluetoothd is no more; what it was connected to is let go."""
        self.vanish()
        await self._drop_all()

    async def power(self, *, on: bool) -> None:
        if not on:
            await self._drop_all()
        self.change(self.adapter, ADAPTER, Powered=Variant("b", on), **({} if on else {"Discovering": OFF}))

    async def _drop_all(self) -> None:
        if self.radio.is_scanning:
            await self.radio.stop_scanning()
        for connection in list(self.connections.values()):
            await connection.disconnect()

    def device_path(self, address: str) -> str:
        return f"{self.adapter}/dev_{address.replace(':', '_')}"

    async def ask_agent(self, member: str, signature: str, body: list[Any]) -> list[Any] | None:
        """None for a refusal."""
        if self.agent is None:
            return None
        answer = await self._tell_agent(member, signature, [self._pairing, *body])
        return None if answer is None or answer.message_type is MessageType.ERROR else answer.body

    async def _tell_agent(self, member: str, signature: str = "", body: Sequence[Any] = ()) -> Message | None:
        assert self.agent is not None
        destination, path, _ = self.agent
        return await self.bus.call(
            Message(destination=destination, path=path, interface=AGENT, member=member, signature=signature, body=list(body))
        )

    # -- Properties, Adapter1, AgentManager1, GattManager1 -------------------------------------------------------

    async def Properties_Set(self, message: Message) -> Answer:
        interface, name, value = message.body
        if interface == ADAPTER and name == "Powered":
            self.powered.append(value.value)
            await self.power(on=value.value)
            return None
        return await super().Properties_Set(message)

    async def Adapter1_SetDiscoveryFilter(self, _message: Message) -> Answer:
        return None

    async def Adapter1_StartDiscovery(self, message: Message) -> Answer:
        if not self.value(self.adapter, ADAPTER, "Powered"):
            raise Failure("NotReady", "Resource Not Ready")
        if self.radio.is_scanning:
            raise Failure("InProgress", "Operation already in progress")
        await self.radio.start_scanning(active=True, filter_duplicates=False)
        self.change(str(message.path), ADAPTER, Discovering=ON)
        return None

    async def Adapter1_StopDiscovery(self, message: Message) -> Answer:
        if self.radio.is_scanning:
            await self.radio.stop_scanning()
        self.change(str(message.path), ADAPTER, Discovering=OFF)
        return None

    async def Adapter1_RemoveDevice(self, message: Message) -> Answer:
        path = message.body[0]
        if path not in self.tree:
            raise Failure("DoesNotExist", "Does Not Exist")
        self.removed.append(path)
        if path in self.connections:
            await self.connections[path].disconnect()
        if self.radio.keystore is not None and await self.radio.keystore.get(str(self._addresses[path])):
            await self.radio.keystore.delete(str(self._addresses[path]))
        self.remove(path)
        return None

    async def AgentManager1_RegisterAgent(self, message: Message) -> Answer:
        path, capability = message.body
        if capability not in _CAPABILITIES:
            raise Failure("InvalidArguments")
        if self.agent is not None:
            raise Failure("AlreadyExists", "Already Exists")
        self.agent = (str(message.sender), path, capability)
        return None

    async def AgentManager1_RequestDefaultAgent(self, _message: Message) -> Answer:
        return None

    async def GattManager1_RegisterApplication(self, _message: Message) -> Answer:
        return None

    # -- Device1 -------------------------------------------------------------------------------------------------

    def _on_advertisement(self, advertisement: Any) -> None:
        address = advertisement.address.to_string(with_type_qualifier=False)
        path = self.device_path(address)
        if path in self.connections or self.adapter not in self.tree:
            return
        properties = {"RSSI": Variant("n", advertisement.rssi if self.rssi is None else self.rssi)}
        services: list[str] = []
        for kind, octets in advertisement.data.ad_structures:
            if kind in (AdvertisingData.COMPLETE_LOCAL_NAME, AdvertisingData.SHORTENED_LOCAL_NAME):
                properties["Name"] = properties["Alias"] = Variant("s", octets.decode())
            elif kind in _SERVICE_LISTS:
                services += [_uuid(UUID.from_bytes(octets[at : at + 2])) for at in range(0, len(octets), 2)]
        if services:
            properties["UUIDs"] = Variant("as", services)
        if path in self.tree:
            self.change(path, DEVICE, **properties)
            return
        self._addresses[path] = advertisement.address
        fixed = dict.fromkeys(("Paired", "Bonded", "Connected", "Trusted", "Blocked", "ServicesResolved"), OFF)
        fixed |= {
            "Address": Variant("s", address),
            "AddressType": Variant("s", "random"),
            "Alias": Variant("s", address),
            "Adapter": Variant("o", self.adapter),
        }
        self.add(path, {DEVICE: fixed | properties})

    async def Device1_Connect(self, message: Message) -> Answer:
        path = str(message.path)
        if path in self.connections:
            raise Failure("AlreadyConnected", "Already Connected")
        try:
            connection = await self.radio.connect(self._addresses[path], timeout=20)
        except Exception as error:
            raise Failure("Failed", "le-connection-abort-by-local") from error
        if path not in self.tree:  # the adapter went meanwhile, or bluetoothd: nobody would ever let it go
            await connection.disconnect()
            raise Failure("Failed", "le-connection-abort-by-local")
        self.connections[path] = connection
        connection.on("disconnection", lambda _reason: self._on_gone(path))
        self.change(path, DEVICE, Connected=ON)
        self._resolving[path] = asyncio.ensure_future(self._resolve(path, Peer(connection)))
        return None

    def answered(self, message: Message, reply: Message) -> None:
        """BlueZ was connected for a moment when it says that it has aborted a connection, and bleak waits for its end."""
        if message.member == "Connect" and reply.message_type is MessageType.ERROR and str(message.path) in self.tree:
            self.change(str(message.path), DEVICE, Connected=OFF)

    def _on_gone(self, path: str) -> None:
        self.connections.pop(path, None)
        for one in [one for one in self._notifying if one.startswith(path)]:
            del self._notifying[one]
        if path not in self.tree:
            return
        if not self.value(path, DEVICE, "Bonded"):  # else BlueZ keeps what it knows of it
            for one in [one for one in self.tree if one.startswith(f"{path}/service") and one.count("/") == path.count("/") + 1]:
                self.remove(one)
        self.change(path, DEVICE, Connected=OFF, ServicesResolved=OFF)

    async def _resolve(self, path: str, peer: Peer) -> None:
        if self.value(path, DEVICE, "Bonded"):
            try:
                await peer.connection.encrypt()
            except HCI_Error:
                # As 5.66 does: what it keeps of the device is shown as resolved, and the link is let go.
                self.change(path, DEVICE, ServicesResolved=ON)
                await peer.connection.disconnect()
                return
        try:
            await self._discover(path, peer)
        except BaseBumbleError:
            # Bluetoothd too lets a link go that gives no answer within 30 s. A link that has just gone answers nothing either.
            if self.connections.get(path) is peer.connection:
                await peer.connection.disconnect()

    async def _discover(self, path: str, peer: Peer) -> None:
        await peer.discover_services()
        for service in peer.services:
            under = f"{path}/service{service.handle:04x}"
            head = {"UUID": Variant("s", _uuid(service.uuid)), "Device": Variant("o", path), "Primary": ON}
            self.add(under, {SERVICE: head | {"Includes": Variant("ao", [])}})
            for one in await service.discover_characteristics():
                await self._add_characteristic(f"{under}/char{one.handle - 1:04x}", under, one, peer)
        self.change(path, DEVICE, ServicesResolved=ON)

    async def _add_characteristic(self, path: str, under: str, characteristic: Any, peer: Peer) -> None:
        self._attributes[path] = characteristic
        properties = {
            "UUID": Variant("s", _uuid(characteristic.uuid)),
            "Service": Variant("o", under),
            "Value": Variant("ay", b""),
            "Notifying": OFF,
            "Flags": Variant("as", list(gatt_char_props_to_strs(characteristic.properties))),
            "MTU": Variant("q", peer.connection.att_mtu),
        }
        self.add(path, {CHARACTERISTIC: properties})

    async def Device1_Disconnect(self, message: Message) -> Answer:
        if (connection := self.connections.get(str(message.path))) is not None:
            await connection.disconnect()
        return None

    async def Device1_Pair(self, message: Message) -> Answer:
        path = self._pairing = str(message.path)
        if self.value(path, DEVICE, "Paired"):
            raise Failure("AlreadyExists", "Already Exists")
        if path not in self.connections:
            await self.Device1_Connect(message)
        try:
            await self.connections[path].pair()
        except ProtocolError as error:
            raise Failure("AuthenticationFailed", "Authentication Failed") from error
        except asyncio.CancelledError as error:  # so bumble says that the link has gone
            if self.agent is not None:
                await self._tell_agent("Cancel")
            raise Failure("AuthenticationCanceled", "Authentication Canceled") from error
        lasting = {"Address": Variant("s", self.lasting[path])} if path in self.lasting else {}
        self.change(path, DEVICE, Paired=ON, Bonded=ON, **lasting)
        return None

    async def Device1_CancelPairing(self, message: Message) -> Answer:
        return await self.Device1_Disconnect(message)

    # -- attributes ----------------------------------------------------------------------------------------------

    async def GattCharacteristic1_ReadValue(self, message: Message) -> Answer:
        if not await self._is_up(str(message.path)):
            raise Failure("Failed", "Not connected")
        return "ay", [bytes(await self._attributes[str(message.path)].read_value())]

    async def _is_up(self, path: str) -> bool:
        """Whether the device that has this attribute is connected. What is asked before its services are known waits for them."""
        device = path[: path.index("/service")]
        if device in self._resolving:
            await asyncio.wait({self._resolving[device]})
        return device in self.connections

    async def GattCharacteristic1_WriteValue(self, message: Message) -> Answer:
        value, options = message.body
        if not await self._is_up(str(message.path)):
            raise Failure("Failed", "Not connected")
        kind = options.get("type")
        await self._attributes[str(message.path)].write_value(bytes(value), with_response=kind is None or kind.value == "request")
        return None

    async def GattCharacteristic1_StartNotify(self, message: Message) -> Answer:
        path = str(message.path)
        if path in self._notifying:
            raise Failure("InProgress", "In Progress")
        if not await self._is_up(path):
            return None  # kept in mind for a link that has gone
        characteristic = self._attributes[path]

        def arrived(value: bytes) -> None:
            if self._notifying.get(path) is arrived:  # bumble keeps a subscriber whose subscription failed
                self.change(path, CHARACTERISTIC, Value=Variant("ay", bytes(value)))

        self._notifying[path] = arrived
        try:
            await characteristic.subscribe(arrived, prefer_notify="notify" in gatt_char_props_to_strs(characteristic.properties))
        except BaseException:
            del self._notifying[path]
            raise
        self.change(path, CHARACTERISTIC, Notifying=ON)
        return None

    async def GattCharacteristic1_StopNotify(self, message: Message) -> Answer:
        path = str(message.path)
        if (arrived := self._notifying.pop(path, None)) is not None and path in self.tree:
            await self._attributes[path].unsubscribe(arrived)
            self.change(path, CHARACTERISTIC, Notifying=OFF)
        return None

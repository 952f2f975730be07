"""This machine's own radio and sockets, for `run` and for trying a driver.

Imported where it is called: the radio's libraries take their time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.bonds import BondFile
from gateway.clock import SystemClock, local
from gateway.config import Config
from gateway.pairing import Desk
from gateway.transports.ble import BleakRadio
from gateway.transports.bluez.bonds import Bonds
from gateway.transports.bluez.stack import Stack
from gateway.transports.bluez.time_server import TimeServer
from gateway.transports.cables.ports import SystemPorts


@dataclass(frozen=True, slots=True)
class Real:
    radio: BleakRadio
    desk: Desk
    ports: SystemPorts


def real(config: Config, clock: SystemClock) -> Real:
    """To be called within the loop that is to use them."""

    def trusted_time() -> datetime | None:
        return local(clock.now(), clock.zone()) if clock.synchronized() else None

    bonds = BondFile(config.state / "bonds.json")
    desk = Desk(config, bonds.known_as)
    stack = Stack(desk, TimeServer(trusted_time) if config.bluetooth.serve_time else None, adapter=config.bluetooth.adapter)
    return Real(BleakRadio(stack=stack, bonds=Bonds(stack, desk, bonds)), desk, SystemPorts(config.phd_tcp.listen))

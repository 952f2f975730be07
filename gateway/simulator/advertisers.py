"""Virtual scales that nobody connects to: they say their reading in their advertisement, over and over."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal

from bumble.core import AdvertisingData

from gateway.sealed import seal
from gateway.simulator.memory import Stored
from gateway.simulator.peripheral import ADVERTISING_MS, Peripheral
from gateway.simulator.pushers import Numbers, shown
from profiles.adv import bthome
from profiles.adv.scales import MiBodyFlags, MiBodyScale
from profiles.times import DateTime

FLAGS = (AdvertisingData.Type.FLAGS, b"\x06")


class Advertiser(Peripheral):
    """Says one of its records after the other, each for as long as it is not switched on again, and begins anew behind the last."""

    uuid: int

    async def start(self) -> None:
        self._turn = 0
        await self.device.power_on()

    def payload(self, record: Stored) -> bytes:
        return record.octets

    async def advertise(self) -> None:
        record = self.memory.records[self._turn % len(self.memory.records)]
        self._turn += 1
        data = (AdvertisingData.Type.SERVICE_DATA_16_BIT_UUID, self.uuid.to_bytes(2, "little") + self.payload(record))
        name = (AdvertisingData.Type.COMPLETE_LOCAL_NAME, self.name.encode()[:8])
        if self.device.is_advertising:
            await self.device.stop_advertising()
        await self.device.start_advertising(
            advertising_data=bytes(AdvertisingData([FLAGS, data, name])),
            auto_restart=False,
            advertising_interval_min=ADVERTISING_MS,
            advertising_interval_max=ADVERTISING_MS,
        )


class MiBodyScaleSaid(Advertiser):
    """Xiaomi's form: a weight that still moves, the finished one, and the same with the impedance, of each weighing."""

    name, model, service, uuid = "MIBFS", "Mi Body Composition Scale", 0x181B, 0x181B

    def fill(self, numbers: Numbers, randomness: random.Random) -> None:
        number, raw = numbers(), randomness.randrange(10000, 18000)
        moment = DateTime.of(self.time().replace(microsecond=0) - timedelta(minutes=1))
        said = (
            MiBodyScale(MiBodyFlags(0), moment, 0, raw - 400),
            MiBodyScale(MiBodyFlags.STABILIZED, moment, 0, raw),
            MiBodyScale(MiBodyFlags.STABILIZED | MiBodyFlags.IMPEDANCE, moment, 487, raw),
        )
        truth = {"type": "weight", "time": str(moment), "values": {"weight": shown(raw * Decimal("0.005"))}}
        for index, value in enumerate(said):
            self.memory.add(Stored(number, value.encode().hex(), expected=[truth] if index == 1 else []))


class BTHomeScale(Advertiser):
    """BTHome version 2, encrypted: each record counts, as the octets do that are sealed with it."""

    name, model, service, uuid = "BTH", "BTHome", bthome.UUID, bthome.UUID
    KEY = "231d39c1d7cc1ab1aee224cd096db932"
    INFORMATION = 0x41
    MASS = 0x06

    def fill(self, numbers: Numbers, randomness: random.Random, count: int = 2) -> None:
        for index in range(count):
            hundredths = randomness.randrange(5000, 9000) // count * count + index
            truth = {"type": "weight", "time": None, "values": {"weight": shown(Decimal(hundredths).scaleb(-2))}}
            plain = bytes((0x00, index, self.MASS)) + hundredths.to_bytes(2, "little")
            self.memory.add(Stored(numbers(), plain.hex(), expected=[truth]))

    def payload(self, record: Stored) -> bytes:
        counter = record.number.to_bytes(4, "little")
        head = bytes((self.INFORMATION,))
        nonce = bytes.fromhex(self.address.replace(":", "")) + self.uuid.to_bytes(2, "little") + head + counter
        ciphertext, tag = seal(bytes.fromhex(self.KEY), nonce, record.octets)
        return head + ciphertext + counter + tag

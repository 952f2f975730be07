"""Virtual devices that push: scales, a cuff, a thermometer. Where captures of real devices have been published, they send those octets."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from bumble.gatt import Characteristic

from gateway.simulator.memory import Stored
from gateway.simulator.peripheral import PROPERTIES, Peripheral
from profiles.gatt import blood_pressure as bls
from profiles.gatt import body_composition as bcs
from profiles.gatt import thermometer as hts
from profiles.gatt import weight_scale as wss
from profiles.times import DateTime

Numbers = Callable[[], int]
"""The next truth number of the world."""


def shown(value: Decimal) -> str:
    return format(value, "f")


class Pusher(Peripheral):
    """Indicates every record as soon as it is subscribed to, then hangs up. `forgets`: a confirmed record is gone."""

    measurement_id: int
    forgets = False

    def characteristics(self) -> list[Characteristic[Any]]:
        self._measured = self.measurement(self.measurement_id, PROPERTIES.INDICATE)
        return [self._measured]

    def on_ready(self, characteristic: int) -> None:
        if characteristic == self.measurement_id:
            self.do(self._push())

    async def _push(self) -> None:
        for record in list(self.memory.records):
            if not await self.indicate(self._measured, record.octets):
                return
            if record.context and not await self.indicate(self._measured, bytes.fromhex(record.context)):
                return
            if self.forgets:
                self.memory.forget(record.number)
        self.memory.downloaded()
        # The hub still reads who we are; a real cuff, too, waits a moment before it switches its radio off.
        await asyncio.sleep(0.5)
        await self.hang_up()


class Scale(Pusher):
    """A scale that forgets what has been confirmed. One of its records was published (codepudding.com 444507)."""

    name, model, service, measurement_id = "SIM Scale", "SIM-WS1", wss.SERVICE, wss.WeightMeasurement.uuid
    forgets = True
    ONLY_WITH_RECORDS = True
    PUBLISHED = "033412e007021903311c"

    def fill(self, numbers: Numbers, randomness: random.Random, count: int = 3) -> None:
        start = self.time() - timedelta(days=count)
        self._add(numbers(), bytes.fromhex(self.PUBLISHED))
        for day in range(count):
            value = wss.WeightMeasurement(
                wss.Flags.TIMESTAMP | wss.Flags.USER_ID,
                Decimal(randomness.randrange(13000, 17000)) * Decimal("0.005"),
                timestamp=DateTime.of(start + timedelta(days=day, seconds=randomness.randrange(3600))),
                user_id=1,
            )
            self._add(numbers(), value.encode())

    def _add(self, number: int, data: bytes) -> None:
        said = wss.WeightMeasurement.decode(data)
        self.memory.add(
            Stored(
                number,
                data.hex(),
                expected=[
                    {"type": "weight", "time": str(said.timestamp), "values": {"weight": shown(said.weight)}},
                ],
            )
        )


class BodyScale(Pusher):
    """A scale that measures the body's impedance, and forgets what has been confirmed. Every second reading takes two packets.

    The first record was published (KristianP26/ble-scale-sync); its clock had not been set.
    """

    name, model, service, measurement_id = "SIM Body Scale", "SIM-BC1", bcs.SERVICE, bcs.BodyCompositionMeasurement.uuid
    forgets = True
    ONLY_WITH_RECORDS = True
    PUBLISHED = "0604fa000000000000000001803e"

    def characteristics(self) -> list[Characteristic[Any]]:
        return [*super().characteristics(), self.fixed(bcs.BodyCompositionFeature.uuid, b"\xff\x07\x00\x00")]

    def fill(self, numbers: Numbers, randomness: random.Random, count: int = 4) -> None:
        self._add(numbers(), bcs.BodyCompositionMeasurement.decode(bytes.fromhex(self.PUBLISHED)), None)
        start = self.time() - timedelta(days=count)
        for day in range(count):
            fat, mass = Decimal(randomness.randrange(150, 400)).scaleb(-1), Decimal(randomness.randrange(4000, 7000)) * Decimal("0.005")
            flags = bcs.Flags.TIMESTAMP | bcs.Flags.USER_ID
            moment = DateTime.of(start + timedelta(days=day, seconds=randomness.randrange(3600)))
            if day % 2:
                flags |= bcs.Flags.MULTIPLE_PACKET
                second = bcs.BodyCompositionMeasurement(bcs.Flags.MULTIPLE_PACKET | bcs.Flags.MUSCLE_MASS, fat, muscle_mass=mass)
                self._add(numbers(), bcs.BodyCompositionMeasurement(flags, fat, moment, 1), second)
            else:
                whole = bcs.BodyCompositionMeasurement(flags | bcs.Flags.MUSCLE_MASS, fat, moment, 1, muscle_mass=mass)
                self._add(numbers(), whole, None)

    def _add(self, number: int, said: bcs.BodyCompositionMeasurement, second: bcs.BodyCompositionMeasurement | None) -> None:
        time, mass = str(said.timestamp), (second or said).muscle_mass
        values = {"fat-percent": said.body_fat, "muscle-mass": mass}
        expected = [
            {"type": "body-composition", "time": time, "values": {name: shown(value)}}
            for name, value in values.items()
            if value is not None
        ]
        if said.weight is not None:
            expected.append({"type": "weight", "time": time, "values": {"weight": shown(said.weight)}})
        self.memory.add(Stored(number, said.encode().hex(), context=second.encode().hex() if second else None, expected=expected))


class Cuff(Pusher):
    """A cuff that bonds by passkey and pushes its whole memory every time, oldest first; its clock is 6 minutes behind.

    Published captures: Stack Overflow 78168365; derdilla/blood-pressure-monitor-fl@17aba3d0 (two).
    """

    name, model, service, measurement_id = "SIM Cuff", "SIM-BP1", bls.SERVICE, bls.BloodPressureMeasurement.uuid
    secure = True
    CLOCK_BEHIND = timedelta(minutes=6)
    PUBLISHED = ("def6f416f3ff07e4070114082b00b2f2018000", "167c0056006100e807060f11111b33000000", "167c0056006100e807060f11111b33001000")

    def characteristics(self) -> list[Characteristic[Any]]:
        return [*super().characteristics(), self.fixed(bls.BloodPressureFeature.uuid, b"\x3f\x00")]

    def fill(self, numbers: Numbers, randomness: random.Random, count: int = 4) -> None:
        for text in self.PUBLISHED[:2]:
            self._add(numbers(), bytes.fromhex(text))
        start = self.time() - timedelta(days=1)
        for number in range(count):
            systolic = randomness.randrange(105, 150)
            # The last two are equal in one minute, to the second: two measurements all the same.
            moment = start + timedelta(hours=min(number, count - 2))
            value = self._value(DateTime.of(moment), systolic) if number < count - 1 else None
            self._add(numbers(), value.encode() if value else self.memory.records[-1].octets)

    @staticmethod
    def _value(moment: DateTime, systolic: int) -> bls.BloodPressureMeasurement:
        return bls.BloodPressureMeasurement(
            bls.Flags.TIMESTAMP | bls.Flags.PULSE_RATE | bls.Flags.USER_ID | bls.Flags.STATUS,
            Decimal(systolic),
            Decimal(systolic - 42),
            Decimal(systolic - 28),
            moment,
            Decimal(60 + systolic % 20),
            1,
            bls.Status(0),
        )

    def _add(self, number: int, data: bytes) -> None:
        said = bls.BloodPressureMeasurement.decode(data)
        values = {
            name: shown(value)
            for name, value in (("systolic", said.systolic), ("diastolic", said.diastolic), ("pulse", said.pulse_rate))
            if isinstance(value, Decimal)
        }
        self.memory.add(Stored(number, data.hex(), expected=[{"type": "blood-pressure", "time": str(said.timestamp), "values": values}]))


class Thermometer(Pusher):
    """A thermometer without a clock: it holds the last temperature until somebody has confirmed it."""

    name, model, service, measurement_id = "SIM Thermometer", "SIM-HT1", hts.SERVICE, hts.TemperatureMeasurement.uuid
    forgets = True
    CLOCK_BEHIND = None
    ONLY_WITH_RECORDS = True

    def take(self, number: int, temperature: Decimal) -> None:
        value = hts.TemperatureMeasurement(hts.Flags.TYPE, temperature, type=hts.TemperatureSite.EAR)
        self.memory.add(
            Stored(
                number,
                value.encode().hex(),
                expected=[
                    {"type": "vital-signs", "time": None, "values": {"temperature": shown(temperature)}},
                ],
            )
        )

"""A virtual sensor of the generic kind: what it has observed says by codes what it is, stored or live, in segments."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bumble.core import UUID
from bumble.gatt import Characteristic, Service

from gateway.simulator.keeper import RecordKeeper
from gateway.simulator.memory import Stored, plain
from gateway.simulator.peripheral import PROPERTIES
from gateway.simulator.pushers import Numbers
from profiles import acom
from profiles.acom_writer import encode
from profiles.gatt import elapsed_time as ets
from profiles.gatt import generic_health_sensor as ghss
from profiles.gatt import reconnection_configuration as rcs
from profiles.gatt.record_access import Operator, RecordAccessControlPoint
from profiles.segments import split

TEMPERATURE, PRESSURE, SYSTOLIC, DIASTOLIC, SATURATION = 150364, 150020, 150021, 150022, 150456
PEAK_FLOW, DEVICE_STATUS, SIGNAL_POOR = 152584, 150604, 150605
"""The last three have no thing-type of their own in the gateway."""
CELSIUS, MMHG, PERCENT, LITRES_PER_MINUTE = 6048, 3872, 544, 3072
ROOM = 20


class HealthSensor(RecordKeeper):
    """Its clock is an Elapsed Time in UTC, two hours east. It forgets nothing."""

    name, model, service = "SIM Health Sensor", "SIM-GH1", ghss.SERVICE
    combines = True
    QUARTERS = 8
    PAUSE = 0.3

    def characteristics(self) -> list[Characteristic[Any]]:
        self._live = self.measurement(ghss.LiveHealthObservations.uuid, PROPERTIES.NOTIFY)
        self._stored = self.measurement(ghss.StoredHealthObservations.uuid, PROPERTIES.NOTIFY)
        types = (TEMPERATURE, PRESSURE, SATURATION, PEAK_FLOW, DEVICE_STATUS)
        features = ghss.HealthSensorFeatures(ghss.Features(0), len(types), b"".join(one.to_bytes(4, "little") for one in types))
        self._control: Characteristic[Any] = self.control_point(ghss.GHSControlPoint.uuid, self._controlled)
        security = ghss.LEGATTSecurityLevels((ghss.Requirement(ghss.Mode.ENCRYPTION, 1),))
        return [
            *(self._live, self._stored, self._control, self.point),
            self.fixed(ghss.HealthSensorFeatures.uuid, features.encode()),
            self.fixed(ghss.LEGATTSecurityLevels.uuid, security.encode()),
        ]

    def further_services(self) -> list[Service]:
        self._settings = self.measurement(rcs.RCSettings.uuid, PROPERTIES.NOTIFY)
        feature = rcs.RCFeature(0xFFFF, rcs.Feature.READY_FOR_DISCONNECT)
        return [Service(UUID.from_16_bits(rcs.SERVICE), [self.fixed(rcs.RCFeature.uuid, feature.encode()), self._settings])]

    def clock_service(self) -> Service:
        def show() -> bytes:
            now = self._elapsed(self.time())
            status, able = ets.ClockStatus(0), ets.ClockCapabilities(0)
            return ets.CurrentElapsedTime(now.flags, now.time_value, now.sync_source, now.offset, status, able).encode()

        return Service(UUID.from_16_bits(ets.SERVICE), [self.shown(ets.CurrentElapsedTime.uuid, show)])

    def _elapsed(self, local: datetime) -> ets.ElapsedTime:
        """`local` is what a clock shows two hours east of UTC, wherever the house is: the gateway corrects by the difference."""
        seconds = int((local - ets.EPOCH).total_seconds()) - self.QUARTERS * 900
        flags = ets.Flags.UTC | ets.Flags.OFFSET_USED | ets.Flags.CURRENT_TIMELINE
        return ets.ElapsedTime(flags, seconds, ets.SyncSource.MANUAL, self.QUARTERS)

    def fill(self, numbers: Numbers, randomness: random.Random) -> None:
        start = self.time().replace(microsecond=0) - timedelta(days=2)
        for hour in range(3):
            self._numeric(numbers(), start + timedelta(hours=hour), TEMPERATURE, Decimal(randomness.randrange(360, 395)) / 10, CELSIUS)
        systolic = randomness.randrange(110, 150)
        parts = tuple(
            acom.Component(code, acom.Numeric(Decimal(value), MMHG)) for code, value in ((SYSTOLIC, systolic), (DIASTOLIC, systolic - 40))
        )
        said = self._observation(acom.Class.COMPOUND, start + timedelta(hours=4), PRESSURE, parts)
        values = {"systolic": str(systolic), "diastolic": str(systolic - 40)}
        self._add(numbers(), said, [{"type": "blood-pressure", "values": values}])
        for hour in range(5, 7):
            self._numeric(numbers(), start + timedelta(hours=hour), PEAK_FLOW, Decimal(randomness.randrange(300, 600)), LITRES_PER_MINUTE)
        said = self._observation(acom.Class.DISCRETE, start + timedelta(hours=8), DEVICE_STATUS, acom.Discrete(SIGNAL_POOR))
        coded = {"mdc": str(DEVICE_STATUS), "terms": str(SIGNAL_POOR)}
        self._add(numbers(), said, [{"type": "coded-observation", "values": coded}])

    def _observation(self, kind: acom.Class, moment: datetime, code: int, value: Any) -> acom.Observation:
        return acom.Observation(observation_class=kind, flags=acom.Flags(0), type=code, timestamp=self._elapsed(moment), value=value)

    def _numeric(self, number: int, moment: datetime, code: int, value: Decimal, unit: int) -> None:
        said = self._observation(acom.Class.NUMERIC, moment, code, acom.Numeric(value, unit))
        own = {"type": "vital-signs", "values": {"temperature": plain(value)}}
        coded = {"type": "coded-observation", "values": {"mdc": str(code), "value": plain(value)}}
        self._add(number, said, [own if code == TEMPERATURE else coded])

    def _add(self, number: int, said: acom.Observation, expected: list[dict[str, Any]]) -> None:
        moment = said.timestamp.local_time if said.timestamp else None
        self.memory.add(Stored(number, encode(said).hex(), expected=[{"time": str(moment), **one} for one in expected]))

    def chosen(self, command: RecordAccessControlPoint) -> list[Stored]:
        """They are numbered from 1."""
        least = int.from_bytes(command.operand[1:5], "little") if command.operand else 0
        return self.memory.records[-1 if command.operator == Operator.LAST_RECORD else max(0, least - 1) :]

    async def report(self, command: RecordAccessControlPoint) -> bool:
        chosen = self.chosen(command)
        for record in chosen:
            number = self.memory.records.index(record) + 1
            for segment in split(number.to_bytes(4, "little") + record.octets, ROOM):
                await self.notify(self._stored, segment)
        if command.operator != Operator.LAST_RECORD:
            self.do(self._ready())
        return bool(chosen)

    async def _ready(self) -> None:
        """Said a moment after the report, if nobody asks for more."""
        await asyncio.sleep(self.PAUSE)
        await self.notify(self._settings, rcs.RCSettings(3, rcs.Settings.READY_FOR_DISCONNECT).encode())

    def delete(self, command: RecordAccessControlPoint) -> bool:  # noqa: ARG002 - it never does
        return False

    async def _controlled(self, request: bytes) -> None:
        if request[:1] != bytes((ghss.OpCode.ENABLE_LIVE_OBSERVATIONS,)):
            await self.indicate(self._control, bytes((ghss.OpCode.RESPONSE_CODE + 1,)))
            return
        await self.indicate(self._control, bytes((ghss.OpCode.RESPONSE_CODE,)))
        # What was stored last is said live as well: it is one record.
        for segment in split(self.memory.records[-1].octets, ROOM):
            await self.notify(self._live, segment)

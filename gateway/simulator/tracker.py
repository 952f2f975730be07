"""A virtual activity monitor: it tells which sessions it has, and the steps of each one that it is asked for. It forgets nothing."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

from bumble.core import UUID
from bumble.gatt import Characteristic, Service

from gateway.simulator.memory import Stored
from gateway.simulator.peripheral import PROPERTIES, Peripheral
from gateway.simulator.pushers import Numbers
from profiles.gatt import device_time as dts
from profiles.gatt import physical_activity as pams

EPOCH = datetime(2000, 1, 1, tzinfo=UTC).timestamp()


class Tracker(Peripheral):
    """Three ended walks, and one that is under way."""

    name, model, service = "SIM Tracker", "SIM-PA1", pams.SERVICE

    def characteristics(self) -> list[Characteristic[Any]]:
        self._steps = self.measurement(pams.StepCounterActivitySummaryData.uuid, PROPERTIES.NOTIFY)
        self._session = self.measurement(pams.PhysicalActivitySessionDescriptor.uuid, PROPERTIES.INDICATE)
        self._control = self.control_point(pams.PhysicalActivityMonitorControlPoint.uuid, self._controlled)
        features = pams.PhysicalActivityMonitorFeatures(pams.Features.NORMAL_WALKING_STEPS | pams.Features.DISTANCE)
        return [self._steps, self._session, self._control, self.fixed(pams.PhysicalActivityMonitorFeatures.uuid, features.encode())]

    def clock_service(self) -> Service:
        """Its clock is a Device Time: seconds of UTC since 2000, here with no zone."""

        def show() -> bytes:
            seconds = int(self._now().timestamp() - EPOCH)
            status = dts.Status.UTC_ALIGNED | dts.Status.EPOCH_YEAR_2000
            return dts.DeviceTime(seconds, 0, 0, status).encode()

        return Service(UUID.from_16_bits(dts.SERVICE), [self.shown(dts.DeviceTime.uuid, show)])

    def fill(self, numbers: Numbers, randomness: random.Random, count: int = 3) -> None:
        for session in range(1, count + 1):
            steps = randomness.randrange(500, 9000)
            flags = pams.StepFlags.NORMAL_WALKING_STEPS | pams.StepFlags.DISTANCE | pams.StepFlags.WORN_DURATION
            said = pams.StepCounterActivitySummaryData(
                3, flags, session, 0, 3600, session, normal_walking_steps=steps, distance=steps * 7 // 10, worn_duration=3600
            )
            values = {"activity": "walk", "steps": str(steps), "distance": str(steps * 7 // 10)}
            truth = {"type": "exercise", "time": None, "sequence_number": session, "values": values}
            self.memory.add(Stored(numbers(), said.encode().hex(), expected=[truth]))

    async def _controlled(self, request: bytes) -> None:
        said = pams.PhysicalActivityMonitorControlPoint.decode(request)
        if said.opcode == pams.OpCode.ENQUIRE_SESSIONS:
            for session in range(1, len(self.memory.records) + 2):
                under_way = session > len(self.memory.records)
                status = pams.SessionStatus.IN_PROGRESS if under_way else pams.SessionStatus.COMPLETE
                described = pams.PhysicalActivitySessionDescriptor(session, status, pams.Activity.WALK)
                if not await self.indicate(self._session, described.encode()):
                    return
            await self._say(pams.OpCode.ENQUIRE_SESSIONS_SUCCESS_RESPONSE)
        elif said.opcode == pams.OpCode.GET_ENDED_SESSION_DATA:
            wanted = int.from_bytes(said.parameter, "little")
            for record in self.memory.records:
                if pams.StepCounterActivitySummaryData.decode(record.octets).session_id == wanted:
                    await self.notify(self._steps, record.octets)
            await self._say(pams.OpCode.GET_ENDED_SESSION_DATA_SUCCESS_RESPONSE)

    async def _say(self, opcode: pams.OpCode) -> None:
        self.free(pams.PhysicalActivityMonitorControlPoint.uuid)
        await self.indicate(self._control, bytes((opcode,)))

"""A virtual insulin pump: it tells its history, every value with a counter and a CRC, and refuses to be steered because it cannot be."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

from bumble.gatt import Characteristic

from gateway.simulator.memory import Stored
from gateway.simulator.peripheral import PROPERTIES, Peripheral
from gateway.simulator.pushers import Numbers, shown
from profiles.crc import e2e_crc
from profiles.gatt import insulin_delivery as ids
from profiles.gatt import insulin_history as history
from profiles.times import DateTime
from profiles.wire import Layout


class Pump(Peripheral):
    """Its history: a reference time, boluses, and its state, which changed between them."""

    name, model, service = "SIM Pump", "SIM-ID1", ids.SERVICE
    _counter = 0

    def characteristics(self) -> list[Characteristic[Any]]:
        self._history = self.measurement(ids.IDDHistoryData.uuid, PROPERTIES.NOTIFY)
        self._changed = self.measurement(ids.IDDStatusChanged.uuid, PROPERTIES.INDICATE)
        self._point = self.control_point(ids.IDDRecordAccessControlPoint.uuid, self._asked)
        plain = ids.IDDFeatures(0, 1, Decimal(100), ids.Feature.E2E_PROTECTION | ids.Feature.FAST_BOLUS).encode()
        status = ids.IDDStatus(ids.TherapyControlState.RUN, ids.OperationalState.READY, Decimal(140), ids.StatusFlags.RESERVOIR_ATTACHED)
        low = ids.IDDAnnunciationStatus(
            ids.AnnunciationFlags.ANNUNCIATION, 1, ids.AnnunciationType.RESERVOIR_LOW, ids.AnnunciationState.PENDING
        )
        return [
            *(self._history, self._changed, self._point),
            self.fixed(ids.IDDFeatures.uuid, e2e_crc(plain[2:]).to_bytes(2, "little") + plain[2:]),
            self.shown(ids.IDDStatus.uuid, lambda: self._protected(status.encode())),
            self.shown(ids.IDDAnnunciationStatus.uuid, lambda: self._protected(low.encode())),
        ]

    def _protected(self, plain: bytes) -> bytes:
        self._counter = self._counter % 255 + 1
        return history.protected(plain, self._counter)

    def fill(self, numbers: Numbers, randomness: random.Random) -> None:
        start = self.time().replace(microsecond=0) - timedelta(hours=12)
        reference = history.ReferenceTime(history.RecordingReason.PERIODIC_RECORDING, DateTime.of(start), 0, 0)
        self._add(numbers(), ids.HistoryEvent.REFERENCE_TIME, 0, reference, [])
        for index in range(1, 5):
            seconds, tenths = 3600 * index, randomness.randrange(10, 60)
            event = ids.HistoryEvent.BOLUS_DELIVERED_PART_1
            bolus = history.BolusDelivered(index, history.BolusType.FAST, Decimal(tenths).scaleb(-1), Decimal(0), 0)
            truth = {"type": "insulin-injection-use", "values": {"amount": shown(Decimal(tenths).scaleb(-1))}}
            self._add(numbers(), event, seconds, bolus, [self._at(start, seconds, index + 1, truth)])
        coded = {"type": "coded-observation", "values": {"mdc": "None", "text": "therapy_control_state_changed"}}
        octets = bytes((ids.TherapyControlState.PAUSE, ids.TherapyControlState.RUN))
        self._add(numbers(), ids.HistoryEvent.THERAPY_CONTROL_STATE_CHANGED, 20000, octets, [self._at(start, 20000, 6, coded)])

    @staticmethod
    def _at(start: Any, seconds: int, number: int, truth: dict[str, Any]) -> dict[str, Any]:
        return {"time": str(DateTime.of(start + timedelta(seconds=seconds))), "sequence_number": number, **truth}

    def _add(self, number: int, event: ids.HistoryEvent, seconds: int, said: Layout | bytes, expected: list[dict[str, Any]]) -> None:
        octets = said if isinstance(said, bytes) else said.encode()
        plain = ids.IDDHistoryData(event, len(self.memory.records) + 1, seconds, octets).encode()
        self.memory.add(Stored(number, plain.hex(), expected=expected))

    async def _asked(self, request: bytes) -> None:
        said = ids.IDDRecordAccessControlPoint.decode(history.unprotected(request)[0])
        least = int.from_bytes(said.operand[1:5], "little") if said.operand else 1
        records = self.memory.records[-1 if said.operator == ids.RecordOperator.LAST_RECORD else max(0, least - 1) :]
        if said.opcode == ids.RecordOpCode.REPORT_NUMBER_OF_STORED_RECORDS:
            number = len(records).to_bytes(4, "little")
            await self._say(bytes((ids.RecordOpCode.NUMBER_OF_STORED_RECORDS_RESPONSE, ids.RecordOperator.NULL)) + number)
            return
        if said.opcode == ids.RecordOpCode.REPORT_STORED_RECORDS:
            for record in records:
                await self.notify(self._history, self._protected(record.octets))
        await self._say(bytes((ids.RecordOpCode.RESPONSE_CODE, ids.RecordOperator.NULL, said.opcode, history.SUCCESS)))

    async def _say(self, answer: bytes) -> None:
        self.free(ids.IDDRecordAccessControlPoint.uuid)
        await self.indicate(self._point, self._protected(answer))

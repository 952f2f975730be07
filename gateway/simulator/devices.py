"""Virtual devices that are asked for their records: a meter, a cuff, a sensor, an oximeter. Published octets where there are any."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bumble.gatt import Characteristic

from gateway.simulator.keeper import RecordKeeper
from gateway.simulator.memory import Stored
from gateway.simulator.peripheral import PROPERTIES
from gateway.simulator.pushers import Numbers, shown
from profiles.crc import append_crc, strip_crc
from profiles.gatt import blood_pressure as bls
from profiles.gatt import cgm as cgms
from profiles.gatt import cgm_control as socp
from profiles.gatt import glucose as gls
from profiles.gatt import pulse_oximeter as plxs
from profiles.gatt.record_access import Operator, RecordAccessControlPoint
from profiles.segments import split
from profiles.times import DateTime


class Meter(RecordKeeper):
    """A glucose meter with 20 records. Two fall in one minute with equal values; one gets its meal mark only later.

    Two records were published by owners: an Accu-Chek Guide (Stack Overflow 63340809) and a meter that counts in mol/L
    (nordicsemi/Android-BLE-Library issue 130); they come with their own numbers and times.
    """

    name, model, service = "SIM Meter", "SIM-GL1", gls.SERVICE
    PUBLISHED = ("070100e3070815061f0db4003bc0f1", "1b0400e407070e0b06055a0277b0f80000")
    LATE, WITH_CONTEXT, TWINS = 9, (4, 5, 12), (14, 15)

    def characteristics(self) -> list[Characteristic[Any]]:
        self._measured = self.measurement(gls.GlucoseMeasurement.uuid, PROPERTIES.NOTIFY)
        self._context = self.measurement(gls.GlucoseMeasurementContext.uuid, PROPERTIES.NOTIFY)
        return [self._measured, self._context, self.fixed(gls.GlucoseFeature.uuid, b"\xff\x03"), self.point]

    def fill(self, numbers: Numbers, randomness: random.Random, count: int = 20) -> None:
        start = self.time().replace(second=0, microsecond=0) - timedelta(hours=7 * count + 100)
        for number in range(1, count + 1):
            published = {1: self.PUBLISHED[0], 4: self.PUBLISHED[1]}.get(number)
            data = bytes.fromhex(published) if published else self._value(number, start, randomness).encode()
            said = gls.GlucoseMeasurement.decode(data)
            self._add(numbers(), said, data)

    def _value(self, number: int, start: datetime, randomness: random.Random) -> gls.GlucoseMeasurement:
        twin = number == self.TWINS[1]
        moment = start + timedelta(hours=7 * (number - 1 if twin else number))
        flags = gls.Flags.CONCENTRATION | gls.Flags.TIME_OFFSET
        if number in (*self.WITH_CONTEXT, self.LATE):
            flags |= gls.Flags.CONTEXT_FOLLOWS
        milligrams = 118 if number in self.TWINS else randomness.randrange(70, 190)
        return gls.GlucoseMeasurement(
            flags,
            number,
            DateTime.of(moment),
            0,
            Decimal(milligrams).scaleb(-5),
            gls.Sample(gls.SampleType.CAPILLARY_WHOLE_BLOOD, gls.SampleLocation.FINGER),
        )

    def _add(self, number: int, said: gls.GlucoseMeasurement, data: bytes) -> None:
        value = said.mg_per_dl if said.mg_per_dl is not None else said.mmol_per_l
        context = gls.GlucoseMeasurementContext(gls.ContextFlags.MEAL, said.sequence_number, meal=gls.Meal.FASTING)
        late = said.sequence_number == self.LATE
        self.memory.add(
            Stored(
                number,
                data.hex(),
                context=context.encode().hex() if said.context_follows else None,
                context_after=1 if late else 0,
                expected=[
                    {
                        "type": "blood-glucose",
                        "time": str(said.timestamp),
                        "sequence_number": said.sequence_number,
                        "values": {"glucose": shown(value) if value is not None else ""},
                        **({"versions": 2, "meal": "fasting"} if late else {}),
                    }
                ],
            )
        )

    async def report(self, command: RecordAccessControlPoint) -> bool:
        records = self.chosen(command)
        for record in records:
            await self.notify(self._measured, record.octets)
            if record.context and self.memory.downloads >= record.context_after:
                await self.notify(self._context, bytes.fromhex(record.context))
        if command.operator != Operator.LAST_RECORD:
            self.memory.downloaded()
        return bool(records)

    def delete(self, command: RecordAccessControlPoint) -> bool:
        records = self.chosen(command)
        with self.memory.together():
            for record in records:
                self.memory.forget(record.number)
        return bool(records)

    def chosen(self, command: RecordAccessControlPoint) -> list[Stored]:
        def number(record: Stored) -> int:
            return gls.GlucoseMeasurement.decode(record.octets).sequence_number

        ordered = sorted(self.memory.records, key=number)
        limit = int.from_bytes(command.operand[1:3], "little") if command.operand else 0
        if command.operator == Operator.LAST_RECORD:
            return ordered[-1:]
        if command.operator == Operator.GREATER_THAN_OR_EQUAL_TO:
            return [record for record in ordered if number(record) >= limit]
        if command.operator == Operator.LESS_THAN_OR_EQUAL_TO:
            return [record for record in ordered if number(record) <= limit]
        return ordered


class StoringCuff(RecordKeeper):
    """A cuff of version 1.1: it stores enhanced readings, reports them in two segments each, with CRC, and shows the last one anew."""

    name, model, service = "SIM Cuff 1.1", "SIM-BP2", bls.SERVICE
    ROOM = 13
    """Octets of a segment's body: what a packet of 20 leaves beside its head and CRC."""

    def characteristics(self) -> list[Characteristic[Any]]:
        self._legacy = self.measurement(bls.BloodPressureMeasurement.uuid, PROPERTIES.INDICATE)
        self._enhanced = self.measurement(bls.EnhancedBloodPressureMeasurement.uuid, PROPERTIES.INDICATE)
        self._record = self.measurement(bls.BloodPressureRecord.uuid, PROPERTIES.NOTIFY)
        feature = bls.BloodPressureFeature(bls.Feature.E2E_CRC | bls.Feature.USER_FACING_TIME).encode()
        return [self._legacy, self._enhanced, self._record, self.fixed(bls.BloodPressureFeature.uuid, feature), self.point]

    def on_ready(self, characteristic: int) -> None:
        if characteristic == bls.EnhancedBloodPressureMeasurement.uuid:
            self.do(self._show())

    async def _show(self) -> None:
        await self.indicate(self._enhanced, self.memory.records[-1].octets)

    def fill(self, numbers: Numbers, randomness: random.Random, count: int = 6) -> None:
        start = self.time().replace(microsecond=0) - timedelta(hours=7 * count)
        flags = bls.EnhancedFlags.PULSE_RATE | bls.EnhancedFlags.USER_ID | bls.EnhancedFlags.USER_FACING_TIME
        for index in range(count):
            systolic, moment = randomness.randrange(105, 150), start + timedelta(hours=7 * index)
            value = bls.EnhancedBloodPressureMeasurement(
                flags | bls.EnhancedFlags.EPOCH_2000,
                *(Decimal(systolic), Decimal(systolic - 42), Decimal(systolic - 28)),
                pulse_rate=Decimal(60 + systolic % 20),
                user_id=1,
                user_facing_seconds=int((moment - bls.EPOCH_2000).total_seconds()),
            )
            values = {"systolic": str(systolic), "diastolic": str(systolic - 42), "pulse": str(60 + systolic % 20)}
            expected = {"type": "blood-pressure", "time": str(DateTime.of(moment)), "values": values}
            self.memory.add(Stored(numbers(), value.encode().hex(), expected=[expected]))

    def chosen(self, command: RecordAccessControlPoint) -> list[Stored]:
        """They are numbered from 1."""
        least = int.from_bytes(command.operand[1:3], "little") if command.operand else 0
        return self.memory.records[-1 if command.operator == Operator.LAST_RECORD else max(0, least - 1) :]

    async def report(self, command: RecordAccessControlPoint) -> bool:
        chosen = self.chosen(command)
        for record in chosen:
            number = self.memory.records.index(record) + 1
            for segment in split(record.octets, 1 + self.ROOM):
                head = bls.BloodPressureRecord(segment[0], number, bls.EnhancedBloodPressureMeasurement.uuid, segment[1:])
                await self.notify(self._record, append_crc(head.encode()))
        return bool(chosen)

    def delete(self, command: RecordAccessControlPoint) -> bool:  # noqa: ARG002 - it never does
        return False


class Sensor(RecordKeeper):
    """A continuous glucose sensor: a value every five minutes, two to a notification, each with its CRC. It forgets nothing."""

    name, model, service = "SIM Sensor", "SIM-CG1", cgms.SERVICE
    MINUTES = 5
    FEATURE = cgms.CGMFeature.of(
        cgms.Feature.E2E_CRC | cgms.Feature.TREND, cgms.Sample(gls.SampleType.INTERSTITIAL_FLUID, cgms.SampleLocation.SUBCUTANEOUS_TISSUE)
    )

    def characteristics(self) -> list[Characteristic[Any]]:
        self._measured = self.measurement(cgms.CGMMeasurement.uuid, PROPERTIES.NOTIFY)
        self._control = self.control_point(socp.CGMSpecificOpsControlPoint.uuid, self._controlled)
        began = datetime.fromisoformat(self.memory.records[0].expected[0]["time"])
        plain = cgms.CGMSessionStartTime(DateTime.of(began), 0, 0).encode()
        return [
            self._measured,
            self.fixed(cgms.CGMFeature.uuid, self.FEATURE.encode()),
            self.fixed(cgms.CGMSessionStartTime.uuid, append_crc(plain)),
            self.fixed(cgms.CGMStatus.uuid, append_crc(cgms.CGMStatus(0, cgms.Status(0)).encode())),
            self.fixed(cgms.CGMSessionRunTime.uuid, append_crc(cgms.CGMSessionRunTime(240).encode())),
            self.point,
            self._control,
        ]

    async def _controlled(self, request: bytes) -> None:
        opcode = strip_crc(request)[0]
        answer = bytes((socp.OpCode.RESPONSE_CODE, opcode, socp.ResponseCode.OP_CODE_NOT_SUPPORTED))
        if opcode == socp.OpCode.GET_COMMUNICATION_INTERVAL:
            answer = bytes((socp.OpCode.COMMUNICATION_INTERVAL_RESPONSE, self.MINUTES))
        self.free(socp.CGMSpecificOpsControlPoint.uuid)
        await self.indicate(self._control, append_crc(answer))

    def fill(self, numbers: Numbers, randomness: random.Random, count: int = 15) -> None:
        began = self.time().replace(microsecond=0) - timedelta(minutes=self.MINUTES * count)
        for index in range(count):
            value, trend = Decimal(randomness.randrange(70, 190)), Decimal(randomness.randrange(-20, 20)).scaleb(-1)
            flags, offset = cgms.Flags.TREND, index * self.MINUTES
            plain = cgms.CGMRecord(10, flags, value, offset, trend=trend).encode()
            expected = {
                "type": "blood-glucose",
                "time": str(DateTime.of(began + timedelta(minutes=offset))),
                "sequence_number": offset,
                "values": {"glucose": shown(value)},
            }
            self.memory.add(Stored(numbers(), append_crc(plain).hex(), expected=[expected]))

    def chosen(self, command: RecordAccessControlPoint) -> list[Stored]:
        least = int.from_bytes(command.operand[1:3], "little") if command.operand else 0
        return [record for record in self.memory.records if cgms.CGMRecord.decode(record.octets).time_offset >= least]

    async def report(self, command: RecordAccessControlPoint) -> bool:
        chosen = [record.octets for record in self.chosen(command)]
        for at in range(0, len(chosen), 2):
            await self.notify(self._measured, b"".join(chosen[at : at + 2]))
        self.memory.downloaded()
        return bool(chosen)

    def delete(self, command: RecordAccessControlPoint) -> bool:  # noqa: ARG002 - it never does
        return False


class Oximeter(RecordKeeper):
    """An oximeter that stores spot checks. One was published from a ChoiceMMed whose clock had not been set
    (Stack Overflow 71264072), one by StanfordSpezi/SpeziBluetooth@c52a6375.
    """

    name, model, service = "SIM Oximeter", "SIM-PO1", plxs.SERVICE
    PUBLISHED = ("1761006000e10701010122132000200000", "0facf3bef5e8070b1d170839204022000066e3")

    def characteristics(self) -> list[Characteristic[Any]]:
        self._measured = self.measurement(plxs.PLXSpotCheckMeasurement.uuid, PROPERTIES.INDICATE)
        return [self._measured, self.fixed(plxs.PLXFeatures.uuid, b"\x0c\x00"), self.point]

    def fill(self, numbers: Numbers, randomness: random.Random, count: int = 2) -> None:
        for text in self.PUBLISHED:
            self._add(numbers, bytes.fromhex(text))
        start = self.time() - timedelta(hours=count)
        for hour in range(count):
            value = plxs.PLXSpotCheckMeasurement(
                plxs.SpotFlags.TIMESTAMP,
                Decimal(randomness.randrange(94, 100)),
                Decimal(randomness.randrange(55, 95)),
                timestamp=DateTime.of(start + timedelta(hours=hour)),
            )
            self._add(numbers, value.encode())

    def _add(self, numbers: Numbers, data: bytes) -> None:
        said = plxs.PLXSpotCheckMeasurement.decode(data)
        time = str(said.timestamp)
        assert isinstance(said.spo2, Decimal) and isinstance(said.pulse_rate, Decimal)  # noqa: S101, PT018 - we chose them ourselves
        number = numbers()
        self.memory.add(
            Stored(
                number,
                data.hex(),
                expected=[
                    {"type": "blood-oxygen-saturation", "time": time, "values": {"saturation": shown(said.spo2)}},
                    {"type": "heart-rate", "time": time, "values": {"rate": shown(said.pulse_rate)}},
                ],
            )
        )

    def chosen(self, command: RecordAccessControlPoint) -> list[Stored]:
        return list(self.memory.records) if command.operator == Operator.ALL_RECORDS else []

    async def report(self, command: RecordAccessControlPoint) -> bool:
        records = self.chosen(command)
        for record in records:
            if not await self.indicate(self._measured, record.octets):
                break
        return bool(records)

    def delete(self, command: RecordAccessControlPoint) -> bool:
        had = bool(self.memory.records)
        for record in list(self.memory.records):
            self.memory.forget(record.number)
        return had and command.operator == Operator.ALL_RECORDS

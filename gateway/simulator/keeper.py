"""What all virtual devices share that are asked for their records: the record access control point."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Any

from bumble.att import ATT_Error, AttributeValueV2
from bumble.core import UUID
from bumble.gatt import Characteristic

from gateway.simulator.memory import Stored
from gateway.simulator.peripheral import CCCD_NOT_CONFIGURED, IN_PROGRESS, PERMISSIONS, PROPERTIES, Peripheral
from profiles.gatt.record_access import OpCode, Operator, RecordAccessControlPoint, ResponseCode


class RecordKeeper(Peripheral, ABC):
    """A device with a record access control point. Subclasses report and delete. `combines`: it tells at the end how many it has sent."""

    combines = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._answering: asyncio.Task[None] | None = None
        self.point: Characteristic[Any] = Characteristic(
            UUID.from_16_bits(RecordAccessControlPoint.uuid),
            PROPERTIES.WRITE | PROPERTIES.INDICATE,
            PERMISSIONS.WRITEABLE,
            AttributeValueV2(write=self._asked),
        )
        self.point.on("subscription", lambda _bearer, _notify, indicate: self._on_subscription(RecordAccessControlPoint.uuid, indicate))

    @abstractmethod
    def chosen(self, command: RecordAccessControlPoint) -> list[Stored]:
        """The records that are meant, in the order in which they are reported."""

    @abstractmethod
    async def report(self, command: RecordAccessControlPoint) -> bool:
        """Send what is asked for; whether there was any."""

    @abstractmethod
    def delete(self, command: RecordAccessControlPoint) -> bool:
        """Whether there was anything to forget."""

    def _asked(self, _bearer: object, value: bytes) -> None:
        command = RecordAccessControlPoint.decode(value)
        if not self.subscribed(RecordAccessControlPoint.uuid):
            raise ATT_Error(CCCD_NOT_CONFIGURED)
        if self._answering is not None and not self._answering.done():
            if command.opcode != OpCode.ABORT_OPERATION:
                raise ATT_Error(IN_PROGRESS)
            self._answering.cancel()
        self._answering = self.do(self._answer(command))

    async def _answer(self, command: RecordAccessControlPoint) -> None:
        found = True
        if command.opcode == OpCode.REPORT_STORED_RECORDS:
            found = await self.report(command)
        elif command.opcode == OpCode.REPORT_NUMBER_OF_STORED_RECORDS:
            number = len(self.chosen(command))
            await self._say(bytes((OpCode.NUMBER_OF_STORED_RECORDS_RESPONSE, Operator.NULL)) + number.to_bytes(2, "little"))
            return
        elif command.opcode == OpCode.COMBINED_REPORT and self.combines:
            number = len(self.chosen(command))
            await self.report(command)
            await self._say(bytes((OpCode.COMBINED_REPORT_RESPONSE, Operator.NULL)) + number.to_bytes(4, "little"))
            return
        elif command.opcode == OpCode.DELETE_STORED_RECORDS:
            found = self.delete(command)
        elif command.opcode != OpCode.ABORT_OPERATION:
            await self._respond(command.opcode, ResponseCode.OP_CODE_NOT_SUPPORTED)
            return
        await self._respond(command.opcode, ResponseCode.SUCCESS if found else ResponseCode.NO_RECORDS_FOUND)

    async def _respond(self, opcode: int, code: ResponseCode) -> None:
        await self._say(bytes((OpCode.RESPONSE_CODE, Operator.NULL, opcode, code)))

    async def _say(self, answer: bytes) -> None:
        self._answering = None  # over once it is said: the hub may ask again before its confirmation has come back
        await self.indicate(self.point, answer)

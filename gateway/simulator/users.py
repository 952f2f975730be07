"""A virtual scale with users: it shows one user's records at a time, to whoever knows the consent code, and forgets what is confirmed."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

from bumble.core import UUID
from bumble.gatt import Characteristic, Service

from gateway.simulator.memory import Stored
from gateway.simulator.peripheral import PROPERTIES, Peripheral
from gateway.simulator.pushers import Numbers, shown
from profiles.gatt import user_control as ucp
from profiles.gatt import user_data as uds
from profiles.gatt import weight_scale as wss
from profiles.times import DateTime


class UserScale(Peripheral):
    """Two users, and room for a third, who may be registered. `truth` of a user's record is due only when his code is known."""

    name, model, service = "SIM Family Scale", "SIM-WS2", wss.SERVICE
    CODES = {1: 1111, 2: 2222}  # noqa: RUF012 - never changed
    MOST_USERS = 3
    ONLY_WITH_RECORDS = True

    def characteristics(self) -> list[Characteristic[Any]]:
        self._measured = self.measurement(wss.WeightMeasurement.uuid, PROPERTIES.INDICATE)
        return [self._measured]

    def further_services(self) -> list[Service]:
        self._control = self.control_point(ucp.UserControlPoint.uuid, self._controlled)
        increment = self.fixed(uds.DatabaseChangeIncrement.uuid, uds.DatabaseChangeIncrement(1).encode())
        index = self.shown(uds.UserIndex.uuid, lambda: uds.UserIndex(self._user).encode())
        return [Service(UUID.from_16_bits(uds.SERVICE), [self._control, increment, index])]

    def on_gone(self) -> None:
        self._user = ucp.NO_USER

    _user = ucp.NO_USER

    @property
    def codes(self) -> dict[int, int]:
        """Registered ones are kept beside the records."""
        path = self.memory.beside("users")
        added = json.loads(path.read_text()) if path.exists() else {}
        return self.CODES | {int(user): code for user, code in added.items()}

    def _register(self, code: int) -> int | None:
        free = [user for user in range(1, self.MOST_USERS + 1) if user not in self.codes]
        if not free:
            return None
        self.memory.beside("users").write_text(json.dumps({str(free[0]): code}))
        return free[0]

    def fill(self, numbers: Numbers, randomness: random.Random, count: int = 2) -> None:
        start = self.time().replace(microsecond=0) - timedelta(days=count)
        for user in self.CODES:
            for day in range(count):
                weight = Decimal(randomness.randrange(10000, 17000)) * Decimal("0.005")
                moment = DateTime.of(start + timedelta(days=day, minutes=user))
                value = wss.WeightMeasurement(wss.Flags.TIMESTAMP | wss.Flags.USER_ID, weight, timestamp=moment, user_id=user)
                expected = {"type": "weight", "time": str(moment), "values": {"weight": shown(weight)}}
                self.memory.add(Stored(numbers(), value.encode().hex(), expected=[expected]))

    async def _controlled(self, request: bytes) -> None:
        said = ucp.UserControlPoint.decode(request)
        value, parameter = ucp.ResponseValue.OP_CODE_NOT_SUPPORTED, b""
        if said.opcode == ucp.OpCode.CONSENT:
            wanted = ucp.Consent.decode(said.parameter)
            known = self.codes.get(wanted.user_index) == wanted.consent_code
            value = ucp.ResponseValue.SUCCESS if known else ucp.ResponseValue.USER_NOT_AUTHORIZED
            self._user = wanted.user_index if known else ucp.NO_USER
        elif said.opcode == ucp.OpCode.REGISTER_NEW_USER:
            user = self._register(ucp.Registration.decode(said.parameter).consent_code)
            value = ucp.ResponseValue.SUCCESS if user is not None else ucp.ResponseValue.OPERATION_FAILED
            parameter = bytes((user,)) if user is not None else b""
        answer = ucp.Response(said.opcode, value, parameter)
        await self.indicate(self._control, bytes((ucp.OpCode.RESPONSE_CODE,)) + answer.encode())
        if value == ucp.ResponseValue.SUCCESS and said.opcode == ucp.OpCode.CONSENT:
            self.do(self._show(self._user))

    async def _show(self, user: int) -> None:
        for record in list(self.memory.records):
            if wss.WeightMeasurement.decode(record.octets).user_id == user:
                if not await self.indicate(self._measured, record.octets):
                    return
                self.memory.forget(record.number)

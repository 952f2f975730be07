"""The users of a device that keeps their data to itself until it is given their consent code (User Data Profile).

Source: User Data Service 1.1, 3.2 and 3.3; User Data Profile 1.0, 4.4 and 4.5. Codes are secrets: no sentence has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drivers.kit import steps
from drivers.kit.declare import Command
from drivers.kit.links import Frame, GattLink
from drivers.kit.readings import Notice
from drivers.standard import control
from profiles.gatt.user_control import NO_USER, OpCode, ResponseValue, UserControlPoint, consent, register
from profiles.gatt.user_data import DatabaseChangeIncrement

POINT = UserControlPoint.uuid
COMMANDS = (
    Command(POINT, bytes((OpCode.CONSENT,))),
    Command(POINT, bytes((OpCode.REGISTER_NEW_USER,)), registers=True),
)


class Users:
    """Those whose codes are known: by the owner's word, or because they were registered by us in an earlier session."""

    def __init__(self, link: GattLink, mark: Mapping[str, Any]) -> None:
        self._link = link
        self._registered = {int(user): int(code) for user, code in mark.get("registered", {}).items()}
        self._increments = {str(user): int(count) for user, count in mark.get("increments", {}).items()}
        self._notices: list[Notice] = []
        self._has_changed = False

    @property
    def known(self) -> dict[int, int]:
        return self._registered | dict(self._link.policy.consent)

    def mark_if_changed(self) -> dict[str, Any] | None:
        """Once for each change."""
        if not self._has_changed:
            return None
        self._has_changed = False
        return {"registered": {str(user): code for user, code in self._registered.items()}, "increments": dict(self._increments)}

    def notices_once(self) -> tuple[Notice, ...]:
        found, self._notices = tuple(self._notices), []
        return found

    async def register(self) -> list[Frame]:
        """Make a user of our own, if the owner permits it and none is known. What came meanwhile is given back."""
        code = self._link.policy.register
        if self.known:
            return []
        if code is None:
            self._tell("consent-needed", "it keeps its users' data to itself: give their codes under consent, or permit register_user")
            return []
        answer, others = await self._ask(register(code), OpCode.REGISTER_NEW_USER)
        parameter = answer.response.response_parameter if answer is not None and answer.response is not None else b""
        if _is_success(answer) and parameter and parameter[0] != NO_USER:
            self._registered[parameter[0]] = code
            self._has_changed = True
        else:
            self._tell("register-refused", "it makes no new user: perhaps it has as many as it can hold")
        return others

    async def admit(self, user: int) -> tuple[bool, list[Frame]]:
        """Whether the device shows the data of this user from here on; and what came meanwhile."""
        answer, others = await self._ask(consent(user, self.known[user]), OpCode.CONSENT)
        if not _is_success(answer):
            said = "does not answer to" if answer is None else "refuses"
            self._tell(f"consent-refused-{user}", f"it {said} the consent code of user {user}")
            return False, others
        said_increment, _ = await steps.read(self._link, DatabaseChangeIncrement)
        if said_increment is not None and self._increments.get(str(user)) != said_increment.change_increment:
            self._increments[str(user)] = said_increment.change_increment
            self._has_changed = True
        return True, others

    async def _ask(self, request: bytes, opcode: OpCode) -> tuple[UserControlPoint | None, list[Frame]]:
        def answers(said: UserControlPoint) -> bool:
            return said.response is not None and said.response.request_opcode == opcode

        return await control.ask(self._link, UserControlPoint, request, answers)

    def _tell(self, code: str, text: str) -> None:
        self._notices.append(Notice(code, text))


def _is_success(answer: UserControlPoint | None) -> bool:
    return answer is not None and answer.response is not None and answer.response.response_value == ResponseValue.SUCCESS

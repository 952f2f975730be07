"""Scales that keep the data of their users to themselves."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from drivers import Batch, Notice, Silent, Weight
from drivers.kit.capture import Record
from drivers.kit.replay import ReplayLink
from drivers.standard.weight_scale import DRIVER
from profiles.gatt import body_composition as bcs
from profiles.gatt import weight_scale as wss
from profiles.times import DateTime
from tests.support.replaying import readings, replayed

REFUSED = 5


def opening(mark: dict[str, Any] | None = None, **policy: Any) -> Record:
    return Record(kind="open", session="1", time=1.7e9, extra={"chars": ["2A9D", "2A9F", "2A99"], "policy": policy, "mark": mark or {}})


def answer(opcode: int, value: int = 1, parameter: str = "") -> Record:
    return rx(0x2A9F, bytes((0x20, opcode, value)) + bytes.fromhex(parameter))


def rx(characteristic: int, data: bytes, at: float = 1.7e9) -> Record:
    return Record(kind="rx", session="1", characteristic=characteristic, data=data, time=at)


def weight(user: int, minute: int) -> Record:
    flags = wss.Flags.TIMESTAMP | wss.Flags.USER_ID
    said = wss.WeightMeasurement(flags, Decimal(60 + user), timestamp=DateTime(2026, 3, 1, 8, minute, 0), user_id=user)
    return rx(0x2A9D, said.encode())


IDLE = Record(kind="idle", session="1", time=1.7e9)
INCREMENT = Record(kind="rd", session="1", characteristic=0x2A99, data=b"\x07\x00\x00\x00", time=1.7e9)


def notices(batches: list[Batch]) -> list[str]:
    return [item.code for batch in batches for item in batch.items if isinstance(item, Notice)]


def users(batches: list[Batch]) -> list[int | None]:
    return [item.user_index for item in readings(batches) if isinstance(item, Weight)]


def written(link: ReplayLink) -> list[str]:
    return [data.hex() for _, data in link.written]


def marks(batches: list[Batch]) -> list[Any]:
    return [batch.mark for batch in batches if batch.mark is not None]


def test_each_users_code_is_given_in_turn() -> None:
    given = [opening(consent={"1": 1111, "2": 2222}), INCREMENT, answer(2), weight(1, 1), IDLE, answer(2), weight(2, 2), weight(2, 3), IDLE]
    batches, link, error = replayed(DRIVER, given)
    assert error is None
    assert written(link) == ["02015704", "0202ae08"]
    assert users(batches) == [1, 2, 2]
    assert notices(batches) == []
    assert marks(batches) == [{"registered": {}, "increments": {"1": 7}}]


def test_a_wrong_code_is_told_and_the_others_are_read() -> None:
    given = [opening(consent={"1": 1111, "2": 2222}), answer(2, REFUSED), answer(2), weight(2, 2), IDLE]
    batches, _, error = replayed(DRIVER, given)
    assert error is None
    assert (users(batches), notices(batches)) == ([2], ["consent-refused-1"])


def test_without_any_code_the_owner_is_told() -> None:
    batches, link, _ = replayed(DRIVER, [opening(), weight(9, 1)])
    assert written(link) == []
    assert notices(batches) == ["consent-needed"]
    assert users(batches) == [9], "what it shows all the same counts"


def test_a_user_of_our_own_is_registered_once_and_kept() -> None:
    given = [opening(register=4321), INCREMENT, answer(1, 1, "03"), answer(2), weight(3, 1), IDLE]
    batches, link, error = replayed(DRIVER, given)
    assert error is None
    assert written(link) == ["01e110", "0203e110"]
    assert users(batches) == [3]
    kept = marks(batches)[-1]
    assert kept == {"registered": {"3": 4321}, "increments": {"3": 7}}
    again, link, _ = replayed(DRIVER, [opening(kept, register=1), INCREMENT, answer(2), weight(3, 2), IDLE])
    assert written(link) == ["0203e110"], "with the code of then, and no second user"
    assert marks(again) == [], "and the user's data have not changed meanwhile"


def test_a_device_that_is_full_says_so() -> None:
    for said in (answer(1, 4), answer(1, 1, "ff"), answer(1, 1)):
        batches, link, _ = replayed(DRIVER, [opening(register=4321), said])
        assert notices(batches) == ["register-refused"]
        assert written(link) == ["01e110"]


def test_without_the_owners_word_nobody_is_registered() -> None:
    command = DRIVER.allowed(0x2A9F, bytes.fromhex("01e110"))
    assert command is not None
    assert command.registers
    assert DRIVER.allowed(0x2A9F, b"\x03") is None, "deleting a user's data is on no list"
    assert DRIVER.allowed(0x2A9F, b"\x05\x01") is None


def test_late_and_foreign_answers_are_passed_over() -> None:
    given = [opening(consent={"1": 1111}), answer(1), weight(1, 1), answer(2), weight(1, 2), IDLE]
    batches, _, error = replayed(DRIVER, given)
    assert error is None
    assert users(batches) == [1, 1]
    assert notices(batches) == []


def test_an_answer_that_never_comes_is_not_waited_for() -> None:
    """A scale that sends on and on, and does not say whether it consents."""
    sent = [rx(0x2A9D, weight(1, minute).data, 1.7e9 + 10 * minute) for minute in range(6)]
    batches, _, error = replayed(DRIVER, [opening(consent={"1": 1111}), *sent])
    assert error is None
    assert notices(batches) == ["consent-refused-1"]
    assert len(users(batches)) == 6


def test_half_a_reading_is_given_out_before_the_next_user_is_asked_for() -> None:
    """The link may be gone by then, and a scale that forgets has been told that the half arrived."""

    class Going(ReplayLink):
        async def write(self, characteristic: int, data: bytes) -> None:
            if self.written:
                raise Silent("the connection is gone")
            await super().write(characteristic, data)

    flags = bcs.Flags.TIMESTAMP | bcs.Flags.USER_ID | bcs.Flags.MULTIPLE_PACKET
    half = bcs.BodyCompositionMeasurement(flags, Decimal("21.5"), DateTime(2026, 3, 1, 8, 0, 0), 1)
    extra = {"chars": ["2A9C", "2A9F"], "policy": {"consent": {"1": 1111, "2": 2222}}}
    link = Going([Record(kind="open", session="1", time=1.7e9, extra=extra), answer(2), rx(0x2A9C, half.encode()), IDLE])
    found: list[Batch] = []

    async def run() -> None:
        async for batch in DRIVER.read(link):
            found.append(batch)  # noqa: PERF401 - what came before an error counts

    with pytest.raises(Silent):
        asyncio.run(run())
    assert len(readings(found)) == 1

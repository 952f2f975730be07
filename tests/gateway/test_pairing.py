"""The desk: who may pair, where answers come from, and what is said when none comes."""

from __future__ import annotations

import asyncio

import pytest

from gateway.bonds import Event
from gateway.config import BluetoothSection, Config, DeviceSection
from gateway.pairing import Declined, Desk, Kind, NotAsked
from tests.support.fakes import until

A, B = "C1:00:00:00:00:01", "C1:00:00:00:00:02"


def desk(passkey: str | None = None, seconds: float = 5) -> Desk:
    return Desk(Config(device=(DeviceSection(address=A, passkey=passkey),), bluetooth=BluetoothSection(accept="any")), seconds=seconds)


async def asked(one: Desk, kind: Kind, answer: str, number: str | None = None) -> str:
    """What the device hears when a person answers so."""
    async with asyncio.TaskGroup() as group:
        question = group.create_task(one.ask(A, kind, number))
        await until(one.questions)
        one.answer(A, answer)
    return question.result()


@pytest.mark.parametrize("kind", list(Kind))
async def test_a_device_that_nobody_has_named_may_not_pair(kind: Kind) -> None:
    with pytest.raises(Declined, match="not named"):
        await desk().ask(B, kind)


async def test_one_that_pair_was_run_for_may() -> None:
    one = desk()
    one.invite(B)
    assert await one.ask(B, Kind.CONSENT) == "yes"


async def test_a_passkey_of_the_configuration_is_typed_and_taken_over_anew() -> None:
    one = desk("012345")
    assert await one.ask(A, Kind.TYPE) == "012345"
    one.reload(Config(device=(DeviceSection(address=A, passkey="999999"),)))
    assert await one.ask(A, Kind.TYPE) == "999999"


async def test_numbers_are_never_compared_by_the_configuration() -> None:
    """Nobody has looked at them."""
    with pytest.raises(Declined, match="nobody answered"):
        await desk("012345", seconds=0.05).ask(A, Kind.COMPARE, "012345")


@pytest.mark.parametrize(("typed", "taken"), [("482913", "482913"), ("482 913", "482913"), (" 7 ", "000007")])
async def test_a_person_types_a_number(typed: str, taken: str) -> None:
    assert await asked(desk(), Kind.TYPE, typed) == taken


@pytest.mark.parametrize(
    ("kind", "wrong"), [(Kind.TYPE, "1234567"), (Kind.TYPE, "12a"), (Kind.TYPE, ""), (Kind.COMPARE, "482913"), (Kind.COMPARE, "")]
)
async def test_what_is_no_answer_is_told_and_the_question_stays(kind: Kind, wrong: str) -> None:
    one = desk()
    question = asyncio.create_task(one.ask(A, kind, "482913"))
    await until(one.questions)
    with pytest.raises(ValueError, match=r"six digits|yes or no"):
        one.answer(A, wrong)
    assert not question.done()
    one.answer(A, "no")
    with pytest.raises(Declined, match="said no"):
        await question


async def test_a_person_compares() -> None:
    assert await asked(desk(), Kind.COMPARE, "Yes", "482913") == "yes"


async def test_nobody_answers() -> None:
    one = desk(seconds=0.05)
    with pytest.raises(Declined, match="nobody answered"):
        await one.ask(A, Kind.TYPE)
    assert one.questions() == []
    assert one.was_declined(A) is Event.UNANSWERED
    assert one.was_declined(A) is None, "told once"
    with pytest.raises(NotAsked):
        one.answer(A, "482913")


async def test_a_device_that_begins_anew_is_asked_for_anew() -> None:
    one = desk()
    first = asyncio.create_task(one.ask(A, Kind.COMPARE, "111111"))
    await until(one.questions)
    second = asyncio.create_task(one.ask(A, Kind.COMPARE, "222222"))
    await until(lambda: one.questions()[0]["number"] == "222222")
    assert first.cancelled() or await asyncio.gather(first, return_exceptions=True)
    one.answer(A, "yes")
    assert await second == "yes"
    assert one.questions() == []


async def test_followers_hear_of_what_is_asked_already_and_of_what_is_shown() -> None:
    one = desk()
    question = asyncio.create_task(one.ask(A, Kind.TYPE))
    await until(one.questions)
    news = one.follow(A)
    one.show(A, "482913")
    one.tell(B, {"event": "found"})
    assert news.get_nowait() == {"event": "question", "kind": "type", "number": None}
    assert news.get_nowait() == {"event": "question", "kind": "show", "number": "482913"}
    assert news.empty(), "another device is none of theirs"
    one.answer(A, "1")
    await question


async def test_a_device_may_be_listed_by_the_address_that_it_shows_since_it_is_bonded() -> None:
    lasting = {A: "C1:00:00:00:00:77", B: A}
    one = Desk(Config(device=(DeviceSection(address=A),)), lambda address: lasting.get(address, address))
    assert one.known_as(A) == A, "it is listed: what it was called before is over"
    assert one.known_as(B) == A
    assert one.known_as("C1:00:00:00:00:99") == "C1:00:00:00:00:99"


async def test_a_stranger_s_number_is_shown_to_nobody() -> None:
    one = desk()
    news = one.follow(B)
    one.show(B, "482913")
    assert news.empty()

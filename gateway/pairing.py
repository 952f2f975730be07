"""The desk where a pairing device's question meets its answer: the configuration's passkey, or a person at the terminal or the page.

Only a device that its owner has named may pair. bluetoothd waits 60 s for an answer; the desk gives up a little earlier, so that it is
we who say why.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

import structlog

from gateway.bonds import Event
from gateway.config import Config

log = structlog.get_logger()

ANSWER_SECONDS = 55.0
PASSKEY_DIGITS = 6


class Kind(enum.StrEnum):
    TYPE = "type"
    """The device shows a number, or has a fixed one in its booklet: it is typed here."""
    COMPARE = "compare"
    """Both show a number: a person says whether they are the same."""
    SHOW = "show"
    """We show a number: it is typed on the device. Nothing is answered here."""
    CONSENT = "consent"
    """There is no number at all."""


class Declined(Exception):
    """No answer, or no. The text is for the owner of the device."""


class NotAsked(Exception):
    """An answer for a device that asks nothing."""


@dataclass(slots=True)
class Question:
    kind: Kind
    number: str | None
    answer: asyncio.Future[str]

    def told(self) -> dict[str, Any]:
        return {"event": "question", "kind": self.kind.value, "number": self.number}


class Desk:
    """`known_as` gives the address by which a device was named that has another since it is bonded."""

    def __init__(self, config: Config, known_as: Callable[[str], str] = str, *, seconds: float = ANSWER_SECONDS) -> None:
        self._seconds, self._lasting = seconds, known_as
        self._invited: set[str] = set()
        self._questions: dict[str, Question] = {}
        self._followers: dict[str, WeakSet[asyncio.Queue[dict[str, Any]]]] = {}
        self._declined: dict[str, Event] = {}
        self.heard: Callable[[str, dict[str, Any]], None] = lambda _address, _event: None
        """Told whatever happens to any device's pairing."""
        self.reload(config)

    def reload(self, config: Config) -> None:
        self._passkeys = {device.address: device.passkey for device in config.radio_devices}

    def known_as(self, address: str) -> str:
        """The address by which its owner has named a device: this one, if it is listed, else the one that it had before."""
        return address if address in self._passkeys else self._lasting(address)

    def _is_named(self, address: str) -> bool:
        return address in self._passkeys or address in self._invited

    def invite(self, address: str) -> None:
        """Its owner has named it by hand, for as long as the daemon runs."""
        self._invited.add(address)

    # -- the device's side ---------------------------------------------------------------------------------------

    async def ask(self, address: str, kind: Kind, number: str | None = None) -> str:
        """The passkey for `TYPE`; what the others return means yes. Raises `Declined`."""
        if not self._is_named(address):
            log.warning("a device that nobody has named wants to pair; it may not", device=address)
            raise Declined("its owner has not named it in the configuration")
        if kind is Kind.CONSENT:
            return "yes"
        known = self._passkeys.get(address)
        if kind is Kind.TYPE and known is not None:
            return known
        return await self._asked_a_person(address, kind, number)

    async def _asked_a_person(self, address: str, kind: Kind, number: str | None) -> str:
        if (before := self._questions.pop(address, None)) is not None:
            before.answer.cancel()  # the device has begun anew
        self._declined.pop(address, None)
        question = Question(kind, number, asyncio.get_running_loop().create_future())
        self._questions[address] = question
        log.warning("a device waits for its pairing", device=address, cure=f"run: health-gateway pair {address}")
        self.tell(address, question.told())
        try:
            async with asyncio.timeout(self._seconds):
                answer = await question.answer
        except TimeoutError as error:
            self._declined[address] = Event.UNANSWERED
            raise Declined(f"nobody answered within {self._seconds:.0f} s") from error
        finally:
            if self._questions.get(address) is question:
                del self._questions[address]
        if not answer:
            self._declined[address] = Event.WRONG
            raise Declined("the person at the hub said no")
        return answer

    def show(self, address: str, number: str) -> None:
        """A number that is to be typed on the device."""
        if not self._is_named(address):
            return  # bluetoothd is told no when it asks
        log.warning("a device waits for a number to be typed on it", device=address, cure=f"run: health-gateway pair {address}")
        self.tell(address, {"event": "question", "kind": Kind.SHOW.value, "number": number})

    def was_declined(self, address: str) -> Event | None:
        """How the last pairing of this device ended at the hub, if it did; asked once."""
        return self._declined.pop(address, None)

    # -- the person's side ---------------------------------------------------------------------------------------

    def answer(self, address: str, text: str) -> None:
        """`text`: the passkey, or yes or no. Raises `NotAsked`, and `ValueError` with a sentence for what is no answer."""
        question = self._questions.get(address)
        if question is None or question.answer.done():
            raise NotAsked
        said = text.strip().lower()
        if said in ("n", "no"):
            question.answer.set_result("")
        elif question.kind is Kind.TYPE:
            digits = said.replace(" ", "")
            if not (digits.isascii() and digits.isdigit() and len(digits) <= PASSKEY_DIGITS):
                raise ValueError("a passkey has up to six digits")
            question.answer.set_result(digits.zfill(PASSKEY_DIGITS))
        elif said in ("y", "yes"):
            question.answer.set_result("yes")
        else:
            raise ValueError("answer yes or no")

    def questions(self) -> list[dict[str, Any]]:
        return [{"address": address, **question.told()} for address, question in self._questions.items()]

    def tell(self, address: str, event: dict[str, Any]) -> None:
        """Everybody who follows this device."""
        self.heard(address, event)
        for news in self._followers.get(address, ()):
            news.put_nowait(event)

    def follow(self, address: str) -> asyncio.Queue[dict[str, Any]]:
        """What happens to this device's pairing from here on, and the question that is open already; until nobody holds it any more."""
        news: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._followers.setdefault(address, WeakSet()).add(news)
        if address in self._questions:
            news.put_nowait(self._questions[address].told())
        return news

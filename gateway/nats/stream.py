"""Publishing to JetStream: many under way at once, each with its own answer.

Not by the library's `publish_async`: its 2.16 loses the answers that are errors, so that nothing ever comes of such a message.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg

NO_STREAM = -1
"""No number of JetStream's: nobody answers for the subject."""
TOO_LARGE = 10054
"""JSStreamMessageExceedsMaximumErr: larger than the stream permits a message to be."""


@dataclass(frozen=True, slots=True)
class Said:
    """`duplicate`: the stream had it, and dropped this copy. `error`: a number of JetStream's; 0 if there is none."""

    duplicate: bool = False
    error: int = 0
    description: str = ""


class Stream:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._inbox = client.new_inbox()
        self._answers: dict[str, Callable[[Said], None]] = {}
        self._count = 0

    async def open(self) -> None:
        await self._client.subscribe(f"{self._inbox}.*", cb=self._heard)

    async def publish(self, subject: str, payload: bytes, headers: dict[str, Any], answered: Callable[[Said], None]) -> None:
        """Raises the library's `Error`, `MaxPayloadError` among them; there is no answer then."""
        self._count += 1
        name = str(self._count)
        self._answers[name] = answered
        try:
            await self._client.publish(subject, payload, reply=f"{self._inbox}.{name}", headers=headers)
        except BaseException:
            del self._answers[name]
            raise

    async def _heard(self, message: Msg) -> None:
        answered = self._answers.pop(message.subject.rsplit(".", 1)[1], None)
        if answered is not None:
            answered(_understood(message))


def _understood(message: Msg) -> Said:
    if (message.headers or {}).get("Status") == "503":
        return Said(error=NO_STREAM)
    try:
        told = json.loads(message.data)
        error = told.get("error")
        if error is None:
            return Said(duplicate=bool(told.get("duplicate")), error=0 if "stream" in told else 1)
        return Said(error=int(error.get("err_code") or error["code"]), description=str(error.get("description", "")))
    except (ValueError, LookupError, TypeError, AttributeError):
        return Said(error=1, description="its answer is none of JetStream's")

"""The words of `docs/queue.md`: topics, properties, receipts. Gateway and consumer both take them from here."""

from __future__ import annotations

import json
from urllib.parse import quote

CONTENT_TYPE = "application/json"


def topic_of(prefix: str, person: str | None, kind: str) -> str:
    """Where a thing goes: `…/person/<person>/<type>`, `…/unassigned/<type>`, or `…/device`. A person's name is percent-encoded."""
    if kind == "device":
        return f"{prefix}/device"
    if person is None:
        return f"{prefix}/unassigned/{kind}"
    return f"{prefix}/person/{quote(person, safe='')}/{kind}"


def filters_of(prefix: str) -> tuple[str, ...]:
    """What a consumer of everything subscribes to."""
    return (f"{prefix}/person/+/+", f"{prefix}/unassigned/+", f"{prefix}/device")


def receipt_topic(prefix: str, client_id: str) -> str:
    return f"{prefix}/receipt/{client_id}"


def correlation(thing_id: str, version: int) -> bytes:
    """What tells which thing a receipt is for."""
    return f"{thing_id}/{version}".encode()


def receipt(refused: str | None = None) -> bytes:
    """The payload of a receipt: the consumer has the thing for good, or will not have it, and why."""
    return json.dumps({"refused": refused} if refused else {"stored": True}).encode()


def refusal_in(payload: bytes) -> str | None:
    """The reason in a receipt that refuses; None if the thing is stored. Raises `ValueError` for what is no receipt."""
    said = json.loads(payload)
    if isinstance(said, dict) and said.get("stored") is True:
        return None
    if isinstance(said, dict) and isinstance(said.get("refused"), str):
        return str(said["refused"])
    raise ValueError("no receipt")

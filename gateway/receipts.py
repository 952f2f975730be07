"""What a consumer says of a thing that it was sent (docs/queue.md): the same words over MQTT and over NATS."""

from __future__ import annotations

import json


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

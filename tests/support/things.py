"""Candidates for the journal without a device, of `size` octets each."""

from __future__ import annotations

import hashlib
import json

from gateway.journal import Candidate


def candidate(
    name: str, content: str = "", *, quality: int = 4, kind: str = "weight", size: int = 600, person: str | None = None, position: int = 0
) -> Candidate:
    thing_id = hashlib.sha256(name.encode()).hexdigest()[:32]
    text = content or name

    def render(version: int) -> str:
        body = json.dumps(
            {"schema": 1, "id": thing_id, "version": version, "type": kind, "name": name, "content": text}
            | ({"person": person} if person else {})
        )
        return body[:-1] + ', "room": "' + "x" * (size - len(body) - 12) + '"}'

    return Candidate(thing_id, kind, hashlib.sha256(text.encode()).digest()[:16], quality, position, render)

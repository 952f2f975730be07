"""The words of `docs/queue.md`: topics and properties. Gateway and consumer both take them from here."""

from __future__ import annotations

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

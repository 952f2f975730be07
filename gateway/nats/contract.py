"""The words of `docs/queue.md` for NATS: subjects and headers. Gateway and consumer both take them from here."""

from __future__ import annotations

from urllib.parse import quote

MESSAGE_ID = "Nats-Msg-Id"
"""By it the server knows what it has had already, for as long as the stream's window is."""
EXPECTED_STREAM = "Nats-Expected-Stream"
"""Another stream will not have it."""
RECEIPT_TO = "health-gateway-receipt"
"""Where a receipt is wanted, and which thing a receipt is for."""
THING = "health-gateway-thing"


def subject_of(prefix: str, person: str | None, kind: str) -> str:
    """Where to: `….person.<person>.<type>`, `….unassigned.<type>`, or `….device`. A person's name is percent-encoded; dots, too."""
    if kind == "device":
        return f"{prefix}.device"
    if person is None:
        return f"{prefix}.unassigned.{kind}"
    return f"{prefix}.person.{quote(person, safe='').replace('.', '%2E')}.{kind}"


def subjects_of(prefix: str) -> list[str]:
    """What a stream of everything takes."""
    return [f"{prefix}.person.*.*", f"{prefix}.unassigned.*", f"{prefix}.device"]


def receipt_subject(prefix: str, client_id: str) -> str:
    return f"{prefix}.receipt.{client_id}"

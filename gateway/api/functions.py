"""What can be asked of a journal, whether its daemon runs or not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.encryption import NO_KEYS, Keys
from gateway.exports import FORMATS, signed
from gateway.journal import Rejection, Row
from gateway.journal.reading import read_all, read_latest, read_signed


def export(journal: Path, kind: str, since: str | None, keys: Keys = NO_KEYS) -> Iterator[str]:
    """The journal in format `kind`; `since` is an ISO date or time, and things taken before it are left out.

    `signed` is always whole: with things left out, nobody could say that none were taken out. HealthVault's form
    has the latest version of each thing, the others have all.
    """
    if kind == "signed":
        return signed.lines(read_signed(journal, keys))
    rows = read_latest(journal, keys) if kind == "healthvault-xml" else read_all(journal, keys)
    if since:
        rows = _since(rows, datetime.fromisoformat(since).astimezone())
    return FORMATS[kind](rows)


def _since(rows: Iterator[Row], earliest: datetime) -> Iterator[Row]:
    for row in rows:
        if datetime.fromisoformat(json.loads(row.body)["when"]["time"]) >= earliest:
            yield row


def rejection(item: Rejection) -> dict[str, Any]:
    """A rejected frame with everything that a test vector needs."""
    return {
        "position": item.position,
        "session": item.session,
        "device": item.address,
        "driver": item.driver,
        "uuid": f"{item.characteristic:04X}",
        "bytes": item.data.hex(),
        "error": item.error,
        "received": item.at,
    }

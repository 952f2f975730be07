"""What this gateway is called where it sends to: record services know its things, its patients' pseudonyms and its queue by that name."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

import structlog

from gateway.journal import Journal
from gateway.whole import write_whole

log = structlog.get_logger()
FILE = "gateway.id"
_META = "gateway-id"


async def gateway_id(state: Path, journal: Journal) -> str:
    """Made at the first start. It stands in the journal and beside it, so that it outlives a journal that is lost. Raises `OSError`."""
    path, noted = state / FILE, journal.meta(_META)
    beside = path.read_text("ascii", "replace").strip() if path.exists() else ""
    if not re.fullmatch("[0-9a-f]{8}", beside):
        beside = ""
    if noted and beside and noted != beside:
        log.warning("the journal and gateway.id name this gateway differently; the journal counts", journal=noted, file=beside)
    known = noted or beside or secrets.token_hex(4)
    if not noted:
        await journal.set_meta(_META, known)
    if beside != known:
        write_whole(path, f"{known}\n".encode())
    return known

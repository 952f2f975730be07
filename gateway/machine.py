"""Whether this state directory is still on the machine that it was on: a card that was copied makes two gateways of one name."""

from __future__ import annotations

import hashlib
from pathlib import Path

import structlog

from gateway.journal import Journal

log = structlog.get_logger()
_META = "machine"


def fingerprint(root: Path = Path("/")) -> str | None:
    """Of a Raspberry Pi its serial number, of others the addresses of their network cards; None where there is neither (a container)."""
    serial = root / "proc/device-tree/serial-number"
    if serial.exists():
        known = serial.read_bytes().strip(b"\0 \n")
    else:
        cards = sorted(path for path in (root / "sys/class/net").glob("*") if (path / "device").exists())
        known = b"".join(sorted((card / "address").read_bytes().strip() for card in cards))
    return hashlib.sha256(known).hexdigest()[:32] if known else None


async def recognise(journal: Journal, root: Path = Path("/")) -> bool:
    """Note where we are. False, with a warning, if that is somewhere else than before."""
    try:
        here = fingerprint(root)
    except OSError:
        here = None
    before = journal.meta(_META)
    if here is None or before == here:
        return True
    await journal.set_meta(_META, here)
    if not before:
        return True
    log.warning(
        "this state directory was on another machine before (or this one has other network cards now); if that one still runs, both send "
        "under one name and sign with one key: let one of them begin with an empty state directory"
    )
    return False

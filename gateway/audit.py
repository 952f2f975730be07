"""Who did what, and when: a log that shows what was taken out of it.

Entries stand in a chain, each behind the one before it, signed where the gateway signs (`gateway.provenance`). No health value is in any:
devices, persons, sinks, numbers of things, and what was asked for.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from gateway.errors import JournalError
from gateway.filing import SessionFacts
from gateway.journal import Journal

log = structlog.get_logger()

Note = Callable[..., None]
"""What has happened, and its particulars by name."""


class Audit:
    """`now`: seconds since 1970."""

    def __init__(self, journal: Journal, now: Callable[[], float]) -> None:
        self._journal, self._now = journal, now
        self._writing: set[asyncio.Task[None]] = set()
        self.mark = ""
        """How far it goes, as its last entry said. Written down elsewhere, it shows whether the end was cut off."""

    def note(self, what: str, **particulars: Any) -> None:
        """At once, in order; it is on the medium a moment later."""
        at = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        body = json.dumps({"at": at, "what": what, **particulars}, separators=(",", ":"))
        task = asyncio.get_running_loop().create_task(self._write(what, body))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write(self, what: str, body: str) -> None:
        try:
            self.mark = await self._journal.note(body)
        except JournalError as error:
            log.error("the audit log could not be written", entry=what, problem=str(error))

    def configured(self, path: Path | None) -> None:
        """Which configuration counts from now on, by the SHA-256 of its file."""
        if path is not None and path.exists():
            self.note("configuration", sha256=hashlib.sha256(path.read_bytes()).hexdigest())

    def read(self, facts: SessionFacts) -> None:
        """A session has ended."""
        if facts.things:
            self.note("read", device=facts.address, identity=facts.identity, driver=facts.driver, things=facts.things)

    def pairing(self, address: str, event: dict[str, Any]) -> None:
        if event["event"] in ("paired", "failed"):
            self.note(event["event"], device=address, why=event.get("why"))

    def delivered(self, cursors: Mapping[str, int]) -> None:
        """How far each sink has come."""
        for sink, cursor in cursors.items():
            self.note("delivered", sink=sink, up_to=cursor)

    async def settle(self) -> None:
        """Wait until everything is written."""
        while self._writing:
            await asyncio.wait(self._writing)

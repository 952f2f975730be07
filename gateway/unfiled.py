"""Sessions whose frames are in intake and whose things are not all in the journal: where a replay has to begin, and the replay while the
daemon lives.
"""

from __future__ import annotations

import asyncio
import contextlib

from drivers.kit.capture import Record
from gateway.errors import JournalError
from gateway.filing import Filing
from gateway.intake import Intake
from gateway.journal import Journal
from gateway.registry import Registry
from gateway.replay import work_off


class Unfiled:
    """By session: the position in intake at which it begins."""

    def __init__(self, intake: Intake, journal: Journal, registry: Registry, filing: Filing) -> None:
        self._intake, self._journal, self._registry, self._filing = intake, journal, registry, filing
        self._open: dict[str, int] = {}
        self._waiting: dict[str, int] = {}
        self._at_next_start: dict[str, int] = {}
        self._refiling: dict[str, int] = {}
        """What has been taken out of there while it is worked on."""
        self._one_refiling = asyncio.Lock()

    def opened(self, session: str, position: int) -> None:
        self._open[session] = position

    def filed(self, session: str) -> None:
        """It is over, and everything of it is in the journal."""
        self._open.pop(session, None)

    def cut_off(self, session: str) -> None:
        """It is over, and perhaps not all of it is in the journal; one that has never been opened has nothing in intake."""
        if (position := self._open.pop(session, None)) is not None:
            self._waiting[session] = position

    def left(self, session: str, position: int) -> None:
        """Frames that came behind the end of a session make one of their own."""
        self._waiting[session] = position

    def failed(self, session: str) -> None:
        """Its driver did wrong: what it had taken is replayed at the next start, perhaps by a mended one."""
        if (position := self._open.pop(session, None)) is not None:
            self._at_next_start[session] = position
        self._waiting.pop(f"{session}+", None)

    def has(self, session: str) -> bool:
        return bool(self._waiting.keys() & {session, f"{session}+"})

    async def note_progress(self) -> None:
        """Everything before the oldest of them is worked off; a replay may begin there."""
        behind = (*self._open.values(), *self._waiting.values(), *self._at_next_start.values(), *self._refiling.values())
        position = min(behind, default=self._intake.position)
        with contextlib.suppress(JournalError):  # the next session notes it
            await self._journal.set_meta("worked_off", str(position))

    async def refile(self, has_room: bool) -> int:  # noqa: FBT001 - the disk's
        """Try again to file what the journal could not take; how many things that were."""
        async with self._one_refiling:
            waiting = {session: position for session, position in self._waiting.items() if session not in self._open}
            if not waiting or not has_room:
                return 0
            # Out of the list while it is worked on: another session may end meanwhile, and note how far all is filed.
            for session in waiting:
                del self._waiting[session]
            self._refiling, failed = waiting, True
            try:
                records = self._intake.read(min(waiting.values()))
                mine = (record for record in records if isinstance(record, Record) and record.session in waiting)
                outcome = await work_off(mine, self._registry, self._filing)
                failed = bool(outcome.failed)
            finally:
                self._refiling = {}
                if failed:
                    for session, position in waiting.items():
                        self._waiting[session] = min(position, self._waiting.get(session, position))
            if not failed:
                await self.note_progress()
            return outcome.things

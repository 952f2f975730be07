"""Erasing a person: out of the journal, the intake log, files that a sink has written, and backups.

In two steps. First everything of theirs is retracted, as a new version that every sink carries, so that whoever has it hears that it
does not count any more. When they have heard, it is erased here: rows are deleted and the file written anew, lines of the intake log are
overwritten where they stand (positions never change), lines of files left out. What stays is numbers and ids, so that a device that tells
it all again is not believed, and an entry in the audit log.
"""

from __future__ import annotations

import csv
import json
import os
import tarfile
import tempfile
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from drivers.kit.capture import Record, line
from gateway.encryption import NO_KEYS, Keys
from gateway.exports.csv import COLUMNS
from gateway.inbox import SAID
from gateway.intake import Intake, parsed, read, rewritten, segments
from gateway.journal import backup, purging
from gateway.journal.purging import Found
from gateway.web import accounts

FRAMES = ("rx", "rd")
Frame = tuple[int, bytes]
"""Characteristic and octets."""


@dataclass(slots=True)
class Erased:
    rows: int = 0
    lines: int = 0
    file_lines: int = 0


def erase(state: Path, person: str, files: Iterable[Path], keys: Keys = NO_KEYS) -> Erased:
    """No daemon may run. Raises `OSError`, `JournalError` and `Locked`; what is done is done, and done again it goes on."""
    erased = Erased()
    with purging.opened(state / "journal.db", keys) as connection:
        found = purging.find(connection, person)
        # The raw log first: without the rows nobody would know any more which of its lines these are.
        erased.lines = _blank_intake(state / "intake", found, keys)
        _say_so(state / "intake", found.ids, keys)
        erased.rows = purging.erase(connection, found)
    accounts.erase(state / accounts.FILE, person)
    for path in files:
        if path.exists():
            erased.file_lines += _rewrite(path, found.ids, set(found.numbers.values()), person)
    return erased


def erase_from_backup(file: Path, person: str, keys: Keys = NO_KEYS) -> Erased:
    """Raises `OSError`, `JournalError`, `tarfile.TarError` and `StateError`; the file stays as it was then."""
    with tempfile.TemporaryDirectory(dir=file.parent) as place:
        state = Path(place) / "state"
        state.mkdir(mode=0o700)
        with tarfile.open(file) as archive:
            archive.extractall(state, filter="data")
        erased = erase(state, person, [state / "things.ndjson"], keys)
        backup.backup(state, file)
    return erased


# -- the intake log ----------------------------------------------------------------------------------------------------


def _blank_intake(directory: Path, found: Found, keys: Keys) -> int:
    """Of devices that measure this person alone: every session. Of the others: sessions of which all things are theirs, and each frame, in
    whatever session, that says what a frame of theirs has said.
    """
    theirs = _theirs((record for record in read(directory, 0, keys) if isinstance(record, Record)), found)
    blanked = 0
    for start, path in segments(directory):
        with path.open("r+b") as file:
            position = start
            while raw := file.readline():
                # Damaged lines are somebody's, and nobody knows whose.
                record = next(parsed([raw], position, keys), None)
                if isinstance(record, Record) and _is_theirs(record, found, theirs):
                    file.seek(position - start)
                    file.write(_without(record, raw, found.ids, keys))
                    blanked += 1
                position += len(raw)
                file.seek(position - start)
            file.flush()
            os.fsync(file.fileno())
    return blanked


def _without(record: Record, raw: bytes, ids: set[str], keys: Keys) -> bytes:
    """As long as it was: an empty line, which is passed over; or what an owner said of other things as well."""
    others = [one for one in record.extra.get("ids", ()) if one not in ids]
    if not others:
        return b" " * (len(raw) - 1) + b"\n"
    text = line(replace(record, extra=record.extra | {"ids": others})).rpartition(b"\t")[0]
    return rewritten(raw, text, keys)


def _say_so(directory: Path, ids: set[str], keys: Keys) -> None:
    """So that they stay forgotten, should the journal be lost."""
    if ids:
        with closing(Intake(directory, keys=keys)) as intake:
            intake.append(Record(kind=SAID, session="", extra={"ids": sorted(ids), "purged": True}))
            intake.flush_now()


@dataclass(slots=True)
class _Theirs:
    whole: set[str]
    """Sessions of devices that measure nobody else."""
    said: set[str]
    """Sessions of other devices in which nothing is anybody else's: what was read of the device itself stays."""
    frames: set[Frame]


def _theirs(records: Iterable[Record], found: Found) -> _Theirs:
    addresses: dict[str, str] = {}
    mine, others = set[str](), set[str]()
    frames: set[Frame] = set()
    for record in records:
        if record.kind == "open":
            addresses[record.session] = str(record.extra.get("a", ""))
        if record.position in found.positions:
            mine.add(record.session)
            frames.add((record.characteristic, record.data))
        elif record.position in found.others:
            others.add(record.session)
    alone = {session for session, address in addresses.items() if address in found.addresses - found.shared}
    return _Theirs(alone, mine - others, frames)


def _is_theirs(record: Record, found: Found, theirs: _Theirs) -> bool:
    if record.kind == SAID:
        return bool(set(record.extra.get("ids", ())) & found.ids) and not record.extra.get("purged")
    if record.session in theirs.whole:
        return True
    if record.session in theirs.said and record.kind == "rx":
        return True
    return record.kind in FRAMES and (record.characteristic, record.data) in theirs.frames


# -- files -------------------------------------------------------------------------------------------------------------


def _rewrite(path: Path, mine: set[str], others: set[str], person: str) -> int:
    """Without the lines that are theirs. Whole, as it was or as it is to be."""
    gone = 0
    making = path.with_name(path.name + ".new")
    with path.open("rb") as source, making.open("wb") as target:
        os.fchmod(target.fileno(), path.stat().st_mode & 0o777)
        for raw in source:
            if _names(raw, mine, others, person):
                gone += 1
            else:
                target.write(raw)
        target.flush()
        os.fsync(target.fileno())
    making.replace(path)
    return gone


def _names(raw: bytes, mine: set[str], others: set[str], person: str) -> bool:
    """Of NDJSON, or of CSV as we write it."""
    try:
        if raw.startswith(b"{"):
            thing = json.loads(raw)
            called, owner = thing["id"], thing.get("person")
        else:
            columns = next(csv.reader([raw.decode("utf-8", "replace")]))
            called, owner = columns[0], columns[COLUMNS.index("person")]
    except (ValueError, LookupError, TypeError, StopIteration):
        return False
    return called in mine or (called in others and owner == person)

"""Bringing what is stored under the key that the configuration names now: at a start, before anybody reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import structlog

from drivers.kit.capture import with_checksum
from gateway import service
from gateway.encryption import Key, Keys
from gateway.errors import StateError
from gateway.intake import MOVED, fits, plain, position_in, segments
from gateway.journal.rekeying import Rekeyed, rekey
from gateway.whole import write_whole

log = structlog.get_logger()
PATIENCE_SECONDS = 3600
"""So long the service manager is to wait for a large journal on a slow card: cut off, it would begin again at each start."""


def bring_under(state: Path, keys: Keys) -> Rekeyed | None:
    """Call under the lock of the state directory, after `repair.check`. Cut off in the middle, it goes on the next time; no line and no
    thing is ever without a key that is named. None if all is as it should be. Raises `StateError`, `Locked` among them.
    """
    try:
        lines = _intake(state / "intake", keys, _ask_for_patience)
    except OSError as error:
        raise StateError(f"{state / 'intake'}: {error}; it could not be brought under another key: make room and start again") from error
    done = rekey(state / "journal.db", keys, _ask_for_patience)
    if lines or done is not None:
        log.info("what is stored was brought under another key", key=keys.current.name or "none", lines=lines, things=done and done.things)
        for aside in sorted(state.glob("damaged-*")):
            log.warning("this copy of a damaged journal stays as it was found; take it away when nobody needs it", path=str(aside))
    return done


def _ask_for_patience() -> None:
    service.notify(f"EXTEND_TIMEOUT_USEC={PATIENCE_SECONDS * 1_000_000}")


def _intake(directory: Path, keys: Keys, begin: Callable[[], None]) -> int:
    """How many lines were written anew. `begin` is called before any is."""
    count, listed = 0, segments(directory)
    for start, path in listed:
        if _is_current(path, keys):
            continue
        begin()
        old = path.read_bytes().splitlines(keepends=True)
        new = list(_lines(old, start, keys, moved=path.suffix == MOVED))
        target = path
        if path.suffix != MOVED and list(map(len, new)) != list(map(len, old)):
            target, new = path.with_suffix(MOVED), list(_lines(old, start, keys, moved=True))
            if start == listed[-1][0]:
                # What comes next has to be further back, and not in this one, where octets count no more.
                path.with_name(f"intake-{start + path.stat().st_size:016}.log").touch(mode=0o600)
        write_whole(target, b"".join(new))
        if target != path:
            path.unlink()
        count += len(new)
    return count


def _is_current(path: Path, keys: Keys) -> bool:
    """All lines of a segment have the same key, but for some that a command wrote after it had been changed: the first one tells."""
    with path.open("rb") as file:
        for raw in file:
            if raw.strip() and fits(raw):
                return keys.of(_stored(raw)).name == keys.current.name
    return True


def _stored(raw: bytes) -> bytes:
    text = raw.rpartition(b"\t")[0]
    return text.partition(b" ")[2] if raw.startswith(b"@") else text


def _lines(old: list[bytes], start: int, keys: Keys, *, moved: bool) -> Iterator[bytes]:
    """Damaged ones, too: what can still be read in them is as worth hiding."""
    position = start
    for raw in old:
        if not raw.strip():
            yield raw
        else:
            yield _line(raw, plain(raw, keys), keys.current, b"@%d " % position_in(raw, position) if moved else b"")
        position += len(raw)


def _line(raw: bytes, said: bytes, key: Key, at: bytes) -> bytes:
    text = said.rpartition(b"\t")[0] if fits(said) else raw.rstrip(b"\n")
    if key.name:
        return with_checksum(at + key.encrypt(text))
    if not fits(said):
        return raw
    return with_checksum(at + text if at else text.ljust(len(raw) - len(with_checksum(b""))))

"""What the writer does on its connection, each within one transaction."""

from __future__ import annotations

import json
from bisect import insort
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from gateway.journal.rows import Candidate, Commit, Committed
from gateway.journal.schema import Connection, octets, put, row_crc
from gateway.provenance import AUDIT_LABEL, NONE, Signer, statement


class _Version(NamedTuple):
    number: int
    digest: bytes
    quality: int
    position: int


def _next_n(connection: Connection) -> int:
    """Behind the rows, the named gaps and what was purged: a number is never given twice."""
    return int(
        connection.execute(
            "SELECT max(coalesce((SELECT max(n) FROM things), 0), coalesce((SELECT max(n) FROM missing), 0),"
            " coalesce((SELECT max(n) FROM purged), 0)) + 1"
        ).fetchone()[0]
    )


def commit(connection: Connection, asked: Commit, signer: Signer | None = None) -> list[Committed]:
    new: list[Committed] = []
    rows: list[tuple[int, str, int, str, bytes, int, int, str, int]] = []
    bodies: list[tuple[int, str]] = []
    known = _known(connection, {one.id for one in asked.candidates})
    n = _next_n(connection)
    purged = _purged(connection, known)
    for found in asked.candidates:
        if found.id in purged:
            continue  # its owner wants it forgotten, however often a device tells it
        one = _as_it_stands(connection, known[found.id], found, replaying=asked.replaying)
        if one is None:
            continue
        version = _version_for(known[one.id], one, replaying=asked.replaying)
        if version is None:
            continue
        bodies.append((n, one.render(version)))
        body, named, digest = connection.key.encrypt_text(bodies[-1][1]), connection.key.mask_text(one.id), connection.key.mask(one.digest)
        crc = row_crc(n, named, version, one.type, digest, one.quality, one.position, body)
        rows.append((n, named, version, one.type, digest, one.quality, one.position, body, crc))
        insort(known[one.id], _Version(version, one.digest, one.quality, one.position))
        new.append(Committed(n, one.id, version, one.type))
        n += 1
    if signer is not None and rows:
        _sign(connection, bodies, signer)
    connection.executemany("INSERT INTO things VALUES(?,?,?,?,?,?,?,?,?)", rows)
    if asked.mark is not None or asked.info is not None:
        identity, mark, info = connection.execute("SELECT identity, mark, info FROM devices WHERE address=?", (asked.address,)).fetchone()
        mark = mark if asked.mark is None else json.dumps(asked.mark)
        put(connection, "devices", asked.address, identity, mark, info if asked.info is None else json.dumps(asked.info))
    for rejection in asked.rejections:
        put(connection, "rejected", *rejection.stored(connection.key.encrypt(rejection.data)))
    return new


def _sign(connection: Connection, bodies: Sequence[tuple[int, str]], signer: Signer) -> None:
    """Each behind the one before it. Behind a thing without a signature the chain begins anew."""
    n = bodies[0][0]
    before = connection.execute("SELECT proofs.previous, things.body FROM proofs JOIN things USING(n) WHERE n=?", (n - 1,)).fetchone()
    link = NONE
    if before is not None:
        with suppress(ValueError):  # damaged since the start: the chain begins anew
            link = statement(n - 1, connection.key.unmask(before[0]), octets(connection.key.decrypt_text(before[1])))
    for n, body in bodies:
        said = statement(n, link, octets(body))
        put(connection, "proofs", n, signer.key, connection.key.mask(link), connection.key.mask(signer.sign(said)))
        link = said


def note(connection: Connection, body: str, signer: Signer | None) -> str:
    """An entry of the audit log, behind the one before it. Returns how far the log goes, as `Verdict.mark` says it."""
    before = connection.execute("SELECT n, body, previous FROM audit ORDER BY n DESC LIMIT 1").fetchone()
    last = 0 if before is None else int(before[0])
    link = NONE if before is None else statement(last, before[2], octets(before[1]), AUDIT_LABEL)
    said = statement(last + 1, link, octets(body), AUDIT_LABEL)
    put(connection, "audit", last + 1, body, signer.key if signer else "", link, signer.sign(said) if signer else b"")
    return f"{last + 1}:{said.hex()}"


def _as_it_stands(connection: Connection, known: Sequence[_Version], one: Candidate, *, replaying: bool) -> Candidate | None:
    """Whose a thing is was said once, and what was retracted is not said again, however often its device tells it: only its owner
    changes that. None: there is nothing to be said.
    """
    if not known or one.decided or one.of is None or one.digest == known[-1].digest:
        return one
    if replaying and any(one.digest == version.digest for version in known):
        return one
    asked = (connection.key.mask_text(one.id), known[-1].number)
    (body,) = connection.execute("SELECT body FROM things WHERE id=? AND version=?", asked).fetchone()
    try:
        said = json.loads(connection.key.decrypt_text(body))
    except ValueError:
        return one  # damaged since the start, at the next of which it is taken out: what comes now must not be held up by it
    if said.get("retracted"):
        return None
    person, by_hand = said.get("person"), bool(said.get("by_hand"))
    return one.of(person, by_hand) if by_hand or person not in (None, one.person) else one


def _purged(connection: Connection, ids: Iterable[str]) -> set[str]:
    query = "SELECT id FROM purged WHERE id IN (SELECT value FROM json_each(?))"
    return {
        connection.key.unmask_text(one)
        for (one,) in connection.execute(query, (json.dumps([connection.key.mask_text(one) for one in ids]),))
    }


def _known(connection: Connection, ids: set[str]) -> dict[str, list[_Version]]:
    """The versions that each of these things has, in order."""
    found: dict[str, list[_Version]] = {one: [] for one in ids}
    query = "SELECT id, version, digest, quality, position FROM things WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id, version"
    for thing_id, number, digest, *rest in connection.execute(query, (json.dumps([connection.key.mask_text(one) for one in ids]),)):
        found[connection.key.unmask_text(thing_id)].append(_Version(number, _unmasked(connection, digest), *rest))
    return found


def _unmasked(connection: Connection, digest: bytes) -> bytes:
    """A damaged one is like no other: what comes now must not be held up by it."""
    try:
        return connection.key.unmask(digest)
    except ValueError:
        return digest


def _version_for(known: Sequence[_Version], candidate: Candidate, *, replaying: bool) -> int | None:
    """The version that this content becomes; None if it is there already."""
    if not known:
        return 1
    latest, digest, quality, position = known[-1]
    if replaying:
        if any(digest == candidate.digest for _, digest, _, _ in known):
            return None
        lost = set(range(1, latest)) - {version for version, *_ in known}
        if not lost and candidate.position < position:
            return None
        return min(lost, default=latest + 1)
    if digest == candidate.digest and candidate.quality <= quality:
        return None
    return int(latest) + 1


class Moment(NamedTuple):
    """When a frame came: by the hub's clock, which somebody may set, and by the time since the boot of that name, which nobody can."""

    received: float
    boot: str = ""
    boottime: float = 0.0


def episode(connection: Connection, device: str, content: str, session: str, moment: Moment, position: int, within: float) -> str:
    here, content = connection.key.mask_text(f"{content}@{moment.boot}"), connection.key.mask_text(content)
    mine = connection.execute(
        "SELECT token FROM episodes WHERE device=? AND content=? AND session=?", (device, content, session)
    ).fetchone()
    if mine is not None:
        return str(mine[0])
    nearest = "SELECT token FROM episodes WHERE device=? AND content=? AND abs(?-last_seen)<=?{} ORDER BY last_seen DESC LIMIT 1"
    other = connection.execute(nearest.format(""), (device, here, moment.boottime, within)).fetchone() if moment.boot else None
    if other is None:
        # By the hub's clock; but for those of this boot, whose distance is known already.
        elsewhere = " AND session NOT IN (SELECT session FROM episodes WHERE device=? AND content=?)"
        other = connection.execute(nearest.format(elsewhere), (device, content, moment.received, within, device, here)).fetchone()
    token = str(other[0]) if other is not None else f"{session}/{position}"
    put(connection, "episodes", device, content, session, token, moment.received)
    if moment.boot:
        put(connection, "episodes", device, here, session, token, moment.boottime)
    return token


def name_gaps(connection: Connection, why: str) -> list[int]:
    rows = connection.execute(
        "SELECT n FROM (SELECT n FROM things UNION SELECT n FROM missing UNION SELECT n FROM purged WHERE n > 0) ORDER BY n"
    )
    gaps: list[int] = []
    expected = 1
    for (n,) in rows:
        gaps += range(expected, n)
        expected = n + 1
    for n in gaps:
        put(connection, "missing", n, why)
    return gaps

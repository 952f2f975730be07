"""Readings out of captures: after a crash, after damage, and for `replay`.

A capture goes through the same driver and the same filing as the live device did; the journal sorts out what is new.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field

import structlog

from drivers import Batch, DeviceError, Frame, NotAllowed
from drivers.kit.capture import CaptureError, Record
from drivers.kit.replay import ReplayLink
from gateway.config import DeviceSection
from gateway.errors import JournalError
from gateway.filing import SAME_EPISODE_SECONDS, SAME_HEARD_SECONDS, Filing, SessionFacts
from gateway.hearing import ADVERTISED
from gateway.registry import Registry
from gateway.sealed import opener
from gateway.sessions import reading

log = structlog.get_logger()


@dataclass(slots=True)
class Outcome:
    sessions: int = 0
    things: int = 0
    damaged: list[int] = field(default_factory=list)
    """Positions of intake lines that could not be read."""
    failed: dict[str, int] = field(default_factory=dict)
    """Drivers that are gone or failed, and where the first of their sessions begins: they are tried again at each start."""
    addresses: set[str] = field(default_factory=set)
    """Of the devices whose sessions these were."""


def sessions_of(records: Iterable[Record | CaptureError]) -> tuple[list[list[Record]], list[CaptureError]]:
    """The records of each session together, sessions in the order they began; and the damage."""
    found: dict[str, list[Record]] = {}
    damage: list[CaptureError] = []
    for record in records:
        if isinstance(record, CaptureError):
            damage.append(record)
        else:
            found.setdefault(record.session, []).append(record)
    return list(found.values()), damage


def identities(sessions: Iterable[list[Record]]) -> dict[str, str]:
    """By address: the identity it was given first."""
    found: dict[str, str] = {}
    for session in sessions:
        for record in session:
            if record.kind == "id":
                found.setdefault(session[0].extra.get("a", ""), record.extra.get("identity", ""))
    return found


def facts_of(opening: Record, known_as: str | None = None) -> SessionFacts:
    extra = opening.extra
    settings = extra.get("settings")
    return SessionFacts(
        session=opening.session,
        address=extra.get("a", ""),
        driver=extra.get("drv", ""),
        label=extra.get("label", ""),
        boot_id=extra.get("boot", ""),
        clock_trusted=bool(extra.get("trusted", True)),
        simulated=bool(extra.get("sim", False)),
        settings=DeviceSection.model_validate(settings) if settings else None,
        is_cable=bool(extra.get("cable", False)),
        replaying=True,
        same_within=SAME_HEARD_SECONDS if extra.get("chars") == [f"{ADVERTISED:04X}"] else SAME_EPISODE_SECONDS,
        known_as=known_as,
    )


async def readings(records: list[Record], registry: Registry) -> AsyncGenerator[tuple[Batch, list[tuple[Frame, Exception]]]]:
    """What the driver makes of one session. Ends where the capture ends."""
    loaded = registry.by_name.get(records[0].extra.get("drv", ""))
    if loaded is None:
        return
    link = ReplayLink(records, opener)
    batches = reading(loaded.driver, link)
    while True:
        try:
            batch = await anext(batches)
        except StopAsyncIteration:
            break
        except (DeviceError, NotAllowed):
            break  # as it was live: what had been complete was given out before
        taken, link.rejected = link.rejected, []
        yield batch, taken
    if link.rejected:
        yield Batch(), link.rejected


async def work_off(records: Iterable[Record | CaptureError], registry: Registry, filing: Filing) -> Outcome:
    """File everything these records hold that the journal does not. Raises `JournalError` when it cannot be written."""
    outcome = Outcome()
    together, damage = sessions_of(records)
    outcome.damaged = [error.position for error in damage]
    known_as = identities(together)
    for session in together:
        if session[0].kind != "open":
            # The end of a session that was worked off before; or one whose opening is damaged; or no session at all.
            if damage and session[0].session:
                outcome.damaged.append(session[0].position)
            continue
        # Behind one plug another device may be each time; what a session was filed under, it says itself.
        mine = identities([session]) if session[0].extra.get("cable") else known_as
        facts = facts_of(session[0], mine.get(session[0].extra.get("a", "")))
        outcome.addresses.add(facts.address)
        if facts.driver not in registry.by_name:
            outcome.failed.setdefault(facts.driver, session[0].position)
            continue
        outcome.sessions += 1
        try:
            async with aclosing(readings(session, registry)) as batches:
                async for batch, rejected in batches:
                    outcome.things += len(await filing.file(facts, batch, rejected))
                outcome.things += len(await filing.finish(facts))
        except JournalError:
            raise  # a full disk is no fault of this session: nothing after it would fare better
        except Exception:
            log.exception("a session could not be replayed", session=facts.session, driver=facts.driver)
            outcome.failed.setdefault(facts.driver, session[0].position)
    return outcome

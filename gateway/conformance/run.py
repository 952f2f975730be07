"""All laws over one driver, and what comes of them as a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gateway.conformance import conversation, file, identity
from gateway.conformance.case import Case, TooLong

Law = Callable[[Case], Iterator[str]]
LAWS: dict[str, Law] = {law.__name__.replace("_", "-"): law for law in (*file.LAWS, *conversation.LAWS, *identity.LAWS)}
MOST_TOLD = 5
"""Problems of one law: what follows is more of the same, as a rule."""


@dataclass(frozen=True, slots=True)
class Verdict:
    law: str
    says: str
    """What it asks for."""
    problems: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return not self.problems


def run(case: Case) -> Iterator[Verdict]:
    """Each law in turn. One that cannot be asked, because the driver's own code fails, does not hold."""
    yield Verdict("readable", "What there is to test can be read.", case.problems[:MOST_TOLD])
    replays = [case.replay(capture) for capture in case.captures]
    faults = {done.fault for done in replays if done.fault}
    never_ends = any(isinstance(done.error, TooLong) for done in replays)
    for name, law in LAWS.items():
        # A gateway would wait for it for ever; and what does not end would not end once more, and once more.
        if (law in identity.LAWS and faults) or (never_ends and law not in file.LAWS):
            yield Verdict(name, _asks(law), tuple(f"cannot be asked: {fault}" for fault in faults))
            continue
        problems: list[str] = []
        try:
            for problem in law(case):
                problems.append(problem)
                if len(problems) == MOST_TOLD:
                    break
        except Exception as error:  # noqa: BLE001 - a stranger's code: the other laws go on
            problems.append(f"{type(error).__name__}: {error}")
        yield Verdict(name, _asks(law), tuple(problems))


def _asks(law: Law) -> str:
    return " ".join((law.__doc__ or "").split())

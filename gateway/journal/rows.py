"""What goes into the journal and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from gateway.provenance import Proof


@dataclass(frozen=True, slots=True)
class Candidate:
    """A thing that may be new. `render(version)` gives its JSON; `digest` is of its content without times and provenance.

    `person`: whose it would be; `of(person, by_hand)` the same thing as somebody's, or nobody's, by their word or not. `decided`: by that
    word itself, which stands above what stood.
    """

    id: str
    type: str
    digest: bytes
    quality: int
    position: int
    render: Callable[[int], str]
    person: str | None = None
    of: Callable[[str | None, bool], Candidate] | None = None
    decided: bool = False


class Committed(NamedTuple):
    n: int
    id: str
    version: int
    type: str


class Row(NamedTuple):
    """A thing as it is handed out."""

    n: int
    id: str
    version: int
    type: str
    quality: int
    body: str
    proof: Proof | None = None
    """Of one that was signed."""
    before: tuple[str, ...] = ()
    """Whose earlier versions said it was."""


class Fate(NamedTuple):
    """What has become of the things up to `cursor` at one sink."""

    cursor: int
    deferred: Mapping[int, str] = {}
    """By number, why: each waits for an event of its own."""
    held: Mapping[int, tuple[str, str]] = {}
    """By number, in whose line it waits and why: the lines are tried again in order."""
    gone: Sequence[int] = ()
    """Numbers that leave `deferred` and `held`, before the others enter."""


LARGEST = (1 << 63) - 1


class Rejection(NamedTuple):
    position: int
    session: str
    address: str
    driver: str
    characteristic: int
    data: bytes
    error: str
    at: float

    def stored(self, data: bytes) -> tuple[Any, ...]:
        """A row. A number of 128 bits is a text there: SQLite has 64."""
        wide = self.characteristic > LARGEST
        return (*self[:4], f"0x{self.characteristic:032X}" if wide else self.characteristic, data, self.error, self.at)

    @classmethod
    def restored(cls, row: tuple[Any, ...]) -> Rejection:
        made = cls(*row)
        return made if isinstance(made.characteristic, int) else made._replace(characteristic=int(str(made.characteristic), 16))


@dataclass(frozen=True, slots=True)
class Commit:
    address: str
    candidates: Sequence[Candidate] = ()
    mark: Mapping[str, Any] | None = None
    info: Mapping[str, Any] | None = None
    rejections: Sequence[Rejection] = ()
    replaying: bool = False

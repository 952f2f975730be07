"""One thing per line, as the journal holds it. Every version is there; the highest of an id counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.journal import Row


def lines(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        yield row.body + "\n"
